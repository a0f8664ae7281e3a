"""The command that puts words to images: `tag`."""

from __future__ import annotations

from pathlib import Path

import click

from tfgan_survey.cli.completing import RunType
from tfgan_survey.cli.options import parse_names, start_tensorflow, table
from tfgan_survey.console import PathType


@click.command()
@click.argument("run", type=RunType())
@click.argument("features", type=PathType())
@click.option("--num", type=click.IntRange(1), default=5, show_default=True, help="Tags an image.")
@click.option("--votes", type=click.IntRange(1), default=100, show_default=True,
              help="Generated vectors an image.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="First seed.")
@click.option("--among", metavar="TAGS", help="Only these tags, comma-separated [all].")
@click.option("--output", type=PathType(), help="Also write a table here, .csv.")
def tag(
    run: Path, features: Path, num: int, votes: int, seed: int, among: str | None,
    output: Path | None,
) -> None:  # fmt: skip
    """Print the tags that RUN gives to the images of FEATURES.

    FEATURES is an .npz with an array features, a row an image, or a .csv of numbers. Behind each
    tag stands the share of the generated vectors that have it.
    """
    if output is not None and output.suffix != ".csv":
        raise click.UsageError(f"--output {output}: expected a name ending in .csv.")
    words = None if among is None else parse_names(among)
    start_tensorflow()
    from tfgan_survey import evaluation

    found = evaluation.tag(run, features, num, votes, seed, words, output)
    rows = [[f"{word} {share:.2f}" for word, share in tags] for tags in found]
    table([["row", *map(str, range(1, len(rows[0]) + 1))],
           *([str(i), *row] for i, row in enumerate(rows))])  # fmt: skip
    if output is not None:
        click.echo(f"wrote {output}")
