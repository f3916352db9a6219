"""A SAM in two ONNX files of the usual layout, run by onnxruntime (an optional extra)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from pointillist.core.errors import InputError
from pointillist.core.extras import install
from pointillist.propagate.onnx_file import read_onnx
from pointillist.propagate.sam_decoder import MASK_SIDE, Found, Kinds, Places
from pointillist.propagate.sam_encoder import SIDE, Maps

INPUTS = {"image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size"}
OUTPUTS = ["low_res_masks", "iou_predictions"]


class OnnxSam:
    """A `Segmenter` of two files.

    Args:
        folder: holds one ``*encoder*.onnx`` (standardised images, float32 (1, 3, 1024, 1024), to embeddings)
            and one ``*decoder*.onnx`` with the inputs and outputs of SAM's own export.

    Raises:
        InputError: a file is missing, has another layout or tensors in other files, or onnxruntime is not
            installed.
    """

    def __init__(self, folder: Path) -> None:
        self._encoder, self._decoder = (_session(folder, part) for part in ("encoder", "decoder"))
        self._image = self._encoder.get_inputs()[0]
        if list(self._image.shape)[1:] != [3, SIDE, SIDE]:
            must = f"the encoder must read images (1, 3, {SIDE}, {SIDE})"
            raise InputError(must, f"{self._image.shape}", "Export it without its own preprocessing.", folder)
        names = {i.name for i in self._decoder.get_inputs()}, {o.name for o in self._decoder.get_outputs()}
        if names[0] != INPUTS or not names[1].issuperset(OUTPUTS):
            must = f"the decoder must read {sorted(INPUTS)} and give {OUTPUTS}"
            fix = "Export it with the script of SAM or MobileSAM."
            raise InputError(must, f"{sorted(names[0])} and {sorted(names[1])}", fix, folder)

    def encode(self, images: Maps) -> Maps:
        """Embed standardised images."""
        embedding: Maps = torch.from_numpy(self._encoder.run(None, {self._image.name: images.numpy()})[0])
        return embedding

    def decode(self, embedding: Maps, places: Places, kinds: Kinds, mask: Maps | None) -> Found:
        """Give the logits of the masks of one prompt, and the IoU that is expected of each."""
        empty = np.zeros((1, 1, MASK_SIDE, MASK_SIDE), np.float32)
        feed = {
            "image_embeddings": embedding.numpy(),
            "point_coords": places[None].numpy(),
            "point_labels": kinds[None].float().numpy(),
            "mask_input": empty if mask is None else mask.numpy(),
            "has_mask_input": np.array([mask is not None], np.float32),
            # Only for the enlarged masks, which are not asked for.
            "orig_im_size": np.array([SIDE, SIDE], np.float32),
        }
        masks, scores = self._decoder.run(OUTPUTS, feed)
        return torch.from_numpy(masks[0]), torch.from_numpy(scores[0])


def _session(folder: Path, part: str) -> Any:
    files = sorted(folder.glob(f"*{part}*.onnx"))
    if len(files) != 1:
        names = ", ".join(p.name for p in sorted(folder.iterdir())[:10]) or "an empty folder"
        fix = "Put the two files of one export there, and no other."
        raise InputError(f"the folder must hold one *{part}*.onnx", names, fix, folder)
    model = read_onnx(files[0])
    try:
        import onnxruntime
    except ImportError:
        fix = f"Install it: {install('sam')}; or give mobile_sam.pt, which needs nothing more."
        raise InputError("ONNX files need onnxruntime", "it is not installed", fix, folder) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # Its errors share no base class of their own.
        found = " ".join(str(error).split())[:200]
        raise InputError("the file must be an ONNX model", found, "Export it anew.", files[0]) from None
