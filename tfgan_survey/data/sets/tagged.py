"""Tagged images of the user's own: an `.npz` of features and of the tags that go with them."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfgan_survey.conditions import Vector
from tfgan_survey.data import splits
from tfgan_survey.data.examples import ExampleSet
from tfgan_survey.data.sets.own import read_npz
from tfgan_survey.errors import DataError, SettingError

REQUIRED = ("features", "tags", "tag_names")
_OPTIONAL = ("test_features", "test_tags")
_HELD_OUT = 10  # of so many images the last is a test image, where nobody named test images


@dataclasses.dataclass(frozen=True, eq=False)
class TaggedSet(ExampleSet):
    """Which tags images have, with the images' features as the condition.

    Why:
        The examples, `images` as for every set, are the tags: float32 `(n, number of tags)`, 1
        where an image has the tag and else 0. `labels` are the features, float32 `(n, size)`, and
        `condition` is `Vector(size)`; see `ExampleSet` for the other arguments.

    Args:
        vocabulary: the tags' names, in the order of the columns.

    Raises:
        ValueError: dtype or shape differs; the message names what came.
    """

    vocabulary: tuple[str, ...] = ()

    def __post_init__(self):
        tags = self.images
        expected = (len(tags), len(self.vocabulary))
        if tags.dtype != np.float32 or tags.shape != expected or not np.isin(tags, (0, 1)).all():
            raise ValueError(
                f"{self.name}: tags are {tags.dtype} {tags.shape}; expected float32 {expected} of "
                "0 and 1."
            )
        super().__post_init__()


class TaggedFile:
    """An `.npz` with `features`, `tags`, `tag_names` and optional `test_features`, `test_tags`.

    Without test images every tenth image is one: files are often sorted by what images show, and
    their last tenth would show only some of it.

    Args:
        path: the file; features are finite numbers `(n, size)`, tags bool or 0 and 1, `(n, number
            of tags)`, at least one an image, and tag_names different texts.

    Raises:
        DataError: the file cannot be read, lacks an array, or holds something else by these names.
    """

    class_names = ()

    def __init__(self, path: Path):
        self.path = path
        arrays = read_npz(path, REQUIRED, _OPTIONAL)
        self.vocabulary = _names(path, arrays["tag_names"])
        given = [name for name in _OPTIONAL if name in arrays]
        if len(given) == 1:
            raise DataError(f"{path} has {given[0]} alone; expected {' and '.join(_OPTIONAL)}.")
        self._stored = {"train": self._split(arrays, "")}
        if given:
            self._stored["test"] = self._split(arrays, "test_")
            widths = [features.shape[1] for _, features in self._stored.values()]
            if widths[0] != widths[1]:
                raise DataError(f"{path}: features have {widths[0]} numbers, test_features "
                                f"{widths[1]}.")  # fmt: skip
        else:
            tags, features = self._stored["train"]
            held = np.arange(len(tags)) % _HELD_OUT == _HELD_OUT - 1
            if not held.any():
                raise DataError(
                    f"{path} has {len(tags)} images and no test images; give {_HELD_OUT} or more, "
                    "of which every tenth becomes one, or test_features and test_tags."
                )
            self._stored = {"train": (tags[~held], features[~held]),
                            "test": (tags[held], features[held])}  # fmt: skip
        self.counts = {split: len(tags) for split, (tags, _) in self._stored.items()}

    def take(self, name: str, split: str, image_size=None) -> TaggedSet:
        """Cut the set to a split expression.

        Args:
            name: of the data set, for messages.
            split: see `tfgan_survey.data.load_arrays`.
            image_size: must be None.

        Raises:
            UnknownNameError: a split that there is not.
            SettingError: an unusable slice, or an image size.
        """
        if image_size is not None:
            raise SettingError(f"image_size={image_size!r}: {name} has features, not images.")
        tags, features = splits.take(self._stored, split)
        condition = Vector(features.shape[1])
        return TaggedSet(
            f"{name} {split}", tags, features, condition=condition, vocabulary=self.vocabulary
        )

    def _split(self, arrays: Mapping[str, np.ndarray], prefix: str):
        """Return the tags and features of a split, float32."""
        path, wide = self.path, len(self.vocabulary)
        features, tags = arrays[f"{prefix}features"], arrays[f"{prefix}tags"]
        told = f"{path}: {prefix}tags are {tags.dtype} {tags.shape}"
        if tags.dtype.kind not in "biu" or tags.ndim != 2 or tags.shape[1] != wide or not len(tags):
            raise DataError(f"{told}; expected bool or uint8 (n, {wide}), one column a tag name.")
        if tags.min() < 0 or tags.max() > 1:
            raise DataError(f"{told} from {tags.min()} to {tags.max()}; expected 0 and 1.")
        if bare := int((~tags.any(axis=1)).sum()):
            raise DataError(
                f"{told}; {bare} images have no tag, so nothing could be learnt of them: leave "
                "them out."
            )
        try:
            features = check_features(features, None)
        except ValueError as error:
            raise DataError(f"{path}: {prefix}features: {error}") from error
        if len(features) != len(tags):
            raise DataError(f"{told}, and there are {len(features)} rows of {prefix}features.")
        return tags.astype(np.float32), features


def check_features(features: np.ndarray, size: int | None) -> np.ndarray:
    """Return rows of features as float32, or say what is wrong with them.

    Args:
        features: numbers or bool `(n, size)`.
        size: numbers in a row; None for any.

    Raises:
        ValueError: none, another dtype or shape, NaN or infinite values.
    """
    wanted = "size" if size is None else str(size)
    fits = features.dtype.kind in "biuf" and features.ndim == 2 and features.size
    if not fits or size not in (None, features.shape[1]):
        raise ValueError(
            f"features are {features.dtype} {features.shape}; expected numbers (n, {wanted})."
        )
    features = features.astype(np.float32)
    if bad := np.flatnonzero(~np.isfinite(features).all(axis=1)).tolist():
        raise ValueError(
            f"features hold NaN or infinite values in {len(bad)} of {len(features)} rows, first "
            f"in row {bad[0]}."
        )
    return features


def _names(path: Path, names: np.ndarray) -> tuple[str, ...]:
    if names.dtype.kind != "U" or names.ndim != 1 or not names.size:
        raise DataError(
            f"{path}: tag_names are {names.dtype} {names.shape}; expected texts (tags,)."
        )
    found = tuple(names.tolist())
    if len(set(found)) < len(found) or not all(name.strip() for name in found):
        twice = sorted({name for name in found if found.count(name) > 1 or not name.strip()})
        raise DataError(f"{path}: tag_names has {', '.join(map(repr, twice))} twice or empty.")
    return found


def is_tagged(path: Path) -> bool:
    """Return whether an `.npz` has tags; one that cannot be read has none.

    Args:
        path: the file.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return "tags" in arrays.files
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile):
        return False  # `ArrayFile` says what is wrong with it
