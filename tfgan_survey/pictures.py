"""Grids, films and curves: arrays in, files out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tfgan_survey.files import written_aside

_GAP = 1  # pixels of background between tiles
_PLANE = 140  # pixels of a plane's side, before scaling
_MARGIN = 14  # pixels for a row's label, before scaling


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Return `rint(255 x)` as uint8; uint8 passes through.

    Args:
        images: float in [0, 1] or uint8.

    Raises:
        ValueError: floats outside [0, 1] or NaN.
    """
    images = np.asarray(images)
    if images.dtype == np.uint8:
        return images
    if not np.isfinite(images).all() or images.min() < -1e-6 or images.max() > 1 + 1e-6:
        raise ValueError(
            f"images from {images.min():g} to {images.max():g}: expected [0, 1] or uint8."
        )
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


def grid(
    images: np.ndarray,
    columns: int | None = None,
    row_labels: Sequence[str] | None = None,
    scale: int = 2,
) -> Image.Image:
    """Lay images out in rows.

    Args:
        images: `(n, height, width, channels)`, 1 or 3 channels, float [0, 1] or uint8.
        columns: images in a row; None for a square.
        row_labels: text left of each row.
        scale: whole factor by which pixels are enlarged.

    Returns:
        A Pillow image, grey (`L`) or `RGB`.
    """
    tiles = to_uint8(images)
    if tiles.ndim != 4 or tiles.shape[-1] not in (1, 3):
        raise ValueError(f"images of shape {tiles.shape}: expected (n, h, w, 1) or (n, h, w, 3).")
    count, height, width, channels = tiles.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, channels), 96)
    for index, tile in enumerate(tiles):
        top, left = (index // columns) * (height + _GAP), (index % columns) * (width + _GAP)
        sheet[top : top + height, left : left + width] = tile
    sheet = sheet.astype(np.uint8).repeat(scale, 0).repeat(scale, 1)
    picture = Image.fromarray(sheet[..., 0] if channels == 1 else sheet)
    return picture if row_labels is None else _with_labels(picture, row_labels, rows, scale)


def scatter(points: np.ndarray, reach: float | None = None, scale: int = 2) -> Image.Image:
    """Draw points of the plane, darker where they are dense; the origin is in the middle.

    Args:
        points: `(n, 2)`, finite; those beyond `reach` are drawn on the border.
        reach: coordinate at the border; None for 1.1 times the largest.
        scale: whole factor; the picture is 140 x `scale` pixels wide and high.

    Returns:
        A grey Pillow image.

    Raises:
        ValueError: another shape, or values that are not finite.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError(f"points of shape {points.shape}: expected finite numbers (n, 2).")
    side = _PLANE * scale
    reach = reach or 1.1 * max(float(np.abs(points).max()), 1e-12)
    cells = np.rint((np.clip(points / reach, -1, 1) + 1) / 2 * (side - 1)).astype(int)
    counts = np.zeros((side, side))
    np.add.at(counts, (side - 1 - cells[:, 1], cells[:, 0]), 1)
    # A single point must be seen: half of the darkness for presence, half for density.
    ink = np.where(counts > 0, 0.5 + 0.5 * np.log1p(counts) / np.log1p(counts.max()), 0.0)
    return Image.fromarray(np.rint(255 * (1 - ink)).astype(np.uint8))


def save(picture: Image.Image, path: str | Path) -> Path:
    """Write a picture, format by suffix, aside first.

    Args:
        picture: to be written.
        path: file to be; its suffix names the format.
    """
    path = Path(path)
    with written_aside(path) as aside:
        picture.save(aside)
    return path


def save_film(frames: Sequence[Image.Image], path: str | Path, seconds: float = 6.0) -> Path:
    """Write frames as a looping GIF that lasts about `seconds` and rests on its last frame.

    Args:
        frames: pictures of one size, at least one.
        path: the GIF to be.
        seconds: length of one pass over all frames.
    """
    if not frames:
        raise ValueError("a film needs at least one frame; train for at least one step first.")
    path = Path(path)
    each = max(40, int(1000 * seconds / len(frames)))
    durations = [each] * (len(frames) - 1) + [max(1500, each)]
    with written_aside(path) as aside:
        frames[0].save(aside, save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return path


def save_curves(
    steps: Sequence[int],
    groups: Mapping[str, Mapping[str, Sequence[float]]],
    path: str | Path,
    title: str = "",
    probes: Mapping[str, tuple[Sequence[int], Sequence[float], Sequence[float]]] | None = None,
) -> Path:
    """Draw what a training logged over its steps, a panel a group.

    Args:
        steps: training steps of the rows.
        groups: what a panel shows to its lines, name to one value a row.
        path: PNG file.
        title: shown above.
        probes: metrics measured during training by name: steps, values, standard errors; each
            gets a panel of its own below.

    Raises:
        ImportError: matplotlib is missing; the message names the extra.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("curves need matplotlib: pip install 'tfgan-survey[plots]'") from error
    probes = probes or {}
    count = max(1, len(groups) + len(probes))
    figure = Figure(figsize=(7, 1.5 + 2 * count), layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])
    mark = "o" if len(steps) < 30 else None
    for axis, (label, lines) in zip(panels, groups.items(), strict=False):
        for name, values in lines.items():
            axis.plot(steps, values, label=name, marker=mark, markersize=3)
        axis.grid(alpha=0.3)
        axis.legend()
        axis.set(ylabel=label)
    for axis, (name, (at, values, errors)) in zip(
        panels[len(groups) :], probes.items(), strict=False
    ):
        axis.errorbar(at, values, errors, marker="o", markersize=3, capsize=2)
        axis.grid(alpha=0.3)
        axis.set(ylabel=name)
    panels[0].set(title=title)
    panels[-1].set(xlabel="training steps")
    path = Path(path)
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=110)
    return path


def _with_labels(picture: Image.Image, labels, rows: int, scale: int) -> Image.Image:
    font = ImageFont.load_default(size=10 * scale)
    margin = max(_MARGIN * scale, *(int(font.getlength(str(text))) + 4 * scale for text in labels))
    wide = Image.new(picture.mode, (picture.width + margin, picture.height), "white")
    wide.paste(picture, (margin, 0))
    draw = ImageDraw.Draw(wide)
    for row, text in zip(range(rows), labels, strict=False):
        middle = int((row + 0.5) * picture.height / rows)
        draw.text((margin // 2, middle), str(text), fill="black", font=font, anchor="mm")
    return wide
