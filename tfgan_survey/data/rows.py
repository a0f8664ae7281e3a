"""Arrays that are rows of a file: cut, joined and streamed without reading them into memory."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


def map_rows(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """Return bytes of a file as an array that is read where it is looked at.

    Args:
        path: a file of these bytes and nothing else.
        shape: of the array, uint8.
    """
    # Copied on write, which never comes: TensorFlow takes no memory that may not be written to.
    rows = np.memmap(path, np.uint8, "c", shape=shape)[:]
    rows.flags.writeable = False
    return rows


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return arrays one after the other; neighbours in a file stay there, others are copied.

    Args:
        parts: of equal shapes but for their length.
    """
    if len(parts) == 1:
        return parts[0]
    places = [_place(part) for part in parts]
    if all(place is not None for place in places):
        root = places[0][0]
        ends = [first + len(part) for (_, first), part in zip(places, parts, strict=True)]
        same = all(place[0] is root for place in places)
        if same and all(end == place[1] for end, place in zip(ends, places[1:], strict=False)):
            rows = root[places[0][1] : ends[-1]]
            rows.flags.writeable = False
            return rows
    return np.concatenate(parts)


def tensor_of(array: np.ndarray) -> tuple[tf.Tensor, int]:
    """Return a tensor and which of its rows is the array's first.

    Why:
        Rows of a file stay there: the tensor shares the mapped memory, so batches are gathered by
        the same operations as from memory, and the system drops pages that have been read where
        memory is short.

    Args:
        array: any; part of `map_rows`'s result for a tensor that is not in memory.
    """
    import tensorflow as tf

    if (place := _place(array)) is None:
        return tf.constant(array), 0
    root, first = place
    if hasattr(mmap, "MADV_RANDOM"):  # Windows has no such advice
        # Else each row would be read with megabytes around it, of which nothing is asked for soon.
        root.base.madvise(mmap.MADV_RANDOM)
    return tf.experimental.dlpack.from_dlpack(np.asarray(root).__dlpack__()), first


def _place(array: np.ndarray) -> tuple[np.memmap, int] | None:
    """Return the whole file that an array is whole rows of, and the first of them."""
    root = array
    while isinstance(root, np.memmap) and isinstance(root.base, np.memmap):
        root = root.base
    if not isinstance(root, np.memmap) or not array.flags.c_contiguous:
        return None
    if array.shape[1:] != root.shape[1:] or array.dtype != root.dtype:
        return None
    begin = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    return root, begin // int(np.prod(root.shape[1:]))
