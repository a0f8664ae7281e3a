"""A folder of pictures as a data set, with classes where it has subfolders."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from tfgan_survey.data.images import fitted, sides
from tfgan_survey.data.sets.own import OwnSet
from tfgan_survey.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
"""Files that are looked at, in small or capital letters."""
_GREY, _COLOUR = {"1", "L", "LA"}, {"P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
_TURNED = 274  # EXIF's number for how the camera was held; from 5 on it lay on a side
_SHOWN = 3  # pictures that a message names
_DECODERS = 4  # threads: Pillow decodes outside of Python's lock
# What Pillow raises for files that are no picture, cut short or unreasonably large.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


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
        found = _of_domain(path, _found(path), domain) if domain else _found(path)
        self._files, classes = _arranged(path, found, domain)
        names = sorted({name for of_split in classes.values() for name in of_split})
        labels = {split: np.searchsorted(names, ids) for split, ids in classes.items()}
        super().__init__(path, labels, names if names != [""] else ["image"])
        files = [file for of_split in self._files.values() for file in of_split]
        headers = self._each(_header, files)
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
                f"{_first(self._odd)}. Give image_size (--set image_size={min(self._size)}) to "
                "stretch all to it, or make them equal."
            )
        size = self._size if image_size is None else sides(image_size)
        images = np.empty((len(rows), *size, self._channels), np.uint8)
        files = [self._files[stored][row] for row in rows]

        def decode(job: tuple[Path, np.ndarray]) -> None:
            file, target = job
            target[...] = _decoded(file, size, self._channels)

        self._each(decode, list(zip(files, images, strict=True)), lambda job: job[0])
        return images

    def _each(self, function: Callable, jobs: list, file_of: Callable = lambda job: job) -> list:
        """Return what a function makes of each picture; one error names those that it cannot."""

        def tried(job: Any) -> tuple[Any, str | None]:
            try:
                return function(job), None
            except _UNREADABLE as error:
                reason = str(error).split("\n")[0].replace(f" {str(file_of(job))!r}", "")
                return None, f"{self._short(file_of(job))} ({reason})"

        with ThreadPoolExecutor(_DECODERS) as pool:
            done = list(pool.map(tried, jobs))
        if bad := [reason for _, reason in done if reason is not None]:
            raise DataError(
                f"{self.path}: {len(bad)} of {len(done)} pictures cannot be read: {_first(bad)}. "
                "Repair or remove them."
            )
        return [made for made, _ in done]

    def _short(self, file: Path) -> str:
        return file.relative_to(self.path).as_posix()


def _first(texts: list[str]) -> str:
    rest = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def _found(path: Path) -> list[tuple[str, ...]]:
    """Return the pictures below a folder as parts of their paths, in order."""

    def fail(error: OSError):
        raise DataError(f"{path} cannot be read: {error}") from error

    found = []
    for folder, folders, files in os.walk(path, onerror=fail, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        above = Path(folder).relative_to(path).parts
        found += [
            (*above, name)
            for name in files
            if name.lower().endswith(ENDINGS) and not name.startswith(".")
        ]
    if not found:
        raise DataError(f"{path} has no pictures: no file in it ends in {', '.join(ENDINGS)}.")
    return sorted(found)


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
            f"{path} has pictures in class folders ({_first(sorted(names - {''}))}) and others "
            "beside these; put them into a class too."
        )
    return files, classes


def _header(file: Path) -> tuple[tuple[int, int], bool]:
    """Return height and width as seen, and whether a picture is grey; nothing is decoded."""
    with Image.open(file) as picture:
        if picture.mode not in _GREY | _COLOUR:
            raise ValueError(f"its pixels are {picture.mode}; expected 8 bits a channel")
        lies = _has_note(picture) and picture.getexif().get(_TURNED, 1) >= 5
        width, height = picture.size[::-1] if lies else picture.size
        return (height, width), picture.mode in _GREY


def _has_note(picture: Image.Image) -> bool:
    # Asking a PNG without one for its EXIF would decode it.
    return "exif" in picture.info


def _decoded(file: Path, size: tuple[int, int], channels: int) -> np.ndarray:
    """Return a picture's pixels, uint8 `(height, width, channels)`."""
    with Image.open(file) as opened:
        picture = ImageOps.exif_transpose(opened) if _has_note(opened) else opened
        if "A" in picture.getbands() or "transparency" in picture.info:
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        picture = picture.convert("L" if channels == 1 else "RGB")
        if picture.size != size[::-1]:
            picture = fitted(picture, *size)
        return np.asarray(picture).reshape(*size, channels)
