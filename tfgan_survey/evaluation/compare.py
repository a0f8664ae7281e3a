"""Runs side by side on one self-contained page: settings, measurements, curves, samples."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.evaluation import charts
from tfgan_survey.evaluation.gallery import Section, held
from tfgan_survey.evaluation.output import format_value, read_measurements
from tfgan_survey.evaluation.report import ARROWS, said_of, template
from tfgan_survey.evaluation.samples import Progress, part, silent
from tfgan_survey.evaluation.target import Target
from tfgan_survey.evaluation.verdict import certain
from tfgan_survey.files import write_text
from tfgan_survey.metrics import Measurement
from tfgan_survey.metrics.choice import better_direction
from tfgan_survey.training.callbacks import read_history
from tfgan_survey.training.history import curve_groups
from tfgan_survey.training.looks import fixed_look
from tfgan_survey.training.probe import probe_curves, read_probe

Found = Sequence[Sequence[Measurement]]
"""Measurements run by run."""


def compare(
    path: str | os.PathLike,
    runs: Sequence[str | os.PathLike],
    metrics: Sequence[str] | None = None,
    num: int | None = None,
    seed: int = 0,
    *,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
    progress: Progress | None = None,
) -> Path:
    """Write a page that shows runs beside each other, and says what cannot be compared.

    Formula:
        a value is best if better than every other by more than 2 sqrt(s_1^2 + s_2^2), s_i the
        standard errors, all of them estimated
    Why:
        Two values whose error bars meet are no order. The same holds for values that were measured
        otherwise, against another data set or of other numbers of samples: these stand in the
        table, and none is marked.

        Measuring takes minutes a run, so nothing is measured unless asked: shown are the
        measurements in each run's `metrics.json`, which `evaluate RUN --output RUN/metrics.json`
        leaves there.

    Args:
        path: the `.html` file.
        runs: at least two run folders.
        metrics: what to measure now, in place of what `metrics.json` holds; None to measure
            nothing.
        num: see `Target.evaluate`.
        seed: of the pictured samples, the same for all runs; and of what is measured now.
        data_dir: see `Target`; so is `source`.
        source: see `data_dir`.
        progress: called with what is being done and the share done.

    Returns:
        `path`.

    Raises:
        SettingError: fewer than two runs, or one twice; a metric that a run lacks something for.
        RunError: a path that is no run folder, or without a model; a damaged `metrics.json`.
        ImportError: matplotlib is missing.
        OSError: the page cannot be written.

    Example:
        >>> compare("compare.html", ["runs/cdcgan", "runs/wgan_gp"])
    """
    charts.require_plots()
    say = silent if progress is None else progress
    targets = [Target(run, None, seed, data_dir=data_dir, source=source) for run in runs]
    _check(targets)
    names = _names([target.path for target in targets])
    share, found = 1.0 / len(targets), []
    for i, target in enumerate(targets):
        if metrics is None:
            found.append(read_measurements(target.run.metrics))
        else:
            found.append(target.evaluate(metrics, num, part(say, i * share, (i + 1) * share)))
    sections = {
        "measured": ("Measurements", _measurements(targets, names, found)),
        "verdicts": ("In plain words", _verdicts(names, found)),
        "samples": ("Samples", _pictures(targets, names)),
        "curves": ("Training", _curves(targets, names)),
        "settings": ("Settings that differ", _settings(targets, names)),
    }
    page = template("compare.html").render(
        title=f"{', '.join(names)}: compared",
        runs=[_facts(target, name) for target, name in zip(targets, names, strict=True)],
        apart=_apart(targets, names),
        sections=[
            {"key": key, "title": title, **made} for key, (title, made) in sections.items() if made
        ],
        version=importlib.metadata.version("tfgan-survey"),
    )
    write_text(path, page)
    return Path(path)


def _check(targets: Sequence[Target]) -> None:
    if len(targets) < 2:
        raise SettingError("a comparison needs at least two runs; `evaluate` shows one.")
    places = [target.path.resolve() for target in targets]
    for target, place in zip(targets, places, strict=True):
        if target.run is None or target.run.path != target.path:
            raise RunError(f"{target.path} is no run folder: runs are compared.")
        if places.count(place) > 1:
            raise SettingError(f"{target.path} is given twice.")


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the last parts of paths, as many as tell them apart."""
    parts = [path.resolve().parts for path in paths]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(one[-count:]) for one in parts]
        if len(set(names)) == len(names):
            break
    return names


def _facts(target: Target, name: str) -> dict[str, str]:
    settings = target.settings
    state = "" if target.run.finished else ", not finished: its last checkpoint"
    return {
        "name": name,
        "text": f"{settings.model} on {target.dataset}, {target.subject.steps:,} steps{state}",
    }


def _apart(targets: Sequence[Target], names: Sequence[str]) -> list[str]:
    """Return what cannot be compared, in sentences."""

    def listed(values: Sequence[str]) -> str:
        return "; ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))

    said = []
    if len(set(sets := [target.dataset for target in targets])) > 1:
        said.append(f"The data sets differ, so no measurement is marked as best ({listed(sets)}).")
    able = [" and ".join(sorted(target.subject.abilities)) for target in targets]
    if len(set(able)) > 1:
        said.append(f"The models do different things, and are pictured at those ({listed(able)}).")
    shapes = ["x".join(map(str, target.subject.shape)) for target in targets]
    if len(set(shapes)) > 1:
        said.append(f"The samples differ in size ({listed(shapes)}).")
    return said


# ---------------------------------------------------------------------- sections


def best(measured: Sequence[Measurement | None]) -> int | None:
    """Return which of several measurements is better than all others beyond their errors.

    Args:
        measured: one a run, None for a run without; of one name.

    Returns:
        Its index; None where there is no such, no direction, an error not estimated, or where they
        were not measured alike.
    """
    there = [one for one in measured if one is not None]
    if len(there) < 2 or (way := better_direction(there[0].name)) is None:
        return None
    alike = len({(one.protocol, one.num) for one in there}) == 1
    known = all(one.standard_error is not None and math.isfinite(one.standard_error)
                and math.isfinite(one.value) for one in there)  # fmt: skip
    if not alike or not known:
        return None
    sign = 1.0 if way == "higher" else -1.0
    first = max(there, key=lambda one: sign * one.value)
    for one in there:
        if one is not first and sign * (first.value - one.value) <= certain(first, one):
            return None
    return next(i for i, one in enumerate(measured) if one is first)


def _measurements(targets: Sequence[Target], names: Sequence[str], found: Found) -> Section:
    without = [name for name, one in zip(names, found, strict=True) if not one]
    missing = [f"{name} has no metrics.json." for name in without]
    if missing:
        missing.append("`tfgan-survey evaluate RUN --output RUN/metrics.json` writes one; "
                       "--metrics measures now.")  # fmt: skip
    if len(without) == len(found):
        return {"note": " ".join(missing)}
    same_data = len({target.dataset for target in targets}) == 1
    by_name = [{one.name: one for one in run} for run in found]
    rows, otherwise = [], []
    for name in dict.fromkeys(one.name for run in found for one in run):
        measured = [run.get(name) for run in by_name]
        there = [one for one in measured if one is not None]
        if len({(one.protocol, one.num) for one in there}) > 1:
            otherwise.append(name)
        better = better_direction(name)
        mark = best(measured) if same_data else None
        cells = [
            {"text": "\u2013" if one is None else _value(one), "best": i == mark}
            for i, one in enumerate(measured)
        ]
        real = next((ref for one in there for ref in one.reference if "real" in ref.name), None)
        cells.append({"text": "\u2013" if real is None or not same_data else _value(real),
                      "best": False})  # fmt: skip
        rows.append({"name": name, "better": better, "arrow": ARROWS[better], "cells": cells})
    note = "Value \u00b1 standard error. The best is marked where it is apart from all others by "
    note += "more than two standard errors of the difference. " + " ".join(missing)
    if otherwise:
        note += f" Measured in different ways and not ranked: {', '.join(otherwise)}."
    return {"note": note.strip(), "heads": ["metric", *names, "real"], "rows": rows}


def _value(one: Measurement) -> str:
    return format_value(one.value, one.standard_error).replace("+-", "\u00b1")


def _verdicts(names: Sequence[str], found: Found) -> Section:
    said = [(name, said_of(one)) for name, one in zip(names, found, strict=True)]
    said = [(name, one["verdicts"]) for name, one in said if one]
    return {"runs": said} if said else {}


def _pictures(targets: Sequence[Target], names: Sequence[str]) -> Section:
    figures, none = [], []
    for target, name in zip(targets, names, strict=True):
        look = _look(target)
        if look is None:
            none.append(name)
            continue
        figures.append((name, held(look.picture(scale=1), f"pictures of {name}", "sheet")))
    note = f"Not chosen; the same seeds, from {targets[0].seed} on, and the same examples."
    if none:
        note += f" Without pictures: {', '.join(none)}."
    return {"note": note, "figures": figures} if figures else {}


def _look(target: Target):
    """Return what a model is looked at by; data are read only where that needs examples."""
    subject = target.subject
    told = subject.condition is not None and subject.num_classes is None
    alone = "sample" in subject.abilities and not told and "tag" not in subject.abilities
    return fixed_look(subject.model, target.seed, data=None if alone else target.test)


def _curves(targets: Sequence[Target], names: Sequence[str]) -> Section:
    lines: dict[str, dict[str, tuple]] = {}
    for target, name in zip(targets, names, strict=True):
        rows, probes = read_history(target.run.history), read_probe(target.run.probe)
        steps = [row["steps"] for row in rows]
        for _, keys in curve_groups(rows, probes):
            for key in keys:
                values = [row.get(key) for row in rows]
                values = [np.nan if value is None else value for value in values]
                lines.setdefault(key, {})[name] = (steps, values)
        for key, (at, values, _) in probe_curves(probes).items():
            lines.setdefault(key, {})[name] = (at, values)
    shared = {key: by_run for key, by_run in lines.items() if len(by_run) > 1}
    drawn = [charts.line_chart(by_run, key) for key, by_run in shared.items()]
    alone = [f"{key} of {next(iter(by_run))}" for key, by_run in lines.items() if len(by_run) == 1]
    note = "What several of the runs log, over their training steps."
    if alone:
        note += f" Logged by one alone, and not drawn: {', '.join(alone)}."
    if not lines:
        return {}
    return {"note": note, "charts": [one for one in drawn if one is not None]}


def _settings(targets: Sequence[Target], names: Sequence[str]) -> Section:
    columns = [
        {**target.settings.flat(), **{f"{package} (version)": version for package, version
                                      in target.record["versions"].items()}}
        for target in targets
    ]  # fmt: skip
    rows, same = [], 0
    for key in dict.fromkeys(key for column in columns for key in column):
        texts = [_text(column, key) for column in columns]
        if len(set(texts)) == 1:
            same += 1
            continue
        cells = [{"text": text, "best": False} for text in texts]
        rows.append({"name": key, "better": None, "arrow": "", "cells": cells})
    note = f"The other {same} settings are the same." if rows else "All settings are the same."
    return {"note": note, "heads": ["setting", *names], "rows": rows}


def _text(column: Mapping[str, Any], key: str) -> str:
    if key not in column:
        return "\u2013"
    value = column[key]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
