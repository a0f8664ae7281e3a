"""One self-contained HTML page: what a generator draws, how good it is, and how it was trained."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from tfgan_survey import pictures
from tfgan_survey.data.sets.mixtures import MIXTURES
from tfgan_survey.evaluation import charts
from tfgan_survey.evaluation.markup import facts, image, labelled
from tfgan_survey.evaluation.output import format_value
from tfgan_survey.evaluation.subject import COLUMNS, POINTS, Subject
from tfgan_survey.evaluation.walks import walk
from tfgan_survey.files import write_text
from tfgan_survey.metrics import Measurement, nearest_neighbours, neighbour_rows
from tfgan_survey.metrics.outcomes import better_direction
from tfgan_survey.training.callbacks import read_history
from tfgan_survey.training.probe import probe_curves, read_best, read_probe

_WALK_STEPS, _NEIGHBOURS = 11, 5
_THRESHOLD_IMAGES = 2000  # test images that set the threshold of a near copy, as in the metric
_ARROWS = {
    "higher": ("&#8593;", "higher is better"),
    "lower": ("&#8595;", "lower is better"),
    None: ("", ""),
}


def write_report(
    path: str | os.PathLike,
    target: str | os.PathLike,
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
    walks between latents without a generator, pictures of neighbours for points.

    Args:
        path: the `.html` file.
        target: what was measured, as for `evaluate`.
        measurements: what `evaluate` returned.
        dataset: data set compared with; default as in `evaluate`.
        seed: first seed of the pictured samples.
        data_dir: root of prepared data sets.
        source: where data may come from.

    Returns:
        `path`.

    Raises:
        DataError: samples or data that cannot be read.
        RunError: there is no model to load.
        SettingError: a `.keras` file outside of a run folder without `dataset`.
        OSError: the page cannot be written.
    """
    subject = Subject(Path(target), dataset, seed, {"data_dir": data_dir, "source": source})
    sections = [
        ("measured", "Measurements", _measurements(measurements)),
        ("samples", "Samples", _samples(subject)),
        ("neighbours", "Nearest training images", _neighbours(subject)),
        ("walks", "Walks between latents", _walks(subject)),
        ("curves", "Training", _curves(subject)),
        ("settings", "Settings and versions", _settings(subject)),
    ]
    present = [section for section in sections if section[2]]
    template = Template(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
    page = template.substitute(
        title=escape(subject.title),
        summary=_summary(subject, measurements),
        links="".join(f'<a href="#{key}">{name}</a>' for key, name, _ in present),
        body="".join(
            f'<section id="{key}"><h2>{name}</h2>{body}</section>' for key, name, body in present
        ),
        version=escape(importlib.metadata.version("tfgan-survey")),
    )
    write_text(path, page)
    return Path(path)


def _summary(subject: Subject, measurements: Sequence[Measurement]) -> str:
    num = max((one.num for one in measurements), default=0)
    said = [f"{num:,} samples of <code>{escape(str(subject.target))}</code> measured against the "
             f"data set {escape(subject.dataset)}, first seed {subject.seed}."]  # fmt: skip
    if subject.gan is not None:
        trained = int(subject.gan.d_updates.numpy())
        said.append(f"The model was trained for {trained:,} steps.")
        best = read_best(subject.target) if subject.target.is_file() else None
        if best is not None:
            value = format_value(best["value"], best["standard_error"])
            said.append(
                f"It is the best of its training by {escape(best['metric'])}: {value} on "
                f"{best['num']:,} samples."
            )
        elif subject.target.is_dir() and not subject.run.finished:
            said.append("The training is not finished; this is its last checkpoint.")
    return " ".join(said).replace("+-", "&plusmn;")


def _measurements(measurements: Sequence[Measurement]) -> str:
    if not measurements:
        return ""
    beside = list(dict.fromkeys(one.name for m in measurements for one in m.reference))
    heads = ["metric", "value", *beside, "samples"]
    rows = []
    for one in measurements:
        arrow, meaning = _ARROWS[better_direction(one.name)]
        mark = f' <abbr title="{meaning}" aria-label="{meaning}">{arrow}</abbr>' if arrow else ""
        values = {ref.name: _value(ref) for ref in one.reference}
        cells = [_value(one), *(values.get(name, "&ndash;") for name in beside), f"{one.num:,}"]
        rows.append(
            f'<tr><th scope="row">{escape(one.name)}{mark}</th>'
            + "".join(
                f'<td data-head="{escape(head)}">{cell}</td>'
                for head, cell in zip(heads[1:], cells, strict=True)
            )
            + "</tr>"
        )
    protocols: dict[str, list[Measurement]] = {}
    for one in measurements:
        protocols.setdefault(one.protocol, []).append(one)
    notes = "".join(
        f"<dt>{escape(', '.join(one.name for one in group))}</dt><dd>{escape(text)}"
        + "".join(_details(one) for one in group)
        + "</dd>"
        for text, group in protocols.items()
    )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    return (
        '<p class="dim">Value &plusmn; standard error; what each error is over, the protocols say. '
        "Arrows point where better is.</p>"
        f'<table class="cards"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        f'<h3>Protocols</h3><dl class="protocols">{notes}</dl>'
    )


def _value(one: Measurement) -> str:
    return escape(format_value(one.value, one.standard_error)).replace("+-", "&plusmn;")


def _details(one: Measurement) -> str:
    shown = {
        key: [_short(v) for v in value] if isinstance(value, list) else _short(value)
        for key, value in one.details.items()
    }
    texts = [f"{key.replace('_', ' ')}: {_joined(value)}" for key, value in shown.items()]
    return f' <span class="dim">({escape(one.name)}: {escape("; ".join(texts))})</span>' * bool(
        texts
    )


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _joined(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else value


def _samples(subject: Subject) -> str:
    if subject.points:
        mixture = MIXTURES[subject.dataset]()
        points = _drawn_points(subject)
        radius = 3 * float(mixture.sigma[0])
        real = mixture.sample(len(points), seed=subject.seed)
        return (
            '<p class="dim">Rings mark the modes; a point within three deviations of one is '
            'good.</p><div class="pair">'
            + charts.scatter(points, "generated", mixture.modes, radius)
            + charts.scatter(real, "drawn from the true mixture", mixture.modes, radius)
            + "</div>"
        )
    rows, labels = subject.rows, subject.labels
    if labels is None:
        sheet = pictures.grid(rows.reshape(-1, *rows.shape[2:]), rows.shape[1], scale=1)
        num = rows.shape[0] * rows.shape[1]
        num = num if subject.gan is not None else min(num, len(subject.file[0]))
        note = "in the file's order" if subject.gan is None else f"seeds from {subject.seed}"
        return f'<p class="dim">The first {num} samples, {note}: not chosen.</p>' + image(
            sheet, f"grid of {num} samples", "sheet"
        )
    return '<p class="dim">One row a class, not chosen.</p>' + labelled(
        (
            subject.name_of(label),
            [image(pictures.grid(row, COLUMNS, scale=1), f"ten samples of class {name}")],
            "",
        )
        for label, name, row in zip(labels, map(subject.name_of, labels), rows, strict=True)
    )


def _drawn_points(subject: Subject) -> np.ndarray:
    if subject.gan is None:
        return np.asarray(subject.file[0][:POINTS], np.float64)
    return subject.gan.generate(POINTS, seed=subject.seed)


def _neighbours(subject: Subject) -> str:
    if subject.points:
        return ""
    train, test = (part.images for part in subject.real)
    # One of each class, or the first ten.
    chosen = subject.rows[:, 0] if subject.labels is not None else subject.rows[0]
    found = nearest_neighbours(chosen, train, test[:_THRESHOLD_IMAGES], _NEIGHBOURS)
    rows = []
    for images, distances in zip(
        neighbour_rows(chosen, train, found.indices), found.distances, strict=True
    ):
        near = distances[0] < found.threshold
        beside = f"{distances[0]:.2f}" + (" <strong>near copy</strong>" if near else "")
        pair = [
            image(pictures.grid(images[:1], 1, scale=1), "a sample", "one"),
            image(
                pictures.grid(images[1:], _NEIGHBOURS, scale=1),
                f"its {_NEIGHBOURS} nearest training images, the nearest at {distances[0]:.2f}",
                "five",
            ),
        ]
        rows.append(("", pair, beside))
    return (
        f'<p class="dim">Left a sample, right its {_NEIGHBOURS} nearest of {len(train):,} training '
        "images by pixel distance, and the distance to the nearest. Below "
        f"{found.threshold:.2f}, where 1 % of test images lie, a sample counts as a near "
        'copy.</p><div class="halves">' + labelled(rows) + "</div>"
    )


def _walks(subject: Subject) -> str:
    if subject.gan is None or subject.points:
        return ""
    pair = subject.gan.pair
    frames = pictures.to_uint8(walk(subject.gan, subject.labels, _WALK_STEPS, seed=subject.seed))
    way = "along the sphere" if pair.latent == "normal" else "in a straight line"
    names = [""] * len(frames) if subject.labels is None else map(subject.name_of, subject.labels)
    return (
        f'<p class="dim">Each row leads {way} from one latent ({escape(pair.latent)}, '
        f"{pair.latent_dim} numbers) to another"
        + ("" if subject.labels is None else " under one label")
        + ".</p>"
        + labelled(
            (
                name,
                [image(pictures.grid(row, _WALK_STEPS, scale=1),
                        f"walk between two samples{f' of class {name}' if name else ''}")],
                "",
            )
            for name, row in zip(names, frames, strict=True)
        )
    )  # fmt: skip


def _curves(subject: Subject) -> str:
    if subject.run is None or not subject.run.history.exists():
        return ""
    rows = read_history(subject.run.history)
    if not rows:
        return ""
    steps = [row["steps"] for row in rows]

    def lines(*keys: str):
        return {key: (steps, [row[key] for row in rows]) for key in keys}

    losses = ["d_loss", "g_loss", *(["penalty"] if any(r["penalty"] for r in rows) else [])]
    drawn = [
        charts.line_chart(lines(*losses), "Loss, mean over an epoch"),
        charts.line_chart(lines("d_real", "d_fake"), "Mean output of the discriminator"),
    ]
    if subject.run.probe.exists():
        best = read_best(subject.run.best_probed) or {}
        for name, (at, values, errors) in probe_curves(read_probe(subject.run.probe)).items():
            mark = best["steps"] if best.get("metric") == name else None
            title = f"{name} during the training" + (", best ringed" if mark is not None else "")
            drawn.append(charts.line_chart({name: (at, values)}, title, errors=errors, mark=mark))
    seconds = sum(row["seconds"] for row in rows)
    return (
        f'<p class="dim">{len(rows):,} epochs, {steps[-1]:,} steps, {seconds / 60:,.1f} minutes.'
        f'</p><div class="pair">{"".join(drawn)}</div>'
    )


def _settings(subject: Subject) -> str:
    if subject.record is None:
        return ""
    settings = subject.run.settings()
    flat = settings.flat()
    main = ("model", "dataset", "split", "network", "objective", "regularizer", "batch_size",
            "epochs", "steps", "seed")  # fmt: skip
    chosen = {key: flat[key] for key in main if flat[key] is not None}
    rest = {key: value for key, value in flat.items() if key not in chosen}
    return (
        facts(chosen)
        + f"<details><summary>All other settings</summary>{facts(rest)}</details>"
        + f"<h3>Versions it was trained with</h3>{facts(subject.record['versions'])}"
    )
