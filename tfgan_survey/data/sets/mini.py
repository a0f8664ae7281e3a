"""`mnist_mini`: a real subset of MNIST that is shipped in the wheel and needs no network."""

from __future__ import annotations

import functools
import hashlib
import logging
import lzma
from pathlib import Path

import numpy as np

from tfgan_survey.data import splits
from tfgan_survey.data.images import ImageSet
from tfgan_survey.errors import DataError

ASSET = Path(__file__).parents[1] / "assets" / "mnist_mini.xz"
SHA256 = "8b4d7465a41f8deed61b8bb689de7a27fa006903acdf90d3db415c66f5dbefe2"
TRAIN_COUNT, TEST_COUNT = 10_000, 2_000
_PIXELS = 28 * 28

_log = logging.getLogger(__name__)


@functools.lru_cache(maxsize=1)
def read_mini() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Decode the shipped subset and log one line that says what it is.

    Returns:
        `{"train": (images, labels), "test": (images, labels)}`, images uint8 `(n, 28, 28, 1)` with
        n = 10,000 and 2,000, labels int32 `(n,)`: the first images of MNIST in IDX order. The
        arrays are read-only, because every call gives the same ones.

    Raises:
        DataError: the asset is missing, or its SHA-256 is not the recorded one.
    """
    try:
        packed = ASSET.read_bytes()
    except OSError as error:
        raise DataError(f"{ASSET} cannot be read ({error}); reinstall tfgan_survey.") from error
    found = hashlib.sha256(packed).hexdigest()
    if found != SHA256:
        raise DataError(
            f"{ASSET} is altered: found sha256 {found}, expected {SHA256}; reinstall tfgan_survey."
        )
    payload = np.frombuffer(lzma.decompress(packed), np.uint8)
    total = TRAIN_COUNT + TEST_COUNT
    labels = payload[:total].astype(np.int32)
    labels.flags.writeable = False
    images = payload[total:].reshape(total, 28, 28, 1)
    _log.warning(
        "mnist_mini is a subset of MNIST: its first %s training and %s test images.",
        f"{TRAIN_COUNT:,}",
        f"{TEST_COUNT:,}",
    )
    return {
        "train": (images[:TRAIN_COUNT], labels[:TRAIN_COUNT]),
        "test": (images[TRAIN_COUNT:], labels[TRAIN_COUNT:]),
    }


class MnistMini:
    """The set `mnist_mini`."""

    comes = "is shipped"

    def prepare(self) -> Path:
        """Return the shipped file, checked."""
        read_mini()
        return ASSET

    def read(self, split: str) -> ImageSet:
        """Read a split.

        Args:
            split: see `tfgan_survey.data.load_arrays`.
        """
        images, labels = splits.take(read_mini(), split)
        names = tuple("0123456789")
        return ImageSet(f"mnist_mini {split}", images, labels, len(names), names)
