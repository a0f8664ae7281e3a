"""Read the original files of MNIST, Fashion-MNIST and CIFAR-10, each checked by its SHA-256."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pickle
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tfgan_survey.data.sets.catalogue import DatasetInfo, idx_header
from tfgan_survey.errors import DataError

Arrays = dict[str, tuple[np.ndarray, np.ndarray]]

# Folders below the given one that are searched too: a package or a torchvision root has the files
# two or three levels down.
_DEPTH = 4
_IDX_PREFIX = {"train": "train", "test": "t10k"}
# SHA-256 of the batches of the binary version of CIFAR-10 (label byte, then red, green and blue
# plane, per image); every other form is turned into this one and compared.
_CIFAR_BATCHES = {
    "data_batch_1": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
_CIFAR_ROW = 1 + 3 * 32 * 32
_CIFAR_BATCH = 10_000 * _CIFAR_ROW
# Room for what surrounds the pixels: pickled labels and file names, PNG chunks, JSON digits.
_SURROUNDINGS = 4 * 2**20


def read_originals(info: DatasetInfo, folder: str | os.PathLike) -> Arrays:
    """Read all original files of a data set from a folder or its subfolders.

    Args:
        info: the data set, with counts and digests.
        folder: holds IDX files, plain or `.gz`; for CIFAR-10 the binary batches, the Python
            batches, or PNG sheets with labels as JSON.

    Returns:
        `{split: (images uint8 (n, height, width, channels), labels uint8 (n,))}` in original
        order.

    Raises:
        DataError: a file is missing, truncated, altered or something else; the message names it
            with what was found and expected.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; expected one with the files of {info.name}.")
    files = _list_files(folder)
    read = _read_idx_set if info.layout == "idx" else _read_cifar
    return read(info, folder, files)


def _list_files(folder: Path) -> dict[str, Path]:
    """Map file names to paths, the shallowest first."""
    files: dict[str, Path] = {}
    top = len(folder.parts)
    for parent, folders, names in os.walk(folder):
        folders.sort()
        if len(Path(parent).parts) - top >= _DEPTH:
            folders.clear()
        for name in sorted(names):
            path = Path(parent, name)
            if name not in files or len(path.parts) < len(files[name].parts):
                files[name] = path
    return files


def _pick(files: dict[str, Path], folder: Path, *names: str) -> Path:
    """Return the first of several file names that is there."""
    for name in names:
        if name in files:
            return files[name]
    raise DataError(f"{folder} has no file {' or '.join(names)}, nor has a folder in it.")


def _load(path: Path, most: int) -> bytes:
    """Return a file's content, unpacked if it is gzip.

    Args:
        path: the file.
        most: bytes of the longest content that can be right. No more than one byte beyond it is
            ever unpacked: a small gzip file can hold gigabytes.

    Raises:
        DataError: it cannot be read, is truncated, or longer.
    """
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path} cannot be read: it is no regular file.")
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            data = (gzip.GzipFile(fileobj=file) if packed else file).read(most + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: truncated or altered gzip file ({error}); found {path.stat().st_size:,} "
            "bytes. Fetch it again."
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    if len(data) > most:
        raise DataError(
            f"{path}: found more than the {most:,} bytes that it can have: it is another file. "
            "Fetch it again."
        )
    return data


def _check_digest(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise DataError(
            f"{path} is altered: found sha256 {found}, expected {expected}. Fetch it again."
        )


def read_idx(path: Path, shape: tuple[int, ...], sha256: str) -> np.ndarray:
    """Read one IDX file of unsigned bytes, plain or gzip.

    Args:
        path: the file.
        shape: the shape it must have, `(n,)` for labels, `(n, height, width)` for images.
        sha256: of the unpacked file.

    Returns:
        uint8 array of that shape.

    Raises:
        DataError: wrong magic number, shape, length or digest.
    """
    header = idx_header(shape)
    size = len(header) + int(np.prod(shape))
    data = _load(path, size)
    if data[:4] != header[:4]:
        raise DataError(
            f"{path}: wrong magic number, found 0x{data[:4].hex() or '(empty file)'}, expected "
            f"0x{header[:4].hex()}."
        )
    if len(data) != size:
        raise DataError(
            f"{path}: found {len(data):,} bytes, expected {size:,}: it is truncated or another "
            "file. Fetch it again."
        )
    if data[: len(header)] != header:
        found = np.frombuffer(data[4 : len(header)], ">u4").tolist()
        raise DataError(f"{path}: found dimensions {found}, expected {list(shape)}.")
    _check_digest(path, hashlib.sha256(data).hexdigest(), sha256)
    return np.frombuffer(data, np.uint8, offset=len(header)).reshape(shape)


def _read_idx_set(info: DatasetInfo, folder: Path, files: dict[str, Path]) -> Arrays:
    arrays = {}
    for split, count in info.counts.items():
        parts = []
        for kind, dimensions in (("images", 3), ("labels", 1)):
            name = f"{_IDX_PREFIX[split]}-{kind}-idx{dimensions}-ubyte"
            dotted = name.replace("-idx", ".idx")
            path = _pick(files, folder, name, f"{name}.gz", dotted, f"{dotted}.gz")
            shape = (count, *info.image_shape[:2]) if kind == "images" else (count,)
            parts.append(read_idx(path, shape, info.digests[f"{split}_{kind}"]))
        arrays[split] = (parts[0].reshape(count, *info.image_shape), parts[1])
    return arrays


def _reconstruct(kind, shape, dtype):
    """Make the empty array that a pickle fills afterwards; another shape would take memory."""
    if tuple(shape) != (0,):
        raise pickle.UnpicklingError(f"it asks for an array of shape {shape}")
    return np.ndarray(shape, dtype)


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles numpy arrays and plain containers; a pickle could name any function to call."""

    _ALLOWED = ("ndarray", "dtype", "scalar")

    def find_class(self, module, name):
        if module.split(".")[0] == "numpy" and name == "_reconstruct":
            return _reconstruct
        if module.split(".")[0] == "numpy" and name in self._ALLOWED:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        if (module, name) == ("_codecs", "encode"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _python_rows(path: Path) -> np.ndarray:
    """Turn a batch of CIFAR-10's Python version into rows of its binary version."""
    try:
        # Pickles of Python 2 hold bytes as UTF-8 text: two bytes for each of 128 and more.
        batch = _load(path, 2 * _CIFAR_BATCH + _SURROUNDINGS)
        batch = _ArrayUnpickler(io.BytesIO(batch), encoding="bytes").load()
        labels, planes = np.asarray(batch[b"labels"], np.uint8), np.asarray(batch[b"data"])
        return np.concatenate([labels[:, None], planes.astype(np.uint8)], axis=1)
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} is not a batch of CIFAR-10's Python version: {type(error).__name__}: {error}."
        ) from error


def _png_rows(path: Path, labels_path: Path, first: int) -> np.ndarray:
    """Turn a sheet of one 32x32 RGB image a row into rows of the binary version."""
    try:
        with Image.open(io.BytesIO(_load(path, _CIFAR_BATCH + _SURROUNDINGS))) as sheet:
            # Known from the header, before anything is unpacked.
            if sheet.size != (1024, 10_000):
                raise DataError(f"{path}: found an image {sheet.size}, expected (1024, 10000).")
            pixels = np.asarray(sheet.convert("RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path}: truncated or not a PNG file ({error}). Fetch it again."
        ) from error
    try:
        labels = np.asarray(json.loads(_load(labels_path, _SURROUNDINGS)), np.uint8)[
            first : first + 10_000
        ]
        images = pixels.reshape(10_000, 1024, 3).transpose(0, 2, 1).reshape(10_000, -1)
        return np.concatenate([labels[:, None], images], axis=1)
    except (ValueError, TypeError, IndexError) as error:
        raise DataError(f"{labels_path} does not hold 10,000 labels a batch: {error}.") from error


def _read_cifar(info: DatasetInfo, folder: Path, files: dict[str, Path]) -> Arrays:
    parts: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    for name, sha256 in _CIFAR_BATCHES.items():
        split = "test" if name == "test_batch" else "train"
        path = _pick(files, folder, f"{name}.bin", name, f"{name}.png")
        if path.suffix == ".bin":
            data = _load(path, _CIFAR_BATCH)
            if len(data) != _CIFAR_BATCH:
                raise DataError(
                    f"{path}: found {len(data):,} bytes, expected {_CIFAR_BATCH:,}: it is "
                    "truncated or another file. Fetch it again."
                )
            rows = np.frombuffer(data, np.uint8).reshape(-1, _CIFAR_ROW)
        elif path.suffix == ".png":
            labels_path = _pick(files, folder, f"{split}_lables.json", f"{split}_labels.json")
            rows = _png_rows(path, labels_path, 10_000 * len(parts[split]))
        else:
            rows = _python_rows(path)
        _check_digest(path, hashlib.sha256(np.ascontiguousarray(rows)).hexdigest(), sha256)
        parts[split].append(rows)
    arrays = {}
    for split, count in info.counts.items():
        rows = np.concatenate(parts[split])
        images = rows[:, 1:].reshape(count, 3, 32, 32).transpose(0, 2, 3, 1)
        arrays[split] = (np.ascontiguousarray(images), np.ascontiguousarray(rows[:, 0]))
    return arrays
