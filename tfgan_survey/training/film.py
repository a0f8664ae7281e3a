"""The film of a training: its frames, each with the step it was taken at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tfgan_survey import pictures
from tfgan_survey.training.callbacks import frame_files
from tfgan_survey.training.folder import RunFolder

CAPTION = 18
"""Pixels of the margin below a frame."""
_SIZE = 13


def write_film(run: RunFolder, log: Callable[[str], None]) -> Path | None:
    """Write `film.gif` from the frames of a run; None where there are none.

    Args:
        run: its folder.
        log: told of frames that cannot be read and are left out.
    """
    frames = []
    for path, step in frame_files(run.frames):
        try:
            with Image.open(path) as frame:
                frames.append(captioned(frame, f"step {step:,}"))
        except (OSError, SyntaxError, ValueError) as error:
            log(f"{path} cannot be read and is left out of the film: {error}")
    if not frames:
        return None
    width = max(frame.width for frame in frames)
    return pictures.save_film([_widened(frame, width) for frame in frames], run.film)


def captioned(frame: Image.Image, text: str) -> Image.Image:
    """Return a picture with a line of text in a white margin below it.

    Args:
        frame: grey or RGB; one that is narrower than its text is widened.
        text: a few words.
    """
    font = ImageFont.load_default(size=_SIZE)
    width = max(frame.width, int(font.getlength(text)) + 8)
    sheet = Image.new(frame.mode, (width, frame.height + CAPTION), "white")
    sheet.paste(frame, (0, 0))
    middle = (width // 2, frame.height + CAPTION // 2)
    ImageDraw.Draw(sheet).text(middle, text, fill="black", font=font, anchor="mm")
    return sheet


def _widened(frame: Image.Image, width: int) -> Image.Image:
    """Return a frame as wide as the widest: a film has one size, captions have several."""
    if frame.width == width:
        return frame
    sheet = Image.new(frame.mode, (width, frame.height), "white")
    sheet.paste(frame, (0, 0))
    return sheet
