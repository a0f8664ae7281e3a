"""`binarised_mnist`: MNIST in black and white, by one fixed Bernoulli draw a pixel."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from tfgan_survey.errors import DataError, SettingError

_BLOCK = 1000  # images drawn at a time: 3 MB of random words
# Which random stream a split has, so that neither split's draw depends on the other.
_STREAMS = {"train": 0, "test": 1}


def binarise(images: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Draw each pixel as black or white with its grey value as the probability of white.

    Formula:
        result = 255 [u < ceil(value 2^32 / 255)], u uniform on 0..2^32 - 1:
        P(result = 255) = value / 255, exact for 0 and 255 and within 2^-32 between.
    Why:
        Likelihoods of Bernoulli decoders are comparable between publications only on binary
        images that are drawn once. A threshold at half would be easier to model and is not the
        same task.

    Args:
        images: uint8, shape `(n, h, w, c)`.
        key: of the Philox generator, whose raw words numpy keeps the same over its versions
            (NEP 19), unlike what its distributions make of them. Pixel i of the whole array takes
            half-word i, low half first: the draw for the first k images is that for those k alone.

    Returns:
        uint8 in {0, 255}, shape `(n, h, w, c)`.
    Source:
        Salakhutdinov and Murray 2008, who draw MNIST once from its grey values; the seed is this
        package's own.
    """
    words = np.random.Philox(key=key)
    limits = (np.arange(256, dtype=np.uint64) * 2**32 + 254) // 255
    result = np.empty_like(images)
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK]
        raw = words.random_raw(-(-block.size // 2)).astype("<u8").view("<u4")
        white = raw[: block.size].reshape(block.shape) < limits[block]
        np.multiply(white, 255, out=result[start : start + _BLOCK], dtype=np.uint8)
    return result


class _Draw:
    """The binarised splits over a folder of grey ones; asked as `PreparedFolder` is."""

    def __init__(self, derived: Binarised, folder: Any):
        self._derived, self._folder = derived, folder
        self.counts, self.class_names = folder.counts, folder.class_names

    def read(
        self, split: str, image_size: int | tuple[int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read a whole split and draw it, see `Binarised`."""
        name, digests = self._derived.name, self._derived.digests
        images, labels = self._folder.read(split)
        if image_size not in (None, images.shape[1], images.shape[1:3]):
            raise SettingError(
                f"image_size={image_size!r}: {name} is {images.shape[1]}x{images.shape[2]}; "
                "resized it would be grey again. Leave image_size out."
            )
        images = binarise(images, (self._derived.seed, _STREAMS[split]))
        found = hashlib.sha256(images).hexdigest()
        if found != digests[split]:
            raise DataError(
                f"{name} {split}: the drawn images have sha256 {found}, expected {digests[split]}: "
                f"the random words of numpy {np.__version__} differ. Install another numpy."
            )
        return images, labels


@dataclasses.dataclass(frozen=True)
class Binarised:
    """A prepared set whose pixels are drawn black or white with a fixed seed as it is read.

    Args:
        name: its own name.
        base: the prepared set of grey images.
        seed: of the draw; with the split it is the key of `binarise`.
        digests: split to the SHA-256 of the drawn images, uint8 in {0, 255}, in original order.
    """

    name: str
    base: str
    seed: int
    digests: Mapping[str, str]

    def over(self, folder: Any) -> _Draw:
        """Return the splits drawn from a folder.

        Args:
            folder: the `PreparedFolder` of `base`.
        """
        return _Draw(self, folder)


BINARISED: Mapping[str, Binarised] = MappingProxyType(
    {
        "binarised_mnist": Binarised(
            "binarised_mnist",
            base="mnist",
            seed=0,
            digests=MappingProxyType(
                {
                    "train": "6c70901fe5eddc85661e9be3682635da37fb242fcb9bb6f7fa32b0a121c30167",
                    "test": "5a4e0a397b805ffbec6f6e2821f5fd58e9826aa4ae2e2ec9a45eb0fa2e762459",
                }
            ),
        )
    }
)
"""The binarised sets, by name."""
