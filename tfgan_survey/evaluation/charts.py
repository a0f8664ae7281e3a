"""Line charts and scatter pictures: inline SVG by matplotlib, coloured by the page's styles."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfgan_survey.pictures import CLASS_COLOURS, draw_classes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = 6
"""Lines that have a colour of their own in the style sheet; further ones begin again."""
_DASHES = ("-", (0, (5, 2.5)), (0, (1.5, 2)))
_SIDE = 3.2  # inches
_MOST = 600  # points of a line; more cannot be told apart at this size

# Colours that stand for variables of the style sheet, so that a page can be light and dark.
_INKS = {"--line": "#010101", "--dim": "#020202", "--ink": "#030303"}
_INKS |= {f"--s{index}": f"#0405{index:02x}" for index in range(COLOURS)}
_INKS |= {"--card": "#060606", "--frame": "#070707"}
_INKS |= {f"--c{index}": f"#0809{index:02x}" for index in range(len(CLASS_COLOURS))}


class Chart(NamedTuple):
    """A figure of the page: its caption, the names of its lines, and its SVG."""

    title: str
    keys: tuple[str, ...]
    svg: str


def require_plots() -> None:
    """Make sure that matplotlib is there.

    Raises:
        ImportError: it is missing; the message names the extra.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "a report's charts need matplotlib: pip install 'tfgan-survey[plots]'"
        ) from error


def line_chart(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    title: str,
    across: str = "training steps",
    errors: Sequence[float] | None = None,
    mark: float | None = None,
) -> Chart | None:
    """Draw lines over a common axis.

    Args:
        lines: name to x and y; values that are not finite are left out.
        title: what is drawn; becomes the caption.
        across: what the horizontal axis shows.
        errors: standard errors of the first line, drawn as a band.
        mark: x of a point of the first line to be ringed.

    Returns:
        The chart, None if there is nothing finite to draw.
    """
    kept = {name: _finite(*xy) for name, xy in lines.items()}
    kept = {name: xy for name, xy in kept.items() if len(xy)}
    if not kept:
        return None
    figure, axes = _figure(5.8, 3.3)
    for index, (name, xy) in enumerate(kept.items()):
        step = -(-len(xy) // _MOST)
        drawn = np.concatenate([xy[:-1:step], xy[-1:]])
        colour = _INKS[f"--s{index % COLOURS}"]
        marker = "o" if len(xy) < 30 else None
        style = _DASHES[index % len(_DASHES)]
        axes.plot(*drawn.T, color=colour, linestyle=style, linewidth=1.6, marker=marker,
                  markersize=3.5, gid=f"own-line-{index}")  # fmt: skip
        if index == 0 and errors is not None:
            x, y, spread = _finite(*lines[name], errors).T
            axes.fill_between(x, y - spread, y + spread, color=colour, alpha=0.18, linewidth=0,
                              gid="own-band")  # fmt: skip
        if index == 0 and mark is not None:
            ringed = xy[xy[:, 0] == mark]
            axes.plot(*ringed.T, "o", markersize=10, markerfacecolor="none",
                      markeredgecolor=_INKS["--ink"], markeredgewidth=1.6,
                      gid="own-mark")  # fmt: skip
    axes.set_xlabel(across, color=_INKS["--dim"])
    _quiet(axes)
    ends = "; ".join(f"{name} ends at {xy[-1, 1]:.4g}" for name, xy in kept.items())
    return Chart(title, tuple(kept), _svg(figure, f"{title} over {across}: {ends}"))


def scatter(
    points: np.ndarray, title: str, modes: np.ndarray, radius: float, reach: float | None = None
) -> Chart:
    """Draw points of the plane over the modes of their mixture; up is positive y.

    Args:
        points: `(n, 2)`; those beyond the picture are counted in the caption.
        title: becomes the caption.
        modes: centres `(m, 2)`, drawn as rings.
        radius: of the rings, in the points' unit.
        reach: coordinate at the border; default: 1.25 times that of the outermost mode.

    Returns:
        The chart.
    """
    reach = reach or 1.25 * float(np.abs(modes).max())
    shown = points[(np.abs(points) <= reach).all(axis=1)]
    figure, axes = _figure(_SIDE, _SIDE)
    axes.set_position((0, 0, 1, 1))
    axes.axis("off")
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    axes.plot(*shown.T, "o", markersize=2, color=_INKS["--s0"], alpha=0.7, markeredgewidth=0,
              gid="own-dots")  # fmt: skip
    # A ring that would vanish is drawn as large as can be seen; 72 points are an inch.
    size = max(2 * radius / (2 * reach) * _SIDE * 72, 8)
    axes.plot(*np.asarray(modes).T, "o", markersize=size, markerfacecolor="none",
              markeredgecolor=_INKS["--s1"], markeredgewidth=1, gid="own-modes")  # fmt: skip
    outside = len(points) - len(shown)
    said = f"{title}: {len(points):,} points" + (f", {outside:,} outside" if outside else "")
    return Chart(said, (), _svg(figure, f"{said}, over the {len(modes)} modes of the mixture"))


def class_scatter(
    points: np.ndarray,
    title: str,
    labels: np.ndarray | None = None,
    names: Sequence[str] = (),
    region: tuple[np.ndarray, np.ndarray] | None = None,
) -> Chart:
    """Draw points of the plane in the colours of their classes, with a legend.

    Args:
        points: see `tfgan_survey.pictures.draw_classes`; so are `labels`, `names` and `region`.
        title: becomes the caption.
        labels: see `points`.
        names: see `points`.
        region: see `points`.

    Returns:
        The chart.
    """
    figure, axes = _figure(5.4, 4.4)
    colours = [_INKS[f"--c{index}"] for index in range(len(CLASS_COLOURS))]
    inks = {"ink": _INKS["--ink"], "paper": _INKS["--card"], "frame": _INKS["--frame"]}
    draw_classes(axes, points, labels, names, region, colours=colours, **inks)
    _quiet(axes)
    said = f"{title}: {len(points):,} points"
    if labels is not None:
        said += f" of {len(np.unique(labels))} classes"
    return Chart(title, (), _svg(figure, said))


def _quiet(axes: Any) -> None:
    """Leave nothing of the axes but a grid and few numbers."""
    axes.grid(color=_INKS["--line"], linewidth=0.8)
    axes.tick_params(length=0, colors=_INKS["--dim"])
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.locator_params(nbins=5)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    """Return a figure and its axes, inches, that belong to no window and no state of pyplot."""
    require_plots()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=None if width == height else "constrained")
    return figure, figure.subplots()


def _svg(figure: Figure, said: str) -> str:
    """Return the SVG to be put into a page: always the same, its colours left to the page.

    Why:
        matplotlib salts ids at random and dates its files; namespaces, prolog and metadata name
        addresses, which an inline SVG does not need; its style element would rule the whole page.

    Args:
        figure: what is drawn.
        said: the same in words, for those who cannot see it.

    Returns:
        An `svg` element.
    """
    import matplotlib

    settings = {"svg.hashsalt": said, "svg.fonttype": "none", "font.size": 12,
                "font.family": "sans-serif", "path.simplify": False}  # fmt: skip
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    file = io.StringIO()
    with matplotlib.rc_context(settings):
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(
        r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL
    )
    # Ids of groups repeat from figure to figure; those that are ours become classes.
    text = re.sub(r'<g id="own-([\w-]+)"', r'<g class="\1"', text)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    for name, ink in _INKS.items():
        text = text.replace(ink, f"var({name})")
    text = re.sub(r"font-family: [^;\"]*", "font-family: system-ui, sans-serif", text)
    box = re.search(r'viewBox="[^"]*"', text).group()
    opening = f'<svg {box} role="img" aria-label="{escape(said)}">'
    return opening + text[text.index(">") + 1 :].strip()


def _finite(*columns: Sequence[float]) -> np.ndarray:
    rows = np.array(columns, np.float64).T.reshape(-1, len(columns))
    return rows[np.isfinite(rows).all(axis=1)]
