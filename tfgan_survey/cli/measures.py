"""Commands that measure and compare: `metrics`, `evaluate`, `compare` and `retrieve`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from tfgan_survey.cli.completing import RunType, complete_metrics
from tfgan_survey.cli.options import (
    DATA_DIR,
    SOURCE,
    WIDTH,
    parse_names,
    start_tensorflow,
    table,
)
from tfgan_survey.console import PathType


class _NamesMetrics(click.Command):
    """A command whose help ends with the metrics, read when it is shown."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write names, what they measure, cost and outcomes from the metrics' own classes."""
        from tfgan_survey.metrics import METRICS

        with formatter.section("Metrics"):
            formatter.write_dl([(name, one.described()) for name, one in METRICS.items()])


@click.command()
def metrics() -> None:
    """List the metrics: what each yields, which way is better, what it needs and costs."""
    from tfgan_survey.metrics import METRICS
    from tfgan_survey.metrics.needs import ability

    rows = [("name", "yields", "needs", "takes", "by default", "what it is")]
    for name, one in METRICS.items():
        yields = ", ".join(f"{key} ({way})" if way else key for key, way in one.outcomes.items())
        asked = (*one.needs, *([] if one.judges == "sample" else [ability(one.judges)]))
        needs = ", ".join(need.__name__.removeprefix("has_").replace("_", " ") for need in asked)
        by_default = "no" if one.default is None else "yes"
        rows.append((name, yields, needs, one.cost, by_default, one.summary()))
    table(rows, WIDTH)


@click.command(cls=_NamesMetrics)
@click.argument("target", metavar="RUN|FILE.npz", type=RunType())
@click.option("--dataset", help="Real data to compare with [the run's own; mnist for a file].")
@click.option("--metrics", shell_complete=complete_metrics,
              help="Names, comma-separated [those that take seconds and fit].")  # fmt: skip
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
    names = None if metrics is None else parse_names(metrics)
    if report is not None:
        _check_page("--report", report)
    num = options.pop("num")
    with _progress() as progress:
        start_tensorflow()
        from tfgan_survey import evaluation

        if report is not None:
            evaluation.require_plots()
        subject = evaluation.Target(target, **options)
        found = subject.evaluate(names, num, progress)
    click.echo(evaluation.format_table(found, subject.left_out))
    if output is not None:
        evaluation.write_measurements(output, found, str(target), options["seed"])
        click.echo(f"wrote {output}")
    if report is not None:
        click.echo(f"wrote {evaluation.write_report(report, subject, found)}")


@click.command()
@click.argument("runs", metavar="RUN RUN...", type=PathType(), nargs=-1, required=True)
@click.option("--output", type=PathType(), required=True, help="Page, .html")
@click.option("--metrics", help="Measure these now, comma-separated [what metrics.json holds].")
@click.option("--num", type=click.IntRange(1), help="Samples to measure [10000].")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="First seed.")
@SOURCE
@DATA_DIR
def compare(
    runs: tuple[Path, ...], output: Path, metrics: str | None, num: int | None, **options: Any
) -> None:
    """Write a page that shows RUNs, run folders, beside each other.

    Settings that differ, measurements with the best marked where error bars separate, curves over
    each other, samples of the same seeds; of different data sets or kinds of models it says what
    cannot be compared. Measurements come from RUN/metrics.json, which `evaluate RUN --output
    RUN/metrics.json` writes; nothing is measured without --metrics.
    """
    _check_page("--output", output)
    if num is not None and metrics is None:
        raise click.UsageError("--num without --metrics: name the metrics to measure.")
    names = None if metrics is None else parse_names(metrics)
    with _progress() as progress:
        start_tensorflow()
        from tfgan_survey import evaluation

        written = evaluation.compare(output, runs, names, num, progress=progress, **options)
    click.echo(f"wrote {written}")


def _check_page(flag: str, path: Path) -> None:
    if path.suffix not in (".html", ".htm"):
        raise click.UsageError(f"{flag} {path}: expected a name ending in .html.")


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """Show a bar on stderr with what is being done."""
    shown = {"item_show_func": lambda step: step or "", "file": sys.stderr}
    with click.progressbar(length=100, **shown) as bar:

        def progress(step: str, done: float) -> None:
            bar.update(round(100 * done) - bar.pos, step)
            # Click draws only when the number moves; what is being done is news as well.
            bar.render_progress()

        progress("starting TensorFlow", 0.0)
        yield progress
        bar.update(100 - bar.pos, "done")


@click.command()
@click.argument("run", type=RunType())
@click.option(
    "--query", type=click.IntRange(0), metavar="N", help="Test image [one of each class]."
)
@click.option("--num", type=click.IntRange(1), default=10, show_default=True, help="How many.")
@click.option("--output", type=PathType(), help="Picture, .png [retrieval.png in the run folder].")
@click.option("--dataset", help="Data set that is searched [the run's own].")
@SOURCE
@DATA_DIR
def retrieve(run: Path, output: Path | None, **options: Any) -> None:
    """Show the training images nearest to test images, by pixels and by the code of RUN.

    Prints indices, classes and distances, and writes a picture with two rows a query: the query
    before its nearest by pixels, and before its nearest by code. `evaluate --metrics retrieval`
    says how good the code is on the whole.
    """
    if output is None:
        folder = run if run.is_dir() else run.parent
        output = folder / "retrieval.png"
    if output.suffix != ".png":
        raise click.UsageError(f"--output {output}: expected a name ending in .png.")
    start_tensorflow()
    from tfgan_survey import evaluation

    table(evaluation.retrieve(run, output=output, **options).rows())
    click.echo(f"wrote {output}")
