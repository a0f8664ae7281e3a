"""Measurements as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfgan_survey.errors import RunError
from tfgan_survey.files import write_json
from tfgan_survey.metrics.common import Measurement


def format_value(value: float, error: float | None) -> str:
    """Return `value +- error` with two significant digits of the error, at most six decimals.

    Args:
        value: the number.
        error: its standard error, None or NaN where not estimated.

    Example:
        >>> format_value(241.1929, 2.1303)
        '241.2 +- 2.1'
    """
    if error is None or not np.isfinite(error) or not np.isfinite(value):
        return f"{value:.4g}"
    if error == 0:
        return f"{value:.4g} +- 0"
    digits = min(max(0, 1 - int(np.floor(np.log10(error)))), 6)
    return f"{value:.{digits}f} +- {error:.{digits}f}"


def format_table(
    measurements: Sequence[Measurement], left_out: Mapping[str, str] | None = None
) -> str:
    """Return one line a measurement, its references beside it, and the protocols below.

    Args:
        measurements: as `evaluate_samples` returns them.
        left_out: metrics that could not be measured, and why, see `Target.left_out`.

    Returns:
        Text of several lines without a trailing newline.
    """
    labels = list(dict.fromkeys(one.name for m in measurements for one in m.reference))
    rows = [["metric", "value", *labels, "samples"]]
    for one in measurements:
        beside = {ref.name: format_value(ref.value, ref.standard_error) for ref in one.reference}
        rows.append(
            [
                one.name,
                format_value(one.value, one.standard_error),
                *(beside.get(label, "-") for label in labels),
                f"{one.num:,}",
            ]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    protocols: dict[str, list[str]] = {}
    for one in measurements:
        protocols.setdefault(one.protocol, []).append(one.name)
    lines += ["", *(f"{', '.join(names)}: {text}" for text, names in protocols.items())]
    reasons: dict[str, list[str]] = {}
    for name, reason in (left_out or {}).items():
        reasons.setdefault(reason, []).append(name)
    if reasons:
        lines += ["", *(f"left out: {', '.join(names)}: {text}" for text, names in reasons.items())]
    return "\n".join(lines)


def write_measurements(
    path: str | os.PathLike, measurements: Sequence[Measurement], target: str, seed: int
) -> None:
    """Write measurements as JSON, aside first and then renamed into place.

    Args:
        path: the file.
        measurements: as `evaluate_samples` returns them.
        target: what was measured, as the user named it.
        seed: the seed that was used.

    Raises:
        OSError: the file cannot be written.
    """
    write_json(
        path,
        {"target": target, "seed": seed, "measurements": [one.to_dict() for one in measurements]},
    )


def read_measurements(path: str | os.PathLike) -> list[Measurement]:
    """Read what `write_measurements` wrote; nothing of a file that is not there.

    Args:
        path: the JSON file.

    Raises:
        RunError: the file is no such JSON.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [_measurement(one) for one in found["measurements"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{path} holds no measurements ({type(error).__name__}: {error}); write it anew by "
            "`tfgan-survey evaluate RUN --output FILE`."
        ) from error


def _measurement(one: Mapping) -> Measurement:
    """Return a measurement from its `to_dict`, where None stands for what is not finite."""
    values = {**one, "value": float("nan") if one["value"] is None else one["value"]}
    values["reference"] = tuple(_measurement(ref) for ref in one["reference"])
    return Measurement(**values)
