"""What the commands share: options, and texts that mean more than one value."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

import click

from tfgan_survey.console import PathType
from tfgan_survey.lazy import quiet_start

DATA_DIR = click.option(
    "--data-dir", type=PathType(), help="Root of prepared data sets (TFDS layout)."
)
SOURCE = click.option(
    "--source", default="auto", show_default=True, help="auto, tfds, npm, debian, or a folder."
)
WIDTH = 100
"""Longest line of the tables that list what there is."""
_WORD = 24  # longest name of a model or a data set; longer words are broken in a narrow column
SEED = click.option("--seed", type=click.IntRange(0), help="The one seed.")


def start_tensorflow() -> None:
    """Import TensorFlow without its start-up notes on stderr, where errors must stand alone."""
    with quiet_start():
        import tensorflow  # noqa: F401


def parse_names(text: str) -> list[str]:
    """Return comma-separated names.

    Args:
        text: as typed.
    """
    return [name.strip() for name in text.split(",")]


def check_samples_options(
    label: int | None, labels: str | None, output: Path, shards: bool = False
) -> None:
    """Check options of commands that sample, before minutes of work.

    Args:
        label: of `--label`.
        labels: of `--labels`.
        output: file to be written.
        shards: whether it is a folder of shards instead.

    Raises:
        click.UsageError: labels given twice, or a file of no known kind.
    """
    if label is not None and labels is not None:
        raise click.UsageError("--label and --labels exclude each other.")
    if not shards and output.suffix not in (".png", ".npz"):
        raise click.UsageError(f"--output {output}: expected a name ending in .png or .npz.")


def parse_ids(text: str, flag: str = "--labels", what: str = "class ids") -> list[int]:
    """Return comma-separated class ids, or other whole numbers.

    Args:
        text: as typed.
        flag: where it was typed.
        what: the numbers are.

    Raises:
        click.UsageError: something that is no whole number.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError(f"{flag} {text}: expected {what} such as 0,1,2.") from None


def parse_worker(text: str) -> tuple[int, int]:
    """Return which worker this is, and of how many.

    Args:
        text: as typed, 0/4.

    Raises:
        click.UsageError: anything else, or a worker that is none of them.
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text, re.ASCII)
    if not found or int(found[1]) >= int(found[2]):
        raise click.UsageError(f"--worker {text}: expected 0/4 to 3/4 for four workers.")
    return int(found[1]), int(found[2])


def parse_settings(pairs: Sequence[str]) -> dict[str, str]:
    """Return the pairs of `--set KEY=VALUE` as a dictionary.

    Args:
        pairs: as typed.

    Raises:
        click.UsageError: no `=`, or a key given twice.
    """
    settings: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise click.UsageError(f"--set {pair}: expected KEY=VALUE.")
        if key in settings:
            raise click.UsageError(f"--set {key} is given twice.")
        settings[key] = value
    return settings


def table(rows: Sequence[Sequence[str]], width: int | None = None) -> None:
    """Print rows in aligned columns.

    Args:
        rows: equally many cells each; the first is the heading.
        width: longest line; the widest columns are wrapped between words to fit. None for rows of
            any length.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    if width is not None:
        words = [max(len(word) for row in rows for word in [*row[column].split(), ""])
                 for column in range(len(widths))]  # fmt: skip
        widths = _narrowed(widths, width - 2 * (len(widths) - 1), words)
    for row in rows:
        cells = [textwrap.wrap(cell, size) or [""] for cell, size in zip(row, widths, strict=True)]
        for line in itertools.zip_longest(*cells, fillvalue=""):
            padded = (text.ljust(size) for text, size in zip(line, widths, strict=True))
            click.echo("  ".join(padded).rstrip())


def _narrowed(widths: list[int], total: int, words: list[int]) -> list[int]:
    """Return widths of this sum at most, taken from the widest column; names stay whole."""
    widths, least = list(widths), [min(longest, _WORD) for longest in words]
    while sum(widths) > total and any(map(int.__gt__, widths, least)):
        index = max(range(len(widths)), key=lambda i: (widths[i] > least[i], widths[i]))
        widths[index] -= 1
    return widths
