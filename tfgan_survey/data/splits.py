"""Split names with slices, read as TensorFlow Datasets reads them but in the original order."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from tfgan_survey.data.rows import joined
from tfgan_survey.errors import SettingError, unknown_name

_PART = re.compile(
    r"(?P<base>[A-Za-z_][\w-]*)"
    r"(?:\[\s*(?P<start>-?\d+%?)?\s*:\s*(?P<stop>-?\d+%?)?\s*\])?"
)


def _position(text: str | None, default: int, count: int, part: str) -> int:
    """Turn one bound of a slice into an index 0..count."""
    if text is None:
        return default
    value = int(text.rstrip("%"))
    if text.endswith("%"):
        if abs(value) > 100:
            raise SettingError(f"split {part!r}: {text} is beyond 100%.")
        value = round(value * count / 100)
    if abs(value) > count:
        raise SettingError(f"split {part!r}: {text} is beyond its {count:,} images.")
    return value + count if text.startswith("-") else value


def resolve(split: str, counts: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Resolve a split expression to ranges of indices in the original order.

    Formula:
        "a[i:j]+b" = images i..j-1 of a, then all of b; "k%" = round(k * count / 100);
        "-k" counts from the end.

    Args:
        split: for example `"train"`, `"train[50000:60000]"`, `"train[:10%]"`, `"train+test"`.
        counts: how many images each split of the data set holds.

    Returns:
        A list of `(split name, start, stop)` with 0 <= start < stop <= count.

    Raises:
        UnknownNameError: a split that the data set does not have; nearest names are suggested.
        SettingError: a malformed, empty or out-of-range slice.

    Example:
        >>> resolve("train[:10%]+test", {"train": 60000, "test": 10000})
        [('train', 0, 6000), ('test', 0, 10000)]

    Source:
        the slicing grammar of TensorFlow Datasets with its default rounding ("closest").
    """
    ranges = []
    for part in str(split).split("+"):
        part = part.strip()
        match = _PART.fullmatch(part)
        if match is None:
            raise SettingError(
                f"split {part!r} cannot be read; expected NAME, NAME[from:to] or NAME[:10%], "
                "several joined by +."
            )
        base = match["base"]
        if base not in counts:
            raise unknown_name("split", base, counts)
        start = _position(match["start"], 0, counts[base], part)
        stop = _position(match["stop"], counts[base], counts[base], part)
        if start >= stop:
            raise SettingError(f"split {part!r} is empty: it runs from {start} to {stop}.")
        ranges.append((base, start, stop))
    return ranges


def take(
    arrays: Mapping[str, tuple[np.ndarray, np.ndarray]], split: str
) -> tuple[np.ndarray, np.ndarray]:
    """Cut images and labels to a split expression.

    One range is a view; several are copied, but for neighbours in a file, see `rows.joined`.

    Args:
        arrays: split name to images and labels in original order; those that `split` names.
        split: see `resolve`.

    Returns:
        Images and labels.

    Raises:
        UnknownNameError: see `resolve`; so is SettingError.
    """
    ranges = resolve(split, {base: len(labels) for base, (_, labels) in arrays.items()})
    images = [arrays[base][0][start:stop] for base, start, stop in ranges]
    labels = [arrays[base][1][start:stop] for base, start, stop in ranges]
    return joined(images), joined(labels)
