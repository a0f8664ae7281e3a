"""The image sets of `keras.datasets` by names such as `keras:cifar100`: Keras fetches and keeps."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from tfgan_survey.data import splits
from tfgan_survey.data.images import ImageSet
from tfgan_survey.data.sets.catalogue import DATASETS
from tfgan_survey.errors import DataError

_STORE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
# What Keras keeps below its folder once it has the set, and where it fetches that from.
_KEPT = {
    "mnist": ("datasets/mnist.npz", f"{_STORE}mnist.npz"),
    "fashion_mnist": (
        "datasets/fashion-mnist/t10k-images-idx3-ubyte.gz", f"{_STORE}train-labels-idx1-ubyte.gz",
    ),
    "cifar10": (
        "datasets/cifar-10-batches-py-target",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    ),
    "cifar100": (
        "datasets/cifar-100-python-target",
        "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    ),
}  # fmt: skip


class KerasSet:
    """An image set of `keras.datasets`, in the order in which Keras gives it.

    Args:
        short: its name there.
    """

    comes = "comes from Keras"

    def __init__(self, short: str):
        self.name, self._short = f"keras:{short}", short

    def prepare(self) -> Path:
        """Return the place where Keras keeps the set; it is fetched where it is not there.

        Raises:
            DataError: its host cannot be reached, or what came is not the set.
        """
        path = self._reached()
        self._arrays()
        return path

    def _reached(self) -> Path:
        """Return where Keras keeps the set, once it is there or its host has answered."""
        kept, url = _KEPT[self._short]
        path = Path(os.environ.get("KERAS_HOME") or "~/.keras", kept).expanduser()
        if not path.exists():
            # Keras would wait for minutes.
            from tfgan_survey.data.origins.fetch import SourceError, probe

            try:
                probe(url)
            except SourceError as error:
                known = self._short in DATASETS
                other = (
                    f"{self._short} without keras: has other sources"
                    if known
                    else "or use images of your own: a folder of pictures, an .npz"
                )
                raise DataError(
                    f"{self.name} is not in {path} and cannot be fetched: {error}. Put it there "
                    f"from a machine that reaches the host; {other}."
                ) from error
        return path

    def read(self, split: str) -> ImageSet:
        """Read a split.

        Args:
            split: see `tfgan_survey.data.load_arrays`.

        Raises:
            DataError: see `prepare`.
        """
        self._reached()
        images, labels = splits.take(self._arrays(), split)
        known = DATASETS.get(self._short)
        names = known.class_names if known else tuple(map(str, range(100)))
        return ImageSet(f"{self.name} {split}", images, labels, len(names), names)

    def _arrays(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Let Keras read the set, and give images an axis of channels."""
        module = importlib.import_module(f"keras.datasets.{self._short}")
        try:
            pairs = module.load_data()
        except Exception as error:
            # Keras raises bare exceptions for failed downloads and for digests that differ.
            reason = str(error).split("\n")[0]
            raise DataError(f"{self.name}: Keras cannot give it: {reason}.") from error
        return {
            split: (images.reshape(*images.shape[:3], -1), labels.reshape(-1).astype(np.int32))
            for split, (images, labels) in zip(("train", "test"), pairs, strict=True)
        }


KERAS: Mapping[str, KerasSet] = MappingProxyType(
    {one.name: one for one in (KerasSet(short) for short in _KEPT)}
)
"""The sets of Keras, by name."""
