"""Image sets: uint8 arrays in original order, streamed as `tf.data` of (images, labels).

Flow: `load_arrays` reads a split into an `ImageSet`; `ImageSet.stream` makes the shuffled,
prefetched pipeline; `load` does both. Pixels stay uint8 until the training step scales them to the
range that the network pair declares.

Points of a known density (`ring`, `grid`) come by the same two functions, as a `PointSet`.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tfgan_survey.data import splits
from tfgan_survey.data.stream import ExampleSet
from tfgan_survey.data.synthetic import MIXTURES, PointSet, mixture_points
from tfgan_survey.errors import SettingError

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet(ExampleSet):
    """Images and labels of one split, in original order.

    Args:
        name: data set and split, for messages.
        images: uint8, shape `(n, height, width, channels)`, 0..255, channels 1 or 3.
        labels: int32, shape `(n,)`, in 0..num_classes-1.
        num_classes: number of classes of the data set, also of those absent from this split.
        class_names: `num_classes` names.

    Raises:
        ValueError: dtype or shape differs; the message names what came.

    Example:
        >>> digits = load_arrays("mnist_mini", "test[:100]")
        >>> digits.images.shape, digits.num_classes
        ((100, 28, 28, 1), 10)
    """

    def __post_init__(self):
        images = self.images
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            raise ValueError(
                f"{self.name}: images are {images.dtype} {images.shape}; expected uint8 "
                "(n, height, width, 1 or 3)."
            )
        super().__post_init__()

    def resized(self, image_size: int | tuple[int, int]) -> ImageSet:
        """Resize every image with a bilinear filter that is antialiased when it shrinks.

        Args:
            image_size: the side, or `(height, width)`, in pixels, at least 1.

        Returns:
            This set when the size is already right, otherwise a new set, uint8.

        Raises:
            SettingError: a size that is not one or two positive integers.
        """
        size = (image_size, image_size) if np.ndim(image_size) == 0 else tuple(image_size)
        if len(size) != 2 or any(int(s) != s or s < 1 for s in size):
            raise SettingError(
                f"image_size is {image_size!r}; expected a positive integer or (height, width)."
            )
        height, width = (int(s) for s in size)
        if (height, width) == self.image_shape[:2]:
            return self
        channels = self.image_shape[2]
        images = np.empty((len(self), height, width, channels), np.uint8)
        for source, target in zip(self.images, images, strict=True):
            picture = Image.fromarray(source[..., 0] if channels == 1 else source)
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
            target[...] = np.asarray(picture).reshape(target.shape)
        return dataclasses.replace(self, images=images)


def load_arrays(
    name: str,
    split: str = "train",
    *,
    image_size: int | tuple[int, int] | None = None,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
) -> ImageSet | PointSet:
    """Read a split into memory, in original order.

    Args:
        name: `"mnist"`, `"fashion_mnist"`, `"cifar10"`, `"mnist_mini"` (shipped, no network) or
            any TensorFlow Datasets image classification set with 1 or 3 channels; `"ring"` and
            `"grid"` are points in the plane, made here.
        split: such as `"train"`, `"train[50000:60000]"`, `"train[:10%]"`, `"train+test"`; slices
            count in the original order (IDX order for MNIST), not in TensorFlow Datasets' own.
        image_size: resize to this side or `(height, width)`; default: as it is.
        data_dir: root of prepared folders; default `$TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`.
        source: where to take a set from that is not prepared yet; see `sources.prepare`.

    Returns:
        The split as an `ImageSet`, or a `PointSet` for points.

    Raises:
        UnknownNameError: unknown data set or split, with the nearest names.
        SettingError: a slice that is malformed, empty or out of range.
        DataError: the data cannot be had, or is altered.
    """
    if name in MIXTURES:
        if image_size is not None:
            raise SettingError(f"image_size={image_size!r}: {name} has points, not images.")
        arrays = mixture_points(name)
        counts = {key: len(value[1]) for key, value in arrays.items()}
        points, modes = splits.take(arrays, splits.resolve(split, counts))
        names = tuple(str(mode) for mode in range(len(MIXTURES[name]().modes)))
        return PointSet(f"{name} {split}", points, modes, len(names), names)
    if name == "mnist_mini":
        from tfgan_survey.data import mini

        arrays, class_names = mini.read_mini(), tuple("0123456789")
        counts = {key: len(value[1]) for key, value in arrays.items()}
        images, labels = splits.take(arrays, splits.resolve(split, counts))
    else:
        from tfgan_survey.data import prepared, sources

        folder = prepared.PreparedFolder(sources.prepare(name, source, data_dir))
        ranges = splits.resolve(split, folder.counts)
        arrays = {base: folder.read(base, image_size) for base, _, _ in ranges}
        images, labels = splits.take(arrays, ranges)
        class_names = folder.class_names
    result = ImageSet(f"{name} {split}", images, labels, len(class_names), class_names)
    return result if image_size is None else result.resized(image_size)


def load(
    name: str,
    split: str = "train",
    batch_size: int = 128,
    *,
    image_size: int | tuple[int, int] | None = None,
    seed: int = 0,
    shuffle: bool | None = None,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
    drop_remainder: bool | None = None,
) -> tf.data.Dataset:
    """Load a split as a prefetched pipeline of (images, labels).

    Args:
        name: see `load_arrays`; so are `split`, `image_size`, `data_dir` and `source`.
        split: see `load_arrays`.
        batch_size: images in a batch.
        image_size: see `load_arrays`.
        seed: with the epoch it determines the order.
        shuffle: default: only where every part of the split is of `train`.
        data_dir: see `load_arrays`.
        source: see `load_arrays`.
        drop_remainder: leave out the last, smaller batch; default: where it shuffles.

    Returns:
        The dataset that `ImageSet.stream` describes.

    Raises:
        UnknownNameError: unknown data set or split.
        SettingError: unusable slice, size, batch size or seed.
        DataError: the data cannot be had, or is altered.

    Example:
        >>> images, labels = next(iter(load("mnist_mini", batch_size=32)))
        >>> images.dtype.name, images.shape.as_list()
        ('uint8', [32, 28, 28, 1])
    """
    image_set = load_arrays(name, split, image_size=image_size, data_dir=data_dir, source=source)
    if shuffle is None:
        bases = {part.split("[")[0].strip() for part in split.split("+")}
        shuffle = bases == {"train"}
    if drop_remainder is None:
        drop_remainder = shuffle
    return image_set.stream(batch_size, seed=seed, shuffle=shuffle, drop_remainder=drop_remainder)
