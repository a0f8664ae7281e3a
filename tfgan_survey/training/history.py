"""Rows of numbers in a CSV file, whole after every addition: losses and probes of a run."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfgan_survey.files import write_text

HISTORY_COLUMNS = (
    "epoch", "steps", "g_updates", "d_loss", "g_loss", "penalty", "d_real", "d_fake", "seconds",
)  # fmt: skip
PROBE_COLUMNS = ("steps", "num")
_CLOCKS = ("epoch", "steps", "num", "seconds")
_INTEGER = re.compile(r"[+-]?\d+")

Row = dict[str, int | float | None]


class CsvHistory:
    """A file of numbers with one row for each value of its key.

    Columns may have any name and may differ between rows: every value reaches the file, and a
    resumed training may log others. Lines that are damaged (cut, of another width, not numbers)
    are left out on reading, so that they never stop a run; `damage` tells of them.

    Args:
        path: the file; need not exist.
        columns: names that come first, in this order, where rows have them; the first row's other
            names follow.
        key: column by which a later row replaces an earlier one.
    """

    def __init__(self, path: str | os.PathLike, columns: Sequence[str], key: str):
        self.path, self.columns, self.key = Path(path), tuple(columns), key

    def read(self) -> list[Row]:
        """Return the good rows, numbers parsed, None where a row has no value; [] for no file."""
        return self._parse()[0]

    def damage(self) -> str | None:
        """Return what is wrong with the file in a few words, None where it is whole."""
        return self._parse()[1]

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write all rows anew, aside first.

        Args:
            rows: values by column; a row may lack some.
        """
        names = dict.fromkeys(name for row in rows for name in row)
        ordered = [name for name in self.columns if name in names or not rows]
        ordered += [name for name in names if name not in ordered]
        text = io.StringIO()
        writer = csv.DictWriter(text, ordered, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path, text.getvalue())

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row, in place of one with the same key.

        Args:
            row: values by column, the key among them.
        """
        kept = [old for old in self.read() if old[self.key] != row[self.key]]
        self.write([*kept, row])

    def drop_after(self, steps: int) -> list[Row]:
        """Drop the rows that a resumed training will write again; return the others.

        Args:
            steps: training steps behind the model that goes on.
        """
        rows = self.read()
        kept = [row for row in rows if row["steps"] <= steps]
        if len(kept) < len(rows):
            self.write(kept)
        return kept

    def _parse(self) -> tuple[list[Row], str | None]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return [], None
        except OSError as error:
            return [], f"cannot be read ({error.strerror})"
        lines = content.decode("utf-8", errors="replace").split("\n")
        # Every whole line ends with a line break: what follows the last one was cut.
        cut = lines.pop()
        names = next(csv.reader(lines[:1]), [])
        if not {self.key, "steps"} <= set(names) or len(set(names)) < len(names):
            return [], f"has no header with {self.key} and steps"
        rows = [row for line in lines[1:] if (row := self._row(names, line)) is not None]
        lost = len(lines) - 1 - len(rows) + bool(cut)
        return rows, f"has {lost} damaged line{'s' * (lost > 1)}" if lost else None

    def _row(self, names: Sequence[str], line: str) -> Row | None:
        try:
            values = [_number(text) for text in next(csv.reader([line]), [])]
        except (ValueError, csv.Error):
            return None
        row = dict(zip(names, values, strict=False))
        whole = len(values) == len(names)
        return row if whole and all(type(row[k]) is int for k in (self.key, "steps")) else None


def loss_history(path: str | os.PathLike) -> CsvHistory:
    """Return a run's `history.csv`: one row an epoch.

    Args:
        path: the CSV file, which need not be there yet.
    """
    return CsvHistory(path, HISTORY_COLUMNS, "epoch")


def step_history(path: str | os.PathLike) -> CsvHistory:
    """Return a run's `losses.csv`: one row for every 100 steps.

    Args:
        path: the CSV file, which need not be there yet.
    """
    return CsvHistory(path, PROBE_COLUMNS, "steps")


def curve_rows(epochs: Sequence[Row], steps: Sequence[Row]) -> tuple[Sequence[Row], str]:
    """Return the rows that curves are drawn from, and what each is a mean over.

    The finer ones, unless the history knows more, such as losses of held-out examples.

    Args:
        epochs: of `history.csv`.
        steps: of `losses.csv`.
    """
    finer = {key for row in steps for key in row}
    drawn = {key for _, keys in curve_groups(epochs) for key in keys}
    return (steps, "100 steps") if len(steps) > 1 and drawn <= finer else (epochs, "an epoch")


def probe_history(path: str | os.PathLike) -> CsvHistory:
    """Return a run's `probe.csv`: one row a probe.

    Args:
        path: the CSV file, which need not be there yet.
    """
    return CsvHistory(path, PROBE_COLUMNS, "steps")


def curve_groups(
    rows: Sequence[Mapping[str, Any]],
    probes: Sequence[Mapping[str, Any]] = (),
    over: str = "an epoch",
) -> list[tuple[str, list[str]]]:
    """Return what a history's curves show, title and columns each: every column is in one of them.

    Losses and penalties share a picture, mean outputs for real and generated data another; what
    belongs to neither gets one of its own. Left out are counters, clocks, a penalty that is always
    0, and what the probes' own curves show.

    Args:
        rows: of `history.csv`; columns may differ.
        probes: of `probe.csv`.
        over: what a row is a mean over, see `curve_rows`.
    """
    probed = {key for row in probes for key in row}
    groups: dict[str, list[str]] = {f"loss, mean over {over}": [], "mean output": []}
    loss, output = groups.values()
    own = []
    for key in dict.fromkeys(key for row in rows for key in row):
        counted = key in _CLOCKS or key.endswith(("_updates", "_steps"))
        idle = key == "penalty" and not any(row.get(key) for row in rows)
        if counted or idle or key in probed:
            continue
        if key in ("loss", "penalty") or key.endswith("_loss"):
            loss.append(key)
        elif key.endswith(("_real", "_fake")):
            output.append(key)
        else:
            own.append(key)
    shared = [(title, keys) for title, keys in groups.items() if keys]
    return [*shared, *((f"{key}, mean over {over}", [key]) for key in own)]


def number(value: float | None) -> float:
    """Return what a curve draws of a row's value: a gap where there is none.

    Args:
        value: of a row, None where it has none.
    """
    return math.nan if value is None else value


def _number(text: str) -> int | float | None:
    if text == "":
        return None
    return int(text) if _INTEGER.fullmatch(text) else float(text)
