"""Read the tensors of a saved PyTorch module without PyTorch, and without running what it holds."""

from __future__ import annotations

import io
import os
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np

from tfgan_survey.errors import DataError

_FLOAT = np.dtype("<f4")
# What a truncated, altered or hostile file makes the reader raise.
_BROKEN = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,  # zipfile on encrypted members; RecursionError
    TypeError,
    ValueError,
)


class _Module:
    """Stands for any class of the saved program: it keeps attributes and has no behaviour."""

    def __setstate__(self, state):
        if not isinstance(state, dict):
            raise pickle.UnpicklingError(f"the state of a module is a {type(state).__name__}")
        self.__dict__.update(state)


class _EmptyDict(dict):
    """`collections.OrderedDict`, which tensors carry for hooks; it must stay empty."""

    def __init__(self, *content):
        if content:
            raise pickle.UnpicklingError("a tensor has hooks")


def _rebuild_tensor(storage, offset, size, stride, requires_grad, hooks):
    """Return the strided view of a storage as an array of its own, every bound checked."""
    del requires_grad, hooks
    numbers = [offset, *size, *stride]
    if len(size) != len(stride) or any(type(one) is not int or one < 0 for one in numbers):
        raise pickle.UnpicklingError(f"a tensor has offset {offset}, size {size}, stride {stride}")
    if 0 in size:
        return np.empty(size, storage.dtype)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if last >= len(storage):
        raise pickle.UnpicklingError(f"a tensor ends at {last} of {len(storage)} stored values")
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps).copy()


def _int_list(values):
    return [int(value) for value in values]


class _TensorUnpickler(pickle.Unpickler):
    """Knows tensors, containers and inert modules; a pickle could name any function to call."""

    _KNOWN = {  # noqa: RUF012
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch", "FloatStorage"): _FLOAT,
        ("torch.jit._pickle", "build_intlist"): _int_list,
        ("collections", "OrderedDict"): _EmptyDict,
    }

    def __init__(self, content: bytes, archive: zipfile.ZipFile, root: str):
        super().__init__(io.BytesIO(content))
        self._archive, self._root = archive, root

    def find_class(self, module, name):
        if module.split(".")[0] == "__torch__":
            return _Module
        if (module, name) not in self._KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not a tensor")
        return self._KNOWN[module, name]

    def persistent_load(self, pid):
        kind, dtype, key, _, count = pid
        if kind != "storage" or dtype is not _FLOAT or not re.fullmatch(r"\d+", str(key)):
            raise pickle.UnpicklingError(f"it refers to {pid!r}; expected a storage of floats")
        content = _read_stored(self._archive, f"{self._root}/data/{key}")
        if len(content) != count * dtype.itemsize:
            raise pickle.UnpicklingError(
                f"storage {key} has {len(content)} bytes, expected {count * dtype.itemsize}"
            )
        return np.frombuffer(content, dtype)


def _read_stored(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a member stored plain, as PyTorch does: a small file cannot unpack to a huge one."""
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise pickle.UnpicklingError(f"{name} is compressed")
    return archive.read(name)


def read_tensors(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read all float tensors of a saved PyTorch module (TorchScript archive) by their names.

    The file is a zip of one pickle and one raw file a tensor. A pickle is a program; this reader
    lets it build tensors, containers and empty stand-ins for modules, and refuses everything else.
    The code inside the archive is not looked at.

    Args:
        path: the file.

    Returns:
        float32 arrays by dotted path, for example `"net.layers.conv.weight"`.

    Raises:
        DataError: missing, not such an archive, truncated, or it asks for anything but tensors.

    Source:
        PyTorch, torch/csrc/jit/docs/serialization.md.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            roots = [
                name.split("/")[0]
                for name in archive.namelist()
                if name.count("/") == 1 and name.endswith("/data.pkl")
            ]
            if len(roots) != 1:
                raise pickle.UnpicklingError(f"it has {len(roots)} files data.pkl, expected 1")
            content = _read_stored(archive, f"{roots[0]}/data.pkl")
            module = _TensorUnpickler(content, archive, roots[0]).load()
        return dict(_tensors(module, ""))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    except _BROKEN as error:
        raise DataError(
            f"{path} is not a PyTorch archive of plain float tensors: {type(error).__name__}: "
            f"{error}. Nothing of it was run. Fetch it again."
        ) from error


def _tensors(value, path: str):
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, (_Module, dict)):
        for name, one in (value if isinstance(value, dict) else vars(value)).items():
            yield from _tensors(one, f"{path}.{name}" if path else str(name))
