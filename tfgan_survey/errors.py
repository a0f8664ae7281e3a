"""Errors whose message is the remedy: what came, what was expected, how to go on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UnknownNameError(ValueError):
    """A name that no registry holds; the command line answers it with exit code 2."""


class SettingError(ValueError):
    """A setting that is misspelt, of the wrong type or useless here; exit code 2."""


class DataError(RuntimeError):
    """Data that is missing, altered or unreadable; exit code 1."""


class RunError(RuntimeError):
    """A run folder, checkpoint or export that cannot be used as asked; exit code 1."""


class NonFiniteLossError(FloatingPointError):
    """Training met a NaN or an infinity; the last good checkpoint stays."""


def nearest(given: str, known: Iterable[str]) -> list[str]:
    """Return up to three known names that resemble `given`, best first.

    Args:
        given: the name that came.
        known: names that would have been accepted.
    """
    return difflib.get_close_matches(str(given), list(known), n=3, cutoff=0.5)


def unknown_name(kind: str, given: str, known: Iterable[str]) -> UnknownNameError:
    """Build the error for an unknown name, with the nearest known names.

    Args:
        kind: what is named, for example `"model"`.
        given: the name that came.
        known: every name that would have been accepted.

    Returns:
        The error, to be raised by the caller.

    Example:
        >>> str(unknown_name("model", "dcgna", ["dcgan", "wgan"]))
        "unknown model 'dcgna'; did you mean dcgan? Known: dcgan, wgan"
    """
    known = sorted(known)
    hint = f"; did you mean {' or '.join(close)}?" if (close := nearest(given, known)) else "."
    return UnknownNameError(f"unknown {kind} {given!r}{hint} Known: {', '.join(known)}")
