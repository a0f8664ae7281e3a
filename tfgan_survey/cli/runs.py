"""Commands that make a run and go on with it: `train`, `sample`, `export`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from tfgan_survey.cli.completing import (
    RunType,
    complete_metrics,
    complete_models,
    complete_outcome,
    complete_settings,
)
from tfgan_survey.cli.options import (
    DATA_DIR,
    SEED,
    SOURCE,
    check_samples_options,
    parse_ids,
    parse_names,
    parse_settings,
    parse_worker,
    start_tensorflow,
)
from tfgan_survey.console import PathType

_LARGEST_VERSION = 2**63 - 1  # TensorFlow Serving reads int64


@click.command()
@click.argument("model", required=False, shell_complete=complete_models)
@click.option("--config", type=RunType(), metavar="RUN|FILE",
              help="Begin with the settings of a run, or of its settings.json.")  # fmt: skip
@click.option("--dataset", help="Data set, folder, .npz, or two: a,b [the model's own].")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the data.")
@click.option("--steps", type=click.IntRange(1), help="Training steps, instead of epochs.")
@click.option("--batch-size", type=click.IntRange(1), help="Real images a step.")
@SEED
@click.option("--output", type=PathType(), help="Run folder [runs/MODEL].")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint.")
@click.option("--deterministic", is_flag=True, help="Force deterministic kernels.")
@click.option("--tensorboard", is_flag=True, help="Also log scalars and grids for TensorBoard.")
@click.option(
    "--probe",
    shell_complete=complete_metrics,
    help="Metrics to measure meanwhile, comma-separated.",
)
@click.option("--probe-every", type=click.IntRange(1), help="Steps between probes [1000].")
@click.option("--probe-num", type=click.IntRange(1), help="Samples a probe [2000].")
@click.option("--keep-best", metavar="METRIC", shell_complete=complete_outcome,
              help="Keep best.keras by this probed metric.")  # fmt: skip
@click.option("--validate", metavar="SPLIT", help="Keep best.keras by the loss on this split.")
@click.option("--strategy", help="mirrored, mirrored:N devices, or multi_worker (TF_CONFIG).")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              shell_complete=complete_settings, help="Any other setting.")  # fmt: skip
@SOURCE
@DATA_DIR
def train(
    model: str | None, config: Path | None, output: Path | None, resume: bool, **options: Any
) -> None:
    """Train MODEL into a run folder (see `tfgan-survey models` and `tfgan-survey models MODEL`).

    --config takes every setting from a run's record, --set and the other flags change them.

    --probe takes the metrics of `evaluate` or single measurements (precision, recall, ...) and logs
    them to probe.csv; the model that --keep-best keeps is sampled, evaluated and exported as
    RUN/best.keras. Neither changes what is trained.
    """
    overrides = parse_settings(options.pop("settings"))
    data_dir, source = options.pop("data_dir"), options.pop("source")
    tensorboard = options.pop("tensorboard")
    probing = _probing(*(options.pop(f"probe{key}") for key in ("", "_every", "_num")))
    keep_best, validate = options.pop("keep_best"), options.pop("validate")
    strategy = options.pop("strategy")
    if options["epochs"] and options["steps"]:
        raise click.UsageError("--epochs and --steps exclude each other.")
    if not options["deterministic"]:
        options.pop("deterministic")
    for key, value in options.items():
        if value is not None and overrides.setdefault(key, value) != value:
            raise click.UsageError(f"{key} is given twice: by its flag and by --set.")
    if model is None and config is None:
        raise click.UsageError("name a MODEL, or give the record of a run by --config.")
    start_tensorflow()
    from tfgan_survey.models.tagging import names_tags
    from tfgan_survey.training import settings_from
    from tfgan_survey.training import train as train_run
    from tfgan_survey.training.cluster import read_cluster

    if config is not None:
        model, overrides = settings_from(config, model, overrides)

    trained, run = train_run(
        model,
        output,
        resume=resume,
        overrides=overrides,
        data_dir=data_dir,
        source=source,
        tensorboard=tensorboard,
        keep_best=keep_best,
        validate=validate,
        strategy=strategy,
        **probing,
        log=click.echo,
    )
    if strategy == "multi_worker" and not read_cluster(os.environ["TF_CONFIG"]).chief:
        return  # the chief says what can be done with the run
    if names_tags(trained):
        click.echo(f"tag:      tfgan-survey tag {run.path} FEATURES")
    elif "sample" in trained.abilities:
        click.echo(f"sample:   tfgan-survey sample {run.path} --num 64 --output samples.png")
    if "translate" in trained.abilities:
        click.echo(f"translate: tfgan-survey translate {run.path} PICTURES --output translated")
    if "encode" in trained.abilities:
        click.echo(f"look:     tfgan-survey pictures {run.path}")
    click.echo(f"export:   tfgan-survey export {run.path}")
    click.echo(f"go on:    tfgan-survey train {model} --output {run.path} --resume --steps N")


@click.command()
@click.argument("run", type=RunType())
@click.option("--num", type=click.IntRange(1), default=64, show_default=True, help="Images.")
@click.option("--label", type=int, help="One class id.")
@click.option("--labels", help="Class ids, 0,1,2; image i gets labels[i mod len].")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="First seed.")
@click.option("--columns", type=click.IntRange(1), help="Images in a row of the PNG.")
@click.option("--output", type=PathType(), required=True, help=".png, .npz, or a folder.")
@click.option("--shards", type=click.IntRange(1), help="Files in the folder.")
@click.option("--format", "kind", help="Of shards: npz or tfrecord [npz].")
@click.option("--worker", help="0/4 to 3/4: make one of four parts of the shards [all].")
def sample(run: Path, num: int, label, labels, seed: int, columns, output: Path,
           shards: int | None, kind: str | None, worker: str | None) -> None:  # fmt: skip
    """Sample images from RUN: a run folder, a .keras file or the name of a pretrained model.

    A path that exists is a path; any other word is looked for among the pretrained models (see
    `tfgan-survey models`). So it is wherever a RUN is taken.

    With --shards OUTPUT becomes a folder of files, made one after another at constant memory; the
    same command makes what a kill left out. Image i has seed SEED + i in any number of shards.
    """
    check_samples_options(label, labels, output, shards is not None)
    ids = parse_ids(labels) if labels is not None else label
    if shards is not None:
        if columns is not None or output.suffix in (".png", ".npz"):
            raise click.UsageError("--shards makes a folder: no --columns, no .png or .npz.")
        part = parse_worker(worker) if worker is not None else (0, 1)
        start_tensorflow()
        from tfgan_survey.training.shards import sample_shards

        sample_shards(run, output, num, shards, kind or "npz", ids, seed, part, click.echo)
        return
    if kind is not None or worker is not None:
        raise click.UsageError("--format and --worker are about shards: add --shards.")
    start_tensorflow()
    from tfgan_survey.training.sample import sample_run

    click.echo(f"wrote {sample_run(run, output, num, ids, seed, columns)}")


@click.command()
@click.argument("run", type=RunType())
@click.option("--output", type=PathType(), help="[saved_models/NAME]")
@click.option("--version", type=click.IntRange(1, _LARGEST_VERSION),
              help="A free version number [the next one].")  # fmt: skip
@click.option("--once", is_flag=True, help="Do nothing if these weights are exported already.")
@click.option("--format", "formats", default="saved_model", show_default=True,
              help="saved_model, onnx, litert, or several, comma-separated.")  # fmt: skip
def export(run: Path, output: Path | None, version: int | None, once: bool, formats: str) -> None:
    """Export RUN, also a pretrained model: a SavedModel for servers, ONNX or LiteRT beside it.

    An ONNX or LiteRT file goes from latents (and labels) to images.
    A version is OUTPUT/N/, OUTPUT/N.onnx or OUTPUT/N.tflite. The files are checked on the latents
    of seeds against the model's own images; one that answers otherwise is not written.
    """
    start_tensorflow()
    from tfgan_survey.export import export_run

    export_run(run, output, version, once, click.echo, parse_names(formats))


def _probing(names: str | None, every: int | None, num: int | None) -> dict[str, Any]:
    """Return the arguments of `train` that were given."""
    given = {"probe_every": every, "probe_num": num}
    given = {key: value for key, value in given.items() if value is not None}
    if names is None and given:
        flags = " and ".join(f"--{key.replace('_', '-')}" for key in given)
        raise click.UsageError(f"{flags} without --probe: name the metrics to measure.")
    return given if names is None else {"probe": parse_names(names), **given}
