"""Files that would run something where they are loaded without care: each touches a canary."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

Gadget = tuple[Callable[..., Any], tuple[Any, ...]]


class Armed:
    """Calls a function when it is unpickled."""

    def __init__(self, gadget: Gadget) -> None:
        self.gadget = gadget

    def __reduce__(self) -> Gadget:
        return self.gadget


def gadgets(canary: Path) -> dict[str, Gadget]:
    import os
    import runpy
    import shutil
    import subprocess

    text = f"open({str(canary)!r}, 'w').close()"
    return {
        "system": (os.system, (f"touch '{canary}'",)),
        "exec": (exec, (text,)),
        "eval": (eval, (text,)),
        "mknod": (os.mknod, (str(canary),)),
        "popen": (subprocess.call, (["touch", str(canary)],)),
        "touch": (Path.touch, (canary,)),
        "copy": (shutil.copyfile, ("/dev/null", str(canary))),
        "run_code": (runpy._run_code, (text, {})),  # type: ignore[attr-defined]
    }


def pickles(canary: Path) -> dict[str, bytes]:
    """Pickles of all protocols and with several gadgets, bare and packed; loaded, each touches the canary."""
    found = {f"{name}.pickle": pickle.dumps(Armed(g), 2) for name, g in gadgets(canary).items()}
    system = gadgets(canary)["system"]
    for protocol in range(6):
        found[f"protocol {protocol}.pickle"] = pickle.dumps(Armed(system), protocol)
    found["inst.pickle"] = f"(S\"touch '{canary}'\"\nios\nsystem\n.".encode()
    found["hidden in a dictionary.pickle"] = pickle.dumps({"state": [1, {"weights": Armed(system)}]}, 4)
    found["hidden in an array.pickle"] = pickle.dumps(np.array([Armed(system)], object), 4)
    return found


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def archives(canary: Path) -> dict[str, bytes]:
    """Pickles in what packs them: compressed, zipped, and the forms of PyTorch, old and new."""
    bare = pickles(canary)["system.pickle"]
    armed = {"weight": torch.zeros(2), "more": Armed(gadgets(canary)["system"])}
    new, legacy = io.BytesIO(), io.BytesIO()
    torch.save(armed, new)
    torch.save(armed, legacy, _use_new_zipfile_serialization=False)
    script = {
        "x/data.pkl": bare,
        "x/constants.pkl": bare,
        "x/code/__torch__.py": b"import os\n",
        "x/version": b"3\n",
    }
    old = {name: bare for name in ("sys_info", "pickle", "storages", "tensors")}
    return {
        "packed.pickle.gz": gzip.compress(bare),
        "packed.pickle.bz2": bz2.compress(bare),
        "packed.pickle.xz": lzma.compress(bare),
        "joblib.z": zlib.compress(bare),
        "torch.pth": new.getvalue(),
        "torch legacy.pth": legacy.getvalue(),
        "torch legacy tar.pth": tarred(old),
        "torchscript.pt": zipped(script),
        "package.pt": zipped(
            {"p/.data/extern_modules": b"os\n", "p/m/model.pkl": bare, "p/m.py": b"import os\n"}
        ),
        "nested.zip": zipped({"a.zip": zipped({"b.zip": zipped({"data.pkl": bare})})}),
        "out of the folder.zip": zipped({"../canary": b"", str(canary): b""}),
        "out of the folder.tar": tarred({"../canary": b"", str(canary): b""}),
    }


def npy(header: str, data: bytes = b"") -> bytes:
    packed = header.encode() + b"\n"
    return np.lib.format.MAGIC_PREFIX + b"\1\0" + struct.pack("<H", len(packed)) + packed + data


def arrays(canary: Path) -> dict[str, bytes]:
    """Arrays of objects, of expressions, and of more bytes than anybody has."""
    bare = pickles(canary)["system.pickle"]
    objects, archive, structured = io.BytesIO(), io.BytesIO(), io.BytesIO()
    armed = np.array([[Armed(gadgets(canary)["system"])]], object)
    np.save(objects, armed, allow_pickle=True)
    np.savez(archive, labels=armed)
    np.save(structured, np.array([(1, armed[0, 0])], [("a", "i4"), ("b", "O")]), allow_pickle=True)
    claim = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}"
    return {
        "objects.npy": objects.getvalue(),
        "objects by hand.npy": npy(claim.format("|O", (6, 8)), bare),
        "structured.npy": structured.getvalue(),
        "objects.npz": archive.getvalue(),
        "bomb.npz": zipped({"labels.npy": npy(claim.format("|u1", (1 << 12, 1 << 13)), bytes(1 << 25))}),
        "claims a petabyte.npy": npy(claim.format("|u1", (1 << 25, 1 << 25))),
        "expression.npy": npy(f"__import__('os').system(\"touch '{canary}'\")"),
    }


def texts(canary: Path) -> dict[str, bytes]:
    """Texts that careless readers build objects from, or follow elsewhere."""
    touch, bare = f"touch '{canary}'", pickles(canary)["protocol 0.pickle"]
    aliases = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
    reduced = {"py/reduce": [{"py/function": "os.system"}, {"py/tuple": [touch]}]}
    doctype = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><annotations>&e;</annotations>'
    objects = {"dtype": "O", "shape": [1], "data_offsets": [0, len(bare)]}
    head = json.dumps({"__metadata__": {"pickle": bare.decode()}, "weight": objects}).encode()
    told = {
        "apply.yaml": f"!!python/object/apply:os.system [{json.dumps(touch)}]",
        "new.yaml": f"!!python/object/new:subprocess.Popen [[touch, {json.dumps(str(canary))}]]",
        "in a field.yaml": f"name: !!python/object/apply:os.system [{json.dumps(touch)}]",
        "name.yaml": "name: !!python/name:os.system",
        "module.yaml": "name: !!python/module:os",
        "key.yaml": f"? !!python/object/apply:os.system [{json.dumps(touch)}]\n: 1",
        "aliases.yaml": "\n".join(aliases),
        "reduced.json": json.dumps(reduced),
        "entity.xml": doctype,
    }
    return {name: text.encode() for name, text in told.items()} | {
        "objects.safetensors": struct.pack("<Q", len(head)) + head + bare
    }


def payloads(canary: Path) -> dict[str, bytes]:
    return pickles(canary) | archives(canary) | arrays(canary) | texts(canary)
