"""Images of the user's own in an `.npz`, and how test images of own sets are held out.

Such a set answers as a prepared folder does: `counts`, `class_names` and `read`.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfgan_survey.errors import DataError

_OPTIONAL = ("labels", "test_images", "test_labels", "class_names")
# An id beyond is a mistake, such as a hash, and not a class: networks have an output for each.
_MOST_CLASSES = 2**16
# What numpy and zipfile raise for files that are no archive, cut short, altered, locked
# (RuntimeError) or packed in a way that zipfile cannot unpack (NotImplementedError).
_UNREADABLE = (
    OSError, ValueError, EOFError, MemoryError, NotImplementedError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def with_test(path: Path, labels: Mapping[str, np.ndarray]) -> dict[str, tuple[str, np.ndarray]]:
    """Return where the images of each split are stored; without test images some are held out.

    Formula:
        test = the last max(n // 10, min(2, n // 2)) of the n images of each class, in original
        order: a tenth, but two of a class of four or more, and one of a class of two or three.
    Why:
        Pictures are often sorted by class: the last tenth of all would be one class only. Metrics
        that look inside a class need two of it.

    Args:
        path: where the set lies, for the message.
        labels: what is stored as a split to class ids, integers `(n,)`; `"test"` may be missing.

    Returns:
        Split to what it is stored as and which rows of that.

    Raises:
        DataError: nothing can be held out.
    """
    places = {split: (split, np.arange(len(ids))) for split, ids in labels.items()}
    if "test" not in labels:
        held = last_tenth(labels["train"])
        if not held.any():
            raise DataError(
                f"{path}: no class has two images, of which one could be a test image; add "
                "some, or give test images of their own."
            )
        places["train"] = "train", np.flatnonzero(~held)
        places["test"] = "train", np.flatnonzero(held)
    return places


def last_tenth(labels: np.ndarray) -> np.ndarray:
    """Return which images are held out as test images, see `with_test`.

    Args:
        labels: class ids, integers `(n,)`.

    Returns:
        bool `(n,)`.

    Example:
        >>> last_tenth(np.array([0, 1, 0, 1, 2])).tolist()
        [False, False, True, True, False]
    """
    counts = np.bincount(labels)
    held = np.maximum(counts // 10, np.minimum(2, counts // 2))
    by_class = np.argsort(labels, kind="stable")
    left = np.cumsum(counts)[labels[by_class]] - np.arange(len(labels))  # 1 is a class's last
    result = np.empty(len(labels), bool)
    result[by_class] = left <= held[labels[by_class]]
    return result


class ArrayFile:
    """An `.npz` with `images` and optional `labels`, `test_images`, `test_labels`, `class_names`.

    Args:
        path: the file; images are uint8 `(n, h, w)` or `(n, h, w, 1 or 3)`, labels integers `(n,)`
            from 0, class_names texts.

    Raises:
        DataError: the file cannot be read, lacks images, or holds something else by these names.
    """

    def __init__(self, path: Path):
        arrays = read_npz(path, ("images",), _OPTIONAL)
        self._stored = {
            split: checked_images(path, key, arrays[key])
            for split, key in (("train", "images"), ("test", "test_images"))
            if key in arrays
        }
        shapes = [images.shape[1:] for images in self._stored.values()]
        if len(set(shapes)) > 1:
            raise DataError(f"{path}: images are {shapes[0]}, test_images {shapes[1]}.")
        self.path = path
        labels, self.class_names = self._classes(path, arrays)
        self._labels = {split: np.asarray(ids, np.int32) for split, ids in labels.items()}
        self._places = with_test(path, self._labels)
        self.counts = {split: len(rows) for split, (_, rows) in self._places.items()}

    def _classes(self, path: Path, arrays: Mapping[str, np.ndarray]):
        """Return the labels of each split and the names of the classes."""
        labelled = [key for key in ("labels", "test_labels") if key in arrays]
        wanted = ["labels", "test_labels"][: len(self._stored)]
        if not labelled:
            if "class_names" in arrays:
                raise DataError(f"{path} has class_names and no labels.")
            zeros = {k: np.zeros(len(images), np.int32) for k, images in self._stored.items()}
            return zeros, ("image",)
        if labelled != wanted:
            raise DataError(
                f"{path} has {' and '.join(labelled)}; expected {' and '.join(wanted)} beside its "
                "images, or no labels."
            )
        labels = dict(zip(self._stored, (arrays[key] for key in labelled), strict=True))
        for key, (split, ids) in zip(labelled, labels.items(), strict=True):
            count = len(self._stored[split])
            if ids.dtype.kind not in "iu" or ids.shape != (count,):
                raise DataError(
                    f"{path}: {key} are {ids.dtype} {ids.shape}; expected integers ({count},)."
                )
        low = min(int(ids.min()) for ids in labels.values())
        high = max(int(ids.max()) for ids in labels.values())
        names = arrays.get("class_names", np.arange(min(high + 1, _MOST_CLASSES)).astype(str))
        if names.dtype.kind != "U" or names.ndim != 1:
            raise DataError(
                f"{path}: class_names are {names.dtype} {names.shape}; expected texts (classes,)."
            )
        if low < 0 or high >= len(names):
            raise DataError(
                f"{path}: labels go from {low} to {high}; expected class ids from 0 to "
                f"{len(names) - 1}."
            )
        return labels, tuple(names.tolist())

    def read(
        self, split: str, image_size: int | tuple[int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read one whole split in original order.

        Args:
            split: one of `counts`.
            image_size: not used: all images of the file are of one size.

        Returns:
            images uint8 `(n, height, width, channels)` and labels int32 `(n,)`.
        """
        stored, rows = self._places[split]
        images = self._stored[stored]
        return images if len(rows) == len(images) else images[rows], self._labels[stored][rows]


def checked_images(path: Path, key: str, images: np.ndarray) -> np.ndarray:
    """Return images with a channel axis.

    Args:
        path: the file that they come from, for the message.
        key: their name in it.
        images: what it holds.

    Returns:
        uint8 `(n, height, width, channels)`.

    Raises:
        DataError: another dtype or shape, or no images.
    """
    whole = images[..., None] if images.ndim == 3 else images
    if whole.dtype != np.uint8 or whole.ndim != 4 or whole.shape[3] not in (1, 3):
        raise DataError(
            f"{path}: {key} are {images.dtype} {images.shape}; expected uint8 (n, height, width) "
            "or (n, height, width, 1 or 3), 0 to 255."
        )
    if not whole.size:
        raise DataError(f"{path}: {key} are {images.shape}, which is empty.")
    return whole


def read_npz(
    path: str | os.PathLike, required: Sequence[str], optional: Sequence[str]
) -> dict[str, np.ndarray]:
    """Read arrays of an `.npz` by name; others that it holds are left alone.

    Args:
        path: the file.
        required: names that it must have.
        optional: names that it may have.

    Returns:
        Name to array, of those that it has.

    Raises:
        DataError: the file is missing, no `.npz`, lacks an array, or holds Python objects.
    """
    try:
        arrays = np.load(path, allow_pickle=False)
        if isinstance(arrays, np.ndarray):
            raise DataError(f"{path} is a single array; save it by np.savez(path, images=...).")
        with arrays:
            if any(name not in arrays for name in required):
                raise DataError(
                    f"{path} holds {', '.join(arrays.files) or 'nothing'}; expected arrays called "
                    f"{', '.join(required)}; optional are {', '.join(optional)}."
                )
            names = (name for name in (*required, *optional) if name in arrays)
            return {name: np.asarray(arrays[name]) for name in names}
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist.") from error
    except _UNREADABLE as error:
        raise DataError(f"{path} cannot be read as an .npz of arrays: {error}") from error
