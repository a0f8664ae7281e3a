"""A folder of pictures as a data set, with classes where it has subfolders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tfgan_survey.data.picture_files import ENDINGS, below, first_of
from tfgan_survey.errors import DataError


class Picture(NamedTuple):
    """A picture of a folder.

    Args:
        split: such as `train`.
        label: name of its class; "" where there are none.
        file: its path below the folder, with slashes.
    """

    split: str
    label: str
    file: str


class PictureFolder:
    """PNG, JPEG and WebP files below a folder, in the order of their names; none is opened here.

    A subfolder `train` and those beside it, such as `test`, are splits. Subfolders of a split, or
    of the folder where there are no splits, are classes, in the order of their names. `pictures`
    are all of them, in the order of their paths.

    Args:
        path: the folder. Hidden files and other endings are not looked at.
        domain: `"A"` or `"B"` where the folder holds two domains: only `trainA`, `testA` and so on
            are looked at, as `train` and `test`; see `holds_domains`.

    Raises:
        DataError: no pictures, or some in class folders and some beside.
    """

    def __init__(self, path: Path, domain: str = ""):
        self.path, self.domain = path, domain
        found = _of_domain(path, below(path), domain) if domain else below(path)
        self.pictures = _arranged(path, found, domain)

    def seen(self) -> dict[str, tuple[int, int]]:
        """Return bytes and time of the last change, in ns, of each picture that can be asked."""
        known = {}
        for one in self.pictures:
            try:
                about = (self.path / one.file).stat()
            except OSError:
                known[one.file] = (-1, -1)  # a link that leads nowhere
                continue
            known[one.file] = (about.st_size, about.st_mtime_ns)
        return known


def holds_domains(path: Path) -> bool:
    """Return whether a folder holds two domains: folders `trainA` and `trainB`.

    Args:
        path: the folder.

    Raises:
        DataError: it has one of `trainA`, `trainB`, `testA` and `testB`, and not both of the first.
    """
    train, test = (
        [f"{split}{domain}" for domain in "AB" if (path / f"{split}{domain}").is_dir()]
        for split in ("train", "test")
    )
    if (train or test) and len(train) < 2:
        missing = " and ".join(sorted({"trainA", "trainB"} - {*train}))
        raise DataError(
            f"{path} has {' and '.join(train + test)} and no {missing}; two domains are the "
            "folders trainA and trainB, and testA and testB if they have test images of their own."
        )
    return bool(train)


def _of_domain(path: Path, found: Iterable[tuple[str, ...]], domain: str) -> list[tuple[str, ...]]:
    """Return the pictures of one domain."""
    own = [parts for parts in found if len(parts) > 1 and parts[0].endswith(domain)]
    if not any(parts[0] == f"train{domain}" for parts in own):
        raise DataError(
            f"{path / f'train{domain}'} has no pictures: no file in it ends in "
            f"{', '.join(ENDINGS)}."
        )
    return own


def _arranged(path: Path, found: Iterable[tuple[str, ...]], domain: str = "") -> list[Picture]:
    """Return the pictures with the split and the class of each."""
    top = {parts[0].removesuffix(domain) for parts in found if len(parts) > 1}
    above = int("train" in top)
    if "test" in top and not above:
        raise DataError(f"{path} has pictures in a folder test and none in one called train.")
    pictures = []
    for parts in found:
        if len(parts) <= above:
            raise DataError(f"{path} has {parts[0]} beside its folder train; move it into a split.")
        split = parts[0].removesuffix(domain) if above else "train"
        label = parts[above] if len(parts) > above + 1 else ""
        pictures.append(Picture(split, label, "/".join(parts)))
    names = {one.label for one in pictures}
    if "" in names and len(names) > 1:
        raise DataError(
            f"{path} has pictures in class folders ({first_of(sorted(names - {''}))}) and others "
            "beside these; put them into a class too."
        )
    return pictures
