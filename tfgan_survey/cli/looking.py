"""Commands that show what models make and see: `pictures`, `walk`, `translate`, `features`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tfgan_survey.cli.completing import RunType
from tfgan_survey.cli.options import DATA_DIR, SOURCE, parse_ids, parse_names, start_tensorflow
from tfgan_survey.console import PathType


@click.command()
@click.argument("runs", metavar="RUN...", type=RunType(), nargs=-1, required=True)
@click.option("--output", type=PathType(), help="Folder [RUN/pictures; pictures for several].")
@click.option("--only", help="Names of pictures, comma-separated [all that can be made].")
@click.option("--dataset", help="Set whose test images are shown [the run's own].")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="First seed.")
@SOURCE
@DATA_DIR
def pictures(runs: tuple[Path, ...], output: Path | None, only: str | None, **options: Any) -> None:
    """Write PNG pictures of what RUNs (run folders or .keras files) can do.

    samples: a grid of samples. arithmetic: means of latents by class, and sums and differences of
    them (unconditional models of data with a shipped classifier). reconstructions: test images
    above what comes back of them. denoised: test images, corrupted, denoised. translations: test
    images, translated, and what comes back of that. codes: where the codes of test images lie,
    coloured by class (of more than two numbers: their first two principal components). plane: 400
    codes of two numbers, decoded. interpolation: from the code of the first 7 to that of the first
    9 of the test set (of other data the first two classes), a row for each RUN below the blend of
    pixels.
    """
    names = None if only is None else parse_names(only)
    start_tensorflow()
    from tfgan_survey import evaluation

    targets = [evaluation.Target(run, **options) for run in runs]
    if output is None:
        output = runs[0] / "pictures" if len(runs) == 1 and runs[0].is_dir() else Path("pictures")
    evaluation.write_pictures(targets, output, names, log=click.echo)


@click.command()
@click.argument("run", type=RunType())
@click.option("--seeds", default="0,1", show_default=True, help="Seeds of the stations, 0,1,2.")
@click.option("--labels", help="Class ids of the stations, 3,8 [all classes in turn].")
@click.option("--frames", type=click.IntRange(2), default=24, show_default=True,
              help="Images in all, both ends included.")  # fmt: skip
@click.option("--columns", type=click.IntRange(1), help="Images in a row of the PNG [12].")
@click.option("--output", type=PathType(), required=True, help="Film, .gif, or picture, .png")
def walk(run: Path, seeds: str, labels: str | None, output: Path, **options: Any) -> None:
    """Walk from sample to sample of RUN, a run folder or a .keras file.

    Station i has the i-th of the seeds and of the labels; the shorter list begins again. One seed
    and several labels lead from class to class under one latent, several seeds and one label from
    latent to latent within a class. A film that ends where it began names the first one again at
    the end.
    """
    if output.suffix not in (".gif", ".png"):
        raise click.UsageError(f"--output {output}: expected a name ending in .gif or .png.")
    stations = parse_ids(seeds, "--seeds", "seeds")
    ids = None if labels is None else parse_ids(labels)
    start_tensorflow()
    from tfgan_survey.training.sample import walk_run

    click.echo(f"wrote {walk_run(run, output, stations, ids, **options)}")


@click.command()
@click.argument("run", type=RunType())
@click.argument("images", metavar="IMAGES...", type=PathType(), nargs=-1, required=True)
@click.option("--direction", help="a2b or b2a [the first that the model has].")
@click.option("--fit", is_flag=True,
              help="Stretch pictures of another size, make them grey or coloured.")  # fmt: skip
@click.option("--output", type=PathType(), required=True, help="Folder, .png or .npz")
def translate(run: Path, images: tuple[Path, ...], output: Path, **options: Any) -> None:
    """Translate IMAGES with RUN, a run folder or a .keras file.

    IMAGES are pictures and folders of pictures, or one .npz with images. A folder as --output gets
    a PNG of the same name for each picture; a .png shows each source above its translation; an
    .npz gets images, and the labels of the one that was read.
    """
    start_tensorflow()
    from tfgan_survey.evaluation import translate_run

    found = translate_run(run, images, output, **options, log=click.echo)
    click.echo(f"wrote {found}")


@click.command()
@click.argument("run", type=RunType())
@click.option("--output", type=PathType(), required=True, help=".npz")
@click.option("--discriminator", help="Which, where a model has several, such as a [the only one].")
@click.option("--dataset", help="Set whose features are written [the run's own].")
@click.option("--split", default="train", show_default=True, help="Examples of `features`.")
@click.option("--test-split", default="test", show_default=True, help="And of `test_features`.")
@click.option("--half", is_flag=True, help="float16 instead of float32, half the size.")
@SOURCE
@DATA_DIR
def features(run: Path, output: Path, **options: Any) -> None:
    """Write what the discriminator of RUN, a run folder or a .keras file, sees in images.

    FILE.npz gets the activations of all its layers, each map max-pooled to 4x4, one row an image:
    features and labels, test_features and test_labels, and layers (name and columns of each). A
    conditional discriminator is told no label: its code is zero.
    """
    if output.suffix != ".npz":
        raise click.UsageError(f"--output {output}: expected a name ending in .npz.")
    start_tensorflow()
    from tfgan_survey import evaluation

    click.echo(f"wrote {evaluation.write_features(run, output, log=click.echo, **options)}")
