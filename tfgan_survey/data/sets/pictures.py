"""A folder of pictures as a data set, with classes where it has subfolders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tfgan_survey.data.images import sides
from tfgan_survey.data.picture_files import ENDINGS, below, first_of, look, read
from tfgan_survey.data.sets.own import OwnSet
from tfgan_survey.errors import DataError


class PictureFolder(OwnSet):
    """PNG, JPEG and WebP files below a folder, in the order of their names.

    A subfolder `train` and those beside it, such as `test`, are splits. Subfolders of a split, or
    of the folder where there are no splits, are classes, in the order of their names. The pictures
    become grey if every one of them is, else RGB; transparent parts lie on white; a camera's note
    of how it was held is followed.

    Args:
        path: the folder. Hidden files and other endings are not looked at.
        domain: `"A"` or `"B"` where the folder holds two domains: only `trainA`, `testA` and so on
            are looked at, as `train` and `test`; see `holds_domains`.

    Raises:
        DataError: no pictures, some in class folders and some beside, or files that are no
            pictures; the message names the first and counts them.
    """

    def __init__(self, path: Path, domain: str = ""):
        found = _of_domain(path, below(path), domain) if domain else below(path)
        self._files, classes = _arranged(path, found, domain)
        names = sorted({name for of_split in classes.values() for name in of_split})
        labels = {split: np.searchsorted(names, ids) for split, ids in classes.items()}
        super().__init__(path, labels, names if names != [""] else ["image"])
        files = [file for of_split in self._files.values() for file in of_split]
        headers = look(path, files)
        self._channels = 1 if all(grey for _, grey in headers) else 3
        sizes = Counter(size for size, _ in headers)
        self.image_sizes = {*sizes}
        self._size = sizes.most_common(1)[0][0]
        self._odd = [
            f"{self._short(file)} ({width}x{height})"
            for file, ((height, width), _) in zip(files, headers, strict=True)
            if (height, width) != self._size
        ]

    def _images(self, stored: str, rows: np.ndarray, image_size) -> np.ndarray:
        if image_size is None and self._odd:
            height, width = self._size
            raise DataError(
                f"{self.path}: not every picture is {width}x{height} as most are: "
                f"{first_of(self._odd)}. Give image_size (--set image_size={min(self._size)}) to "
                "stretch all to it, or make them equal."
            )
        size = self._size if image_size is None else sides(image_size)
        files = [self._files[stored][row] for row in rows]
        return read(self.path, files, size, self._channels)

    def _short(self, file: Path) -> str:
        return file.relative_to(self.path).as_posix()


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


def _arranged(
    path: Path, found: Iterable[tuple[str, ...]], domain: str = ""
) -> tuple[dict[str, list[Path]], dict[str, list[str]]]:
    """Return the pictures of each split, and the class of each: "" where there are none."""
    top = {parts[0].removesuffix(domain) for parts in found if len(parts) > 1}
    above = int("train" in top)
    if "test" in top and not above:
        raise DataError(f"{path} has pictures in a folder test and none in one called train.")
    files: dict[str, list[Path]] = {}
    classes: dict[str, list[str]] = {}
    for parts in found:
        if len(parts) <= above:
            raise DataError(f"{path} has {parts[0]} beside its folder train; move it into a split.")
        split = parts[0].removesuffix(domain) if above else "train"
        files.setdefault(split, []).append(path.joinpath(*parts))
        classes.setdefault(split, []).append(parts[above] if len(parts) > above + 1 else "")
    names = {name for of_split in classes.values() for name in of_split}
    if "" in names and len(names) > 1:
        raise DataError(
            f"{path} has pictures in class folders ({first_of(sorted(names - {''}))}) and others "
            "beside these; put them into a class too."
        )
    return files, classes
