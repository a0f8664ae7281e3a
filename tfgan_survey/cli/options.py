"""What the commands share: options, and texts that mean more than one value."""

from __future__ import annotations

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


def check_samples_options(label: int | None, labels: str | None, output: Path) -> None:
    """Check options of commands that sample, before minutes of work.

    Args:
        label: of `--label`.
        labels: of `--labels`.
        output: file to be written.

    Raises:
        click.UsageError: labels given twice, or a file of no known kind.
    """
    if label is not None and labels is not None:
        raise click.UsageError("--label and --labels exclude each other.")
    if output.suffix not in (".png", ".npz"):
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


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns.

    Args:
        rows: equally many cells each; the first is the heading.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
