"""What the `convert_*.py` scripts share: two paths on the command line, an `.npz` written aside."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tfgan_survey.files import written_aside


def run(about: str, source: str, read: Callable[[Path], dict[str, np.ndarray]]) -> None:
    """Read original files and write the `.npz` that `--dataset` takes.

    Args:
        about: a script's docstring, whose first line is its help.
        source: what the first path on the command line is.
        read: path to arrays by name, see `tfgan_survey.data.sets.own.ArrayFile`.

    Raises:
        SystemExit: the files hold something else.
    """
    parser = argparse.ArgumentParser(description=about.split("\n")[0])
    parser.add_argument("source", type=Path, help=source)
    parser.add_argument("target", type=Path, help="the .npz to be")
    given = parser.parse_args()
    arrays = read(given.source)
    with written_aside(given.target) as aside:
        np.savez_compressed(aside, **arrays)
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    print(f"{given.target}: {shapes}")


def require(path: Path, array: np.ndarray, shape: tuple[int, ...], low=0, high=255) -> np.ndarray:
    """Return an array of the expected shape and range, or stop.

    Args:
        path: where it was read.
        array: what was read.
        shape: that it must have.
        low: smallest value allowed.
        high: largest value allowed.

    Raises:
        SystemExit: another shape or range.
    """
    if array.shape != shape or array.min() < low or array.max() > high:
        raise SystemExit(
            f"{path} has an array {array.shape}, {array.min():g} to {array.max():g}; expected "
            f"{shape}, {low:g} to {high:g}."
        )
    return array
