"""Several processes that share a batch learn from it as one would."""

import os
import socket
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from pydantic import TypeAdapter
from torch import Tensor

from pointillist.core.shapes import IGNORE
from pointillist.core.target import Target
from pointillist.losses import LOSSES, AnyLoss, CrossEntropy, Loss
from pointillist.losses.reduction import image_mean
from tests.losses.batches import of_images, told

PARTS = ([0, 1, 2], [3], [])
"""Which images each process has: one has hardly any, one none and shows another's that counts nothing."""
EVERY: list[Loss] = [TypeAdapter[Any](AnyLoss).validate_python({"kind": kind}) for kind in sorted(LOSSES)]
EVERY.append(CrossEntropy(positive_weight=10.0))


def scene() -> tuple[Tensor, Target, Tensor]:
    """Give logits, what is known and images; much is known of some images, little of others."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.zeros(4, 12, 12, dtype=torch.int64)
    truth[:, 3:8, 2:9] = 1
    target = told(truth, 2)
    labels, soft = truth.clone(), target.soft.clone()
    labels[1:][torch.rand(labels[1:].shape, generator=generator) < 0.9] = IGNORE
    soft[2:] *= torch.rand(2, 1, 12, 12, generator=generator) * 0.5
    sizes, tags, boxes = target.sizes.clone(), target.tags.clone(), target.boxes.clone()
    sizes[0], tags[2], boxes[3] = torch.tensor([0, torch.inf]), IGNORE, IGNORE
    logits = torch.randn(4, 2, 12, 12, generator=generator, dtype=torch.float64)
    images = torch.rand(4, 3, 12, 12, generator=generator, dtype=torch.float64)
    return logits, replace(target, labels=labels, soft=soft, sizes=sizes, tags=tags, boxes=boxes), images


def slopes(rows: list[int], idle: bool) -> list[tuple[float, Tensor]]:
    """Give each loss's value and its gradient by the logits of some images."""
    logits, target, images = scene()
    found = []
    for loss in EVERY:
        part = logits[rows].requires_grad_()
        known = Target.unknown(len(rows), 2, 12, 12) if idle else of_images(target, rows)
        value = loss(part, known, images[rows])
        if not loss.reads:
            value = image_mean(value, 0 if idle else len(rows))
        total = value if value.requires_grad else value + 0 * part.sum()
        (slope,) = torch.autograd.grad(total, part)
        found.append((float(value.detach()), slope))
    return found


def work(rank: int, port: int, answer: Connection) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    dist.init_process_group("gloo", rank=rank, world_size=len(PARTS))
    rows = PARTS[rank]
    answer.send([(value, slope.tolist()) for value, slope in slopes(rows or PARTS[0][:1], idle=not rows)])
    dist.destroy_process_group()


def test_a_shared_batch_costs_and_teaches_what_it_does_in_one_process() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context, answers = mp.get_context("spawn"), []
    for rank in range(len(PARTS)):
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(rank, port, theirs))
        process.start()
        answers.append((process, mine))
    shared = [mine.recv() for process, mine in answers if mine.poll(120) or process.join(1)]
    for process, _ in answers:
        process.join(60)
        assert process.exitcode == 0
    alone = slopes([0, 1, 2, 3], idle=False)
    for number, (loss, (value, slope)) in enumerate(zip(EVERY, alone, strict=True)):
        assert [part[number][0] for part in shared] == [pytest.approx(value)] * len(PARTS), loss.kind
        # As gradients are averaged over the processes, each image's is divided by their number.
        parts = [torch.tensor(part[number][1], dtype=slope.dtype) / len(PARTS) for part in shared]
        assert torch.allclose(torch.cat(parts[:2]), slope, atol=1e-10), loss.kind
        assert not parts[2].any(), "nothing of an idle process counts"
