"""Commands around a model server: `serve`, `request` and `check`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tfgan_survey.cli.options import check_samples_options, parse_ids, start_tensorflow
from tfgan_survey.console import PathType


@click.command()
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
    start_tensorflow()
    from tfgan_survey.serving.server import ServerOptions
    from tfgan_survey.serving.server import serve as run_server

    run_server(ServerOptions(models=models, **options))


@click.command()
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
    check_samples_options(label, labels, options["output"])
    ids = parse_ids(labels) if labels is not None else label
    if url.startswith("grpc:"):
        start_tensorflow()
    from tfgan_survey.serving.client import Client, save_samples

    with Client(url, model, num_classes=classes, timeout=timeout) as client:
        click.echo(f"wrote {save_samples(client, num=num, labels=ids, **options)}")


@click.command()
@click.argument("saved_model", type=PathType())
@click.option("--url", default="http://127.0.0.1:8501", show_default=True, help="http, grpc://.")
@click.option("--model", help="Name of the served model [the folder's].")
def check(saved_model: Path, url: str, model: str | None) -> None:
    """Compare what a server answers with SAVED_MODEL, a folder of versions or one version.

    Every signature is run here and there on the same inputs. Exit code 1 if anything differs by
    more than 1e-5 (pictures: 1 of 255).
    """
    start_tensorflow()
    from tfgan_survey.serving.client.comparison import check as run_check

    report = run_check(url, saved_model, model)
    click.echo(str(report))
    if not report.ok:
        sys.exit(1)
