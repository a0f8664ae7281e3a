"""What makes the command line behave as Unix users expect: pipes, closed streams, Ctrl-C, paths."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

# Exit codes of a shell for a command that a signal ended: 128 + SIGINT, 128 + SIGPIPE.
INTERRUPTED, PIPE_CLOSED = 130, 141


class PathType(click.Path):
    """A path; the empty text, which pathlib takes for the working folder, is refused.

    Args:
        **kwargs: see `click.Path`.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(path_type=Path, **kwargs)

    def convert(self, value, param, ctx):
        """Return the path; fail on the empty text."""
        if not str(value):
            self.fail("is empty: give a path, . for the working folder.", param, ctx)
        return super().convert(value, param, ctx)


class Stopped(Exception):
    """Ctrl-C; says which command it stopped.

    Args:
        command: name of the command that was stopped, None for none.
    """

    def __init__(self, command: str | None):
        super().__init__(command)
        self.command = command


class Group(click.Group):
    """Commands that end as Unix users expect when stopped or when nobody reads any more."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse; `--help` prints here."""
        with pipe_watched():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; Ctrl-C names it."""
        with pipe_watched():
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt as error:
                raise Stopped(ctx.invoked_subcommand) from error


@contextlib.contextmanager
def pipe_watched() -> Iterator[None]:
    """End quietly when the reader of a pipe has gone, as after `| head`."""
    try:
        yield
    except BrokenPipeError:
        # What is still buffered would raise once more when Python ends.
        null = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # no file behind it: nothing to flush
                os.dup2(null, stream.fileno())
        sys.exit(PIPE_CLOSED)


def open_closed_streams() -> None:
    """Put the null device in place of closed standard streams (`>&-`).

    Otherwise the next file that is opened gets the stream's number, and what libraries print
    lands in it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # the lowest free number
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115


def help_if_bare(context: click.Context) -> None:
    """Print a group's help where no command of it was named.

    Args:
        context: the group's.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
