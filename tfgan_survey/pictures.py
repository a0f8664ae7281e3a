"""Grids, films, curves and planes of classes: arrays in, files out."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tfgan_survey.files import written_aside

_BACKGROUND = 96
_GAP = 1  # pixels of background between tiles
_PLANE = 140  # pixels of a plane's side, before scaling
_MARGIN = 14  # pixels for a row's label, before scaling

CLASS_COLOURS = ("#1f6fb4", "#d96b00", "#23882a", "#cc2a2a", "#8052ba",
                 "#8c564b", "#cf4fa8", "#6b6b6b", "#8a8a0c", "#0b8fa0")  # fmt: skip
"""Of the first ten classes; ten more have them again, with another mark."""
_MARKS = ("o", "x")
_TITLE = 80  # letters in a line
_REGION = "#d01010"  # the red frame of the lecture's picture


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
    sheet = np.full(
        (rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, channels), _BACKGROUND
    )
    for index, tile in enumerate(tiles):
        top, left = (index // columns) * (height + _GAP), (index % columns) * (width + _GAP)
        sheet[top : top + height, left : left + width] = tile
    sheet = sheet.astype(np.uint8).repeat(scale, 0).repeat(scale, 1)
    picture = Image.fromarray(sheet[..., 0] if channels == 1 else sheet)
    return picture if row_labels is None else _with_labels(picture, row_labels, rows, scale)


def stacked(groups: Mapping[str, np.ndarray], columns: int = 10, scale: int = 2) -> Image.Image:
    """Lay sets of images that belong together under each other, named, as many rows as it takes.

    Args:
        groups: name to images `(n, height, width, channels)`, equally many; image i of every set
            stands in one column. Where sizes differ, smaller ones lie on the background; grey ones
            become RGB beside coloured ones.
        columns: images in a row.
        scale: whole factor by which pixels are enlarged.

    Returns:
        A Pillow image: the first `columns` images of each set in turn, then the next ones.

    Raises:
        ValueError: no sets, or of different counts.

    Example:
        >>> stacked({"original": images, "decoded": model.reconstruct(images)})
    """
    sets = {name: to_uint8(images) for name, images in groups.items()}
    shapes = [images.shape for images in sets.values()]
    if len({len(images) for images in sets.values()}) != 1 or any(len(s) != 4 for s in shapes):
        came = ", ".join(f"{name} {images.shape}" for name, images in sets.items()) or "none"
        raise ValueError(f"equally many images are laid under each other; {came} came.")
    shape = tuple(np.max(shapes, axis=0).tolist())
    sets = {name: _on_canvas(images, shape) for name, images in sets.items()}
    columns = min(columns, shape[0])
    blank = np.zeros((-shape[0] % columns, *shape[1:]), np.uint8)
    # (sets, blocks, columns, ...) to (blocks, sets, columns, ...)
    whole = np.stack([np.concatenate([images, blank]) for images in sets.values()])
    blocks = whole.reshape(len(sets), -1, columns, *shape[1:]).swapaxes(0, 1)
    names = list(sets) * len(blocks)
    return grid(blocks.reshape(-1, *shape[1:]), columns, names, scale)


def _on_canvas(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return images as RGB where the shape is, and on the background where it is larger."""
    if images.shape == shape:
        return images
    _, height, width, _ = images.shape
    result = np.full(shape, _BACKGROUND, np.uint8)
    result[:, :height, :width] = images
    return result


def column(parts: Sequence[Image.Image]) -> Image.Image:
    """Lay pictures under each other, left edges in one line.

    Args:
        parts: at least one, of any sizes and of grey or RGB.

    Returns:
        A Pillow image, grey if all are.
    """
    mode = "L" if all(part.mode == "L" for part in parts) else "RGB"
    height = sum(part.height for part in parts) + 4 * _GAP * (len(parts) - 1)
    background = _BACKGROUND if mode == "L" else (_BACKGROUND,) * 3
    sheet = Image.new(mode, (max(part.width for part in parts), height), background)
    top = 0
    for part in parts:
        sheet.paste(part.convert(mode), (0, top))
        top += part.height + 4 * _GAP
    return sheet


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
    probes = probes or {}
    count = max(1, len(groups) + len(probes))
    figure = _figure(7, 1.5 + 2 * count, "curves")
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
    return _save_figure(figure, path)


def save_classes(
    points: np.ndarray,
    path: str | Path,
    labels: np.ndarray | None = None,
    names: Sequence[str] = (),
    title: str = "",
    region: tuple[np.ndarray, np.ndarray] | None = None,
) -> Path:
    """Draw points of the plane in the colours of their classes, with a legend.

    Args:
        points: see `draw_classes`; so are `labels`, `names` and `region`.
        path: PNG file.
        labels: see `points`.
        names: see `points`.
        title: shown above; its lines are broken where they are longer than the picture is wide.
        region: see `points`.

    Returns:
        `path`.

    Raises:
        ImportError: matplotlib is missing; the message names the extra.
        ValueError: as `draw_classes`.
    """
    figure = _figure(7, 6, "pictures of codes")
    axes = figure.subplots()
    draw_classes(axes, points, labels, names, region)
    axes.grid(alpha=0.3)
    lines = [textwrap.fill(line, _TITLE) for line in title.splitlines()]
    axes.set_title("\n".join(lines), fontsize=10)
    return _save_figure(figure, path)


def draw_classes(
    axes: Any,
    points: np.ndarray,
    labels: np.ndarray | None = None,
    names: Sequence[str] = (),
    region: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    colours: Sequence[str] = CLASS_COLOURS,
    ink: str = "black",
    paper: str = "white",
    frame: str = _REGION,
) -> None:
    """Draw points into axes: a colour a class, its name in the legend and at its median.

    Args:
        axes: of a matplotlib figure.
        points: `(n, 2)`, finite.
        labels: class ids `(n,)`; None for points of one kind.
        names: name of every class; those beyond twice the colours are drawn as one, "others".
        region: corners `(lowest, highest)` of a rectangle that is framed.
        colours: of the classes.
        ink: of text, and of points of one kind.
        paper: behind the names.
        frame: of the region.

    Raises:
        ValueError: points that are none, or labels that are not one a point.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError(f"points of shape {points.shape}: expected finite numbers (n, 2).")
    kinds = {"": (points, ink, "o")}
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != (len(points),):
            raise ValueError(f"{len(points)} points and labels {labels.shape}: one each, please.")
        own = len(colours) * len(_MARKS)
        kinds = {
            names[i]: (points[labels == i], colours[i % len(colours)], _MARKS[i // len(colours)])
            for i in range(min(len(names), own))
        }
        if len(names) > own:
            kinds["others"] = (points[labels >= own], ink, ".")
    shown = {name: kind for name, kind in kinds.items() if len(kind[0])}
    for index, (name, (its, colour, mark)) in enumerate(shown.items()):
        axes.plot(*its.T, mark, color=colour, markersize=3.5, alpha=0.7, label=name,
                  markeredgewidth=0 if mark == "o" else 0.8, gid=f"own-kind-{index}")  # fmt: skip
    if region is not None:
        (left, bottom), (right, top) = region
        axes.plot([left, right, right, left, left], [bottom, bottom, top, top, bottom],
                  color=frame, linewidth=1.5, gid="own-region")  # fmt: skip
    if labels is None:
        return
    behind = {"boxstyle": "round,pad=0.15", "facecolor": paper, "edgecolor": "none", "alpha": 0.75}
    for name, (its, _, _) in shown.items():
        axes.text(*np.median(its, axis=0), name, color=ink, fontsize=9, fontweight="bold",
                  ha="center", va="center", bbox=behind, clip_on=True)  # fmt: skip
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, labelcolor=ink,
                markerscale=2, handletextpad=0.2, borderaxespad=0.2,
                ncols=-(-len(shown) // 15))  # fmt: skip


def _figure(width: float, height: float, what: str) -> Any:
    """Return a matplotlib figure, inches, that belongs to no window."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(f"{what} need matplotlib: pip install 'tfgan-survey[plots]'") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save_figure(figure: Any, path: str | Path) -> Path:
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
