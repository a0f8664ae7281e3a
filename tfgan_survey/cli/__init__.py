"""The command line: parsing only. Each command imports what it needs when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from tfgan_survey.cli.completing import completion
from tfgan_survey.cli.datasets import data
from tfgan_survey.cli.listing import models
from tfgan_survey.cli.looking import features, pictures, translate, walk
from tfgan_survey.cli.measures import compare, evaluate, metrics, retrieve
from tfgan_survey.cli.runs import export, sample, train
from tfgan_survey.cli.servers import check, request, serve
from tfgan_survey.cli.tagging import tag
from tfgan_survey.console import (
    INTERRUPTED,
    Group,
    Stopped,
    help_if_bare,
    open_closed_streams,
    pipe_watched,
)
from tfgan_survey.errors import SettingError, UnknownNameError

os.environ.setdefault("KERAS_BACKEND", "tensorflow")


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


for _command in (models, data, train, sample, walk, translate, pictures, features, metrics,
                 evaluate, compare, retrieve, tag, export, serve, request, check,
                 completion):  # fmt: skip
    cli.add_command(_command)


@pipe_watched()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    An error is one line with its remedy on stderr; `--debug` shows the traceback instead.

    Exit codes: 0 done, 2 wrong usage, 1 failed, 130 stopped by Ctrl-C, 141 nobody reads the output
    any more.

    Args:
        arguments: words after the program's name; default: the process's own.
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


def _fail(message: str, code: int) -> None:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(code)
