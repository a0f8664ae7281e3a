"""Picture files: found below a folder, looked at, and read; what is wrong with one is said."""

from __future__ import annotations

import io
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

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
_MOST_PIXELS = 2**26
"""Pixels of the largest picture that is decoded, 8192 x 8192; a small file can claim any number."""
# Formats that are read, and the endings that go with them; MPO is a JPEG of a camera, with another
# picture for the second eye or a preview behind it.
_FORMATS = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg"), "MPO": (".jpg", ".jpeg"),
            "WEBP": (".webp",)}  # fmt: skip
# What Pillow raises for files that are no picture, cut short, altered or unreasonably large.
_UNREADABLE = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, OverflowError, MemoryError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


class Header(NamedTuple):
    """What is known of a picture before it is decoded.

    Args:
        size: height and width as seen.
        grey: whether it has no colours.
        notes: what is unusual about it and is changed as it is read.
    """

    size: tuple[int, int]
    grey: bool
    notes: tuple[str, ...]


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


def look(place: Path, files: Sequence[Path]) -> list[Header]:
    """Return what the headers of pictures say; nothing is decoded.

    Args:
        place: where they lie, for the message.
        files: the pictures.

    Raises:
        DataError: some are no pictures; the message names the first and counts them.
    """
    return _all_or_error(place, attempted(header, files), files)


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
        target[...] = decoded(file, size, channels)

    _all_or_error(place, attempted(decode, list(zip(files, images, strict=True))), files)
    return images


def first_of(texts: Sequence[str]) -> str:
    """Return the first few texts, and how many more there are.

    Args:
        texts: all of them.
    """
    rest = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def attempted(function: Callable, jobs: Sequence) -> list[tuple[Any, str | None]]:
    """Return what a function makes of each job, and the reason where it can make nothing.

    Args:
        function: reads a picture.
        jobs: its arguments.

    Returns:
        A result and None, or None and a text, for each.
    """

    def tried(job: Any) -> tuple[Any, str | None]:
        try:
            return function(job), None
        except _UNREADABLE as error:
            # Pillow and Python name the file, which whoever shows the reason does as well.
            words = str(error).split("\n")[0].split(" '/")[0].split(": '/")[0]
            return None, words.split(" <")[0].rstrip(":") or type(error).__name__

    with ThreadPoolExecutor(_DECODERS) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `header` says it
        return list(pool.map(tried, jobs))


def _all_or_error(place: Path, done: Sequence[tuple[Any, str | None]], files: Sequence[Path]):
    """Return the results of `attempted`; one error names the files that have none."""
    bad = [
        f"{file.relative_to(place).as_posix()} ({reason})"
        for file, (_, reason) in zip(files, done, strict=True)
        if reason is not None
    ]
    if bad:
        raise DataError(
            f"{place}: {len(bad)} of {len(done)} pictures cannot be read: {first_of(bad)}. "
            "Repair or remove them."
        )
    return [made for made, _ in done]


def header(file: Path) -> Header:
    """Return what a picture's header says; nothing is decoded.

    Args:
        file: the picture.

    Raises:
        ValueError: it is empty, animated, too large, or of another kind; or what Pillow raises.
    """
    about = file.stat()
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("is no regular file")
    if not about.st_size:
        raise ValueError("is empty")
    with Image.open(file) as picture:
        if picture.format not in _FORMATS:
            raise ValueError(f"is a picture in format {picture.format}; expected PNG, JPEG, WebP")
        if picture.width * picture.height > _MOST_PIXELS:
            raise ValueError(
                f"has {picture.width}x{picture.height} pixels; at most {_MOST_PIXELS:,} are decoded"
            )
        if getattr(picture, "is_animated", False) and picture.format != "MPO":
            raise ValueError(f"is animated, {picture.n_frames} pictures; expected one")
        if picture.mode not in _GREY | _COLOUR:
            raise ValueError(f"its pixels are {picture.mode}; expected 8 bits a channel")
        turned = picture.getexif().get(_TURNED, 1) if _has_note(picture) else 1
        width, height = picture.size[::-1] if turned >= 5 else picture.size
        notes = {
            "transparent parts lie on white": _has_alpha(picture),
            "a palette of colours became RGB": picture.mode in ("P", "PA"),
            "the colours of print (CMYK) became RGB": picture.mode == "CMYK",
            "turned as the camera was held": turned != 1,
            f"are {picture.format} in spite of their names":
                not file.name.lower().endswith(_FORMATS[picture.format]),
        }  # fmt: skip
        said = tuple(note for note, holds in notes.items() if holds)
        return Header((height, width), picture.mode in _GREY, said)


def _has_note(picture: Image.Image) -> bool:
    # Asking a PNG without one for its EXIF would decode it.
    return "exif" in picture.info


def _has_alpha(picture: Image.Image) -> bool:
    return "A" in picture.getbands() or "transparency" in picture.info


def decoded(
    file: Path | io.BytesIO, size: tuple[int, int], channels: int, crop: bool = False
) -> np.ndarray:
    """Return a picture's pixels, uint8 `(height, width, channels)`.

    Args:
        file: the picture.
        size: height and width.
        channels: 1 for grey, 3 for RGB.
        crop: see `images.fitted`.
    """
    with Image.open(file) as opened:
        picture = ImageOps.exif_transpose(opened) if _has_note(opened) else opened
        if _has_alpha(picture):
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        picture = picture.convert("L" if channels == 1 else "RGB")
        if picture.size != size[::-1]:
            picture = fitted(picture, *size, crop)
        return np.asarray(picture).reshape(*size, channels)
