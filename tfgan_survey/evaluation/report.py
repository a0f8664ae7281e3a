"""One self-contained HTML page: what a model draws, how good it is, and how it was trained."""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from tfgan_survey.evaluation import charts
from tfgan_survey.evaluation.gallery import Gallery, Section
from tfgan_survey.evaluation.output import format_value
from tfgan_survey.evaluation.target import Target
from tfgan_survey.evaluation.verdict import verdicts
from tfgan_survey.files import write_text
from tfgan_survey.metrics import Measurement
from tfgan_survey.metrics.choice import better_direction, judges_samples
from tfgan_survey.training.callbacks import read_history
from tfgan_survey.training.history import curve_groups, curve_rows, number, step_history
from tfgan_survey.training.probe import probe_curves, read_best, read_probe

ARROWS = {"higher": "\u2191", "lower": "\u2193", None: ""}
_MAIN = ("model", "dataset", "split", "batch_size", "epochs", "steps", "seed")


def write_report(
    path: str | os.PathLike,
    target: str | os.PathLike | Target,
    measurements: Sequence[Measurement],
    dataset: str | None = None,
    seed: int = 0,
    *,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
) -> Path:
    """Write the page of a run folder, a `.keras` file or an `.npz` of samples.

    It asks nothing of a network: pictures are data URIs, styles inline, and there is no script.
    Sections for which a target holds nothing are left out: curves and settings without a run,
    walks between latents without a generator, their arithmetic without a shipped classifier or of a
    conditional model, pictures of neighbours for points, samples of a model that cannot sample,
    codes and reconstructions of one that cannot encode or reconstruct.

    Args:
        path: the `.html` file.
        target: what was measured, as for `evaluate`; a `Target` that has been evaluated has its
            model and data loaded already, and brings its own data set and seed.
        measurements: what `evaluate` returned.
        dataset: see `Target`; so are `seed`, `data_dir` and `source`.
        seed: first seed of the pictured samples.
        data_dir: root of prepared data sets.
        source: where data may come from.

    Returns:
        `path`.

    Raises:
        ImportError: matplotlib is missing; the message names the extra.
        DataError: samples or data that cannot be read.
        RunError: there is no model to load.
        SettingError: a `.keras` file outside of a run folder without `dataset`.
        OSError: the page cannot be written.
    """
    charts.require_plots()
    if not isinstance(target, Target):
        target = Target(target, dataset, seed, data_dir=data_dir, source=source)
    gallery = Gallery(target)
    sections = {
        "verdict": ("In plain words", said_of(measurements)),
        "measured": ("Measurements", _measurements(target, measurements)),
        "samples": ("Samples", gallery.samples()),
        "neighbours": ("Nearest training images", gallery.neighbours()),
        "retrieval": ("Nearest by pixels and by code", gallery.retrieval()),
        "walks": ("Walks between latents", gallery.walks()),
        "arithmetic": ("Arithmetic of latents", gallery.arithmetic()),
        "codes": ("Codes", gallery.codes()),
        "between": ("From code to code", gallery.between()),
        "reconstructions": ("Reconstructions", gallery.reconstructions()),
        "denoised": ("Denoised", gallery.denoised()),
        "translations": ("Translations", gallery.translations()),
        "curves": ("Training", _curves(target)),
        "settings": ("Settings and versions", _settings(target)),
    }
    judged = [one.num for one in measurements if judges_samples(one.name)]
    page = template("report.html").render(
        title=target.title,
        num=f"{max(judged):,}" if judged else None,
        samples=target.can("sample"),
        path=target.path,
        dataset=target.dataset,
        seed=target.seed,
        said=list(_said(target)),
        sections=[
            {"key": key, "title": title, **made} for key, (title, made) in sections.items() if made
        ],
        version=importlib.metadata.version("tfgan-survey"),
    )
    write_text(path, page)
    return Path(path)


def template(name: str) -> jinja2.Template:
    """Return a page's template.

    Args:
        name: file in this folder.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
    )
    return environment.get_template(name)


def _said(target: Target) -> Iterator[str]:
    """Yield what is known of the training, in sentences."""
    if target.subject is None:
        return
    yield f"The model was trained for {target.subject.steps:,} steps."
    best = read_best(target.path) if target.path.is_file() else None
    if best is not None:
        value = _plus_minus(format_value(best["value"], best["standard_error"]))
        yield (
            f"It is the best of its training by {best['metric']}: {value} on {best['num']:,} "
            "samples."
        )
    elif target.path.is_dir() and not target.run.finished:
        yield "The training is not finished; this is its last checkpoint."


def _plus_minus(text: str) -> str:
    return text.replace("+-", "\u00b1")


# ---------------------------------------------------------------------- measurements


def said_of(measurements: Sequence[Measurement]) -> Section:
    """Return the section that says in plain words what was measured; {} where nothing can be said.

    Args:
        measurements: with references.
    """
    if not (found := verdicts(measurements)):
        return {}
    return {
        "note": "Each sentence holds a measurement against its references; a difference of up to "
        "two standard errors counts as none. The thresholds are coarse: look at the samples too.",
        "verdicts": found,
    }


def _measurements(target: Target, measurements: Sequence[Measurement]) -> Section:
    left_out: dict[str, list[str]] = {}
    for name, reason in target.left_out.items():
        left_out.setdefault(reason, []).append(name)
    if not measurements:
        return {}
    beside = list(dict.fromkeys(one.name for m in measurements for one in m.reference))
    rows = []
    for one in measurements:
        better = better_direction(one.name)
        values = {ref.name: _value(ref) for ref in one.reference}
        cells = [_value(one), *(values.get(name, "\u2013") for name in beside), f"{one.num:,}"]
        rows.append({"name": one.name, "better": better, "arrow": ARROWS[better], "cells": cells})
    protocols: dict[str, list[Measurement]] = {}
    for one in measurements:
        protocols.setdefault(one.protocol, []).append(one)
    return {
        "note": "Value \u00b1 standard error; what each error is over, the protocols say. Arrows "
        "point where better is.",
        "heads": ["metric", "value", *beside, "samples"],
        "rows": rows,
        "left_out": [(", ".join(names), reason) for reason, names in left_out.items()],
        "protocols": [
            {
                "names": ", ".join(one.name for one in group),
                "text": text,
                "details": [_details(one) for one in group if one.details],
            }
            for text, group in protocols.items()
        ],
    }


def _value(one: Measurement) -> str:
    return _plus_minus(format_value(one.value, one.standard_error))


def _details(one: Measurement) -> str:
    def short(value: Any) -> str:
        if isinstance(value, list):
            return ", ".join(map(short, value))
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    texts = [f"{key.replace('_', ' ')}: {short(value)}" for key, value in one.details.items()]
    return f"{one.name}: {'; '.join(texts)}"


# ---------------------------------------------------------------------- the training


def _curves(target: Target) -> Section:
    run = target.run
    if run is None or not run.history.exists():
        return {}
    rows = read_history(run.history)
    if not rows:
        return {}
    minutes = sum(row["seconds"] for row in rows) / 60
    note = f"{len(rows):,} epochs, {rows[-1]['steps']:,} steps, {minutes:,.1f} minutes."
    rows, over = curve_rows(rows, step_history(run.losses).read())
    steps = [row["steps"] for row in rows]
    drawn = [
        charts.line_chart({key: (steps, [number(row.get(key)) for row in rows]) for key in keys},
                          title)
        for title, keys in curve_groups(rows, read_probe(run.probe), over)
    ]  # fmt: skip
    if run.probe.exists():
        best = read_best(run.best_probed) or {}
        for name, (at, values, errors) in probe_curves(read_probe(run.probe)).items():
            mark = best["steps"] if best.get("metric") == name else None
            title = f"{name} during the training" + (", best ringed" if mark is not None else "")
            drawn.append(charts.line_chart({name: (at, values)}, title, errors=errors, mark=mark))
    return {
        "note": note,
        "kind": "chart",
        "charts": [one for one in drawn if one is not None],
    }


def _settings(target: Target) -> Section:
    if target.settings is None:
        return {}
    flat = target.settings.flat()
    shown = (*_MAIN[:3], *target.settings.parts, *_MAIN[3:])
    main = {key: flat[key] for key in shown if flat[key] is not None}
    return {
        "main": _texts(main),
        "rest": _texts({key: value for key, value in flat.items() if key not in main}),
        "versions": _texts(target.record["versions"]),
    }


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in values.items()
    }
