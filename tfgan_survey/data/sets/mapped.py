"""Sets that are a prepared one under a fixed map of its pixels: what a translator is to find."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

# Colours of ink and of paper, red, green, blue.
_INK, _PAPER = np.array([32, 0, 96]), np.array([255, 224, 128])


def ramp(images: np.ndarray) -> np.ndarray:
    """Invert grey images and colour them along a straight line between two colours.

    Formula:
        result = paper + (ink - paper) value / 255; paper (255, 224, 128), ink (32, 0, 96)

    Why:
        Each grey value has its own colour, so the map can be undone: a translator that was never
        shown a pair can be measured against the truth, pixel by pixel.

    Args:
        images: uint8 `(n, h, w, 1)`.

    Returns:
        uint8 `(n, h, w, 3)`, rounded.
    """
    colours = _PAPER + np.arange(256)[:, None] / 255.0 * (_INK - _PAPER)
    return np.rint(colours).astype(np.uint8)[images[..., 0]]


def mirror(images: np.ndarray) -> np.ndarray:
    """Exchange left and right.

    Args:
        images: `(n, h, w, c)`.
    """
    return np.ascontiguousarray(images[:, :, ::-1])


class _Mapping:
    """The splits of a folder under the map; asked as `PreparedFolder` is."""

    def __init__(self, function: Callable[[np.ndarray], np.ndarray], folder: Any):
        self._function, self._folder = function, folder
        self.counts, self.class_names = folder.counts, folder.class_names

    def read(
        self, split: str, image_size: int | tuple[int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read a whole split and map it; sizes are changed afterwards, as of any set."""
        images, labels = self._folder.read(split)
        return self._function(images), labels


@dataclasses.dataclass(frozen=True)
class Mapped:
    """A prepared set whose pixels are changed by a fixed function as it is read.

    Args:
        name: its own name.
        base: the prepared set.
        function: maps uint8 images `(n, h, w, c)` to others.
    """

    name: str
    base: str
    function: Callable[[np.ndarray], np.ndarray]

    def over(self, folder: Any) -> _Mapping:
        """Return the splits mapped from a folder.

        Args:
            folder: the `PreparedFolder` of `base`.
        """
        return _Mapping(self.function, folder)


MAPPED: Mapping[str, Mapped] = MappingProxyType(
    {
        name: Mapped(name, "mnist", function)
        for name, function in (("ramp_mnist", ramp), ("mirrored_mnist", mirror))
    }
)
"""The sets under a map, by name."""
