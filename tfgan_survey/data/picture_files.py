"""Picture files: found below a folder, looked at, and read; one error names those that are none."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from tfgan_survey.data.images import fitted
from tfgan_survey.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
"""Files that are looked at, in small or capital letters."""
_GREY, _COLOUR = {"1", "L", "LA"}, {"P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
_TURNED = 274  # EXIF's number for how the camera was held; from 5 on it lay on a side
_SHOWN = 3  # pictures that a message names
_DECODERS = 4  # threads: Pillow decodes outside of Python's lock
# What Pillow raises for files that are no picture, cut short or unreasonably large.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


def below(path: Path) -> list[tuple[str, ...]]:
    """Return the pictures below a folder as parts of their paths, in order.

    Args:
        path: the folder. Hidden files and other endings are not looked at.

    Raises:
        DataError: there are none, or the folder cannot be read.
    """

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


def look(place: Path, files: Sequence[Path]) -> list[tuple[tuple[int, int], bool]]:
    """Return height and width of pictures as seen, and whether each is grey; nothing is decoded.

    Args:
        place: where they lie, for the message.
        files: the pictures.

    Raises:
        DataError: some are no pictures; the message names the first and counts them.
    """
    return _each(place, _header, files, lambda file: file)


def read(place: Path, files: Sequence[Path], size: tuple[int, int], channels: int) -> np.ndarray:
    """Return pictures of one size, stretched where they have another.

    Transparent parts lie on white; a camera's note of how it was held is followed.

    Args:
        place: where they lie, for the message.
        files: the pictures.
        size: height and width.
        channels: 1 for grey, 3 for RGB.

    Returns:
        uint8 `(n, height, width, channels)`.

    Raises:
        DataError: see `look`.
    """
    images = np.empty((len(files), *size, channels), np.uint8)

    def decode(job: tuple[Path, np.ndarray]) -> None:
        file, target = job
        target[...] = _decoded(file, size, channels)

    _each(place, decode, list(zip(files, images, strict=True)), lambda job: job[0])
    return images


def first_of(texts: Sequence[str]) -> str:
    """Return the first few texts, and how many more there are.

    Args:
        texts: all of them.
    """
    rest = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def _each(place: Path, function: Callable, jobs: Sequence, file_of: Callable) -> list:
    """Return what a function makes of each picture; one error names those that it cannot."""

    def tried(job: Any) -> tuple[Any, str | None]:
        try:
            return function(job), None
        except _UNREADABLE as error:
            reason = str(error).split("\n")[0].replace(f" {str(file_of(job))!r}", "")
            return None, f"{file_of(job).relative_to(place).as_posix()} ({reason})"

    with ThreadPoolExecutor(_DECODERS) as pool:
        done = list(pool.map(tried, jobs))
    if bad := [reason for _, reason in done if reason is not None]:
        raise DataError(
            f"{place}: {len(bad)} of {len(done)} pictures cannot be read: {first_of(bad)}. "
            "Repair or remove them."
        )
    return [made for made, _ in done]


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
