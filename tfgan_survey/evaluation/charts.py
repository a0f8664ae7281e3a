"""Line charts and scatter pictures as inline SVG, coloured by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

_WIDTH, _HEIGHT = 420, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 26, 10, 34
_MOST = 600  # points of a line; more cannot be told apart at this size
_SIDE = 320


def line_chart(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    title: str,
    across: str = "training steps",
    errors: Sequence[float] | None = None,
    mark: float | None = None,
) -> str:
    """Draw up to three lines over a common axis.

    Args:
        lines: name to x and y; values that are not finite are left out.
        title: what is drawn; becomes the caption.
        across: what the horizontal axis shows.
        errors: standard errors of the first line, drawn as a band.
        mark: x of a point of the first line to be ringed.

    Returns:
        A `figure` element, or an empty string if there is nothing finite to draw.
    """
    kept = {name: _finite(*xy) for name, xy in lines.items()}
    kept = {name: xy for name, xy in kept.items() if len(xy)}
    if not kept:
        return ""
    every = np.concatenate(list(kept.values()))
    spread = np.zeros(len(every))
    if errors is not None:
        first = next(iter(kept))
        spread[: len(kept[first])] = _finite(*lines[first], errors)[:, 2]
    x_ticks = _ticks(*_range(every[:, 0]))
    y_ticks = _ticks(*_range(np.concatenate([every[:, 1] - spread, every[:, 1] + spread])))

    def place(x, y) -> str:
        right = (x - x_ticks[0]) / (x_ticks[-1] - x_ticks[0])
        up = (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return (
            f"{_LEFT + right * (_WIDTH - _LEFT - _RIGHT):.1f},"
            f"{_TOP + (1 - up) * (_HEIGHT - _TOP - _BOTTOM):.1f}"
        )

    parts = _axes(x_ticks, y_ticks, place, across)
    if errors is not None:
        band = _finite(*lines[first], errors)
        outline = [place(x, y + e) for x, y, e in band]
        outline += [place(x, y - e) for x, y, e in band[::-1]]
        parts.append(f'<polygon class="band" points="{" ".join(outline)}"/>')
    for index, xy in enumerate(kept.values()):
        step = math.ceil(len(xy) / _MOST)
        drawn = np.concatenate([xy[:-1:step], xy[-1:]])
        points = [place(x, y) for x, y in drawn]
        parts.append(f'<polyline class="line s{index}" points="{" ".join(points)}"/>')
        if len(xy) < 30:
            parts += [_circle(point, 2.6, f"dot s{index}") for point in points]
    if mark is not None:
        xy = next(iter(kept.values()))
        parts += [_circle(place(x, y), 6, "mark") for x, y in xy if x == mark]
    said = "; ".join(f"{name} ends at {xy[-1, 1]:.4g}" for name, xy in kept.items())
    key = "".join(
        f'<span class="key s{index}">{escape(name)}</span>' for index, name in enumerate(kept)
    )
    return (
        f'<figure class="chart"><figcaption><strong>{escape(title)}</strong> {key}</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(f"{title} over {across}: {said}")}">{"".join(parts)}</svg></figure>'
    )


def scatter(
    points: np.ndarray, title: str, modes: np.ndarray, radius: float, reach: float | None = None
) -> str:
    """Draw points of the plane over the modes of their mixture.

    Args:
        points: `(n, 2)`; those beyond the picture are counted in the caption.
        title: becomes the caption.
        modes: centres `(m, 2)`, drawn as rings.
        radius: of the rings, in the points' unit.
        reach: coordinate at the border; default: 1.25 times that of the outermost mode.

    Returns:
        A `figure` element.
    """
    reach = reach or 1.25 * float(np.abs(modes).max())
    shown = points[(np.abs(points) <= reach).all(axis=1)]

    def place(pair) -> tuple[str, str]:
        x, y = (np.asarray((pair[0], -pair[1])) / reach + 1) / 2 * _SIDE
        return f"{x:.1f}", f"{y:.1f}"

    # A ring that would vanish is drawn as large as can be seen.
    ring = max(radius / (2 * reach) * _SIDE, 5)
    rings = [_circle(",".join(place(mode)), ring, "mode") for mode in modes]
    dots = "".join(f"M{x} {y}h0" for x, y in map(place, shown))
    outside = len(points) - len(shown)
    said = f"{title}: {len(points):,} points" + (f", {outside:,} outside" if outside else "")
    return (
        f'<figure class="plane"><figcaption>{escape(said)}</figcaption>'
        f'<svg viewBox="0 0 {_SIDE} {_SIDE}" role="img" aria-label="{escape(said)}, over the '
        f'{len(modes)} modes of the mixture"><path class="dots" d="{dots}"/>{"".join(rings)}</svg>'
        "</figure>"
    )


def _axes(x_ticks, y_ticks, place, across: str) -> list[str]:
    parts = []
    for y in y_ticks:
        (left, at), right = place(x_ticks[0], y).split(","), place(x_ticks[-1], y).split(",")[0]
        parts.append(f'<path class="rule" d="M{left} {at}H{right}"/>')
        parts.append(f'<text class="y" x="{_LEFT - 6}" y="{float(at) + 4:.1f}">{y:g}</text>')
    for x in x_ticks:
        at = place(x, y_ticks[0]).split(",")[0]
        parts.append(f'<text class="x" x="{at}" y="{_HEIGHT - _BOTTOM + 15}">{x:,g}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text class="x" x="{middle}" y="{_HEIGHT - 4}">{escape(across)}</text>')
    return parts


def _circle(point: str, radius: float, name: str) -> str:
    x, y = point.split(",")
    return f'<circle class="{name}" cx="{x}" cy="{y}" r="{radius:.1f}"/>'


def _finite(*columns: Sequence[float]) -> np.ndarray:
    rows = np.array(columns, np.float64).T.reshape(-1, len(columns))
    return rows[np.isfinite(rows).all(axis=1)]


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    return low, high


def _ticks(low: float, high: float) -> list[float]:
    """Return about five round numbers that enclose the range.

    Formula:  multiples of the smallest step in {1, 2, 5} x 10^k that the range holds at most 5 of
    """
    size = 10.0 ** math.floor(math.log10((high - low) / 5))
    step = next(f * size for f in (1, 2, 5, 10) if (high - low) / (f * size) <= 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]
