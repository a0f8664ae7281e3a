"""Measure how well a conditional GAN names what is in images, beside other ways.

    python benchmarks/tagging.py corel5k.npz                    run what is missing, write the table
    python benchmarks/tagging.py corel5k.npz --seeds 0          only some of it
    python benchmarks/tagging.py corel5k.npz --render           only the table, from what is there

`corel5k.npz` is what `python tools/convert_corel5k.py FOLDER corel5k.npz` writes. Each run trains
`tag_cgan`, or a change of it, twice: on the training images without every ninth one, which is
tagged then (`held out`, by which settings are chosen; the images are sorted by theme, so their last
tenth would show other things than the rest), and on all of them, and tags the test images. One
JSON file a run: a run that is there is not run again, one made with other settings is refused.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from kept_runs import parser, read_runs, run_missing

from tfgan_survey.files import write_text

NAME = "tag_cgan"
# What is measured: a name to what it changes. The last is what the references are.
CHANGES: dict[str, dict[str, Any]] = {
    NAME: {},
    "matched": {"mismatched": False},
    "probabilities": {"output": "probabilities"},
    "published_loss": {"objective": "non_saturating", "regularizer": "none"},
}
REFERENCES = "references"
EVERY = 9  # of so many training images one is held out
SEEDS = (0, 1, 2, 3, 4)
COLUMNS = ("precision", "recall", "f1", "recalled")


def held_out(data):
    """Return a training set without every ninth image, and these."""
    chosen = np.arange(len(data)) % EVERY == EVERY // 2
    return tuple(
        dataclasses.replace(data, images=data.images[part], labels=data.labels[part])
        for part in (~chosen, chosen)
    )


def scored(shares, data) -> dict[str, float]:
    """Return the four scores of five tags an image."""
    from tfgan_survey.metrics.tagging import tagging, top_tags

    found = tagging(top_tags(shares), data.images)
    return {name: one.value for name, one in zip(COLUMNS, found, strict=True)}


def sides(path: Path):
    """Yield what is trained on and what is tagged, under its name."""
    from tfgan_survey.data import load_arrays

    train, test = load_arrays(path), load_arrays(path, "test")
    yield ("held_out", *held_out(train))
    yield "test", train, test


def train_one(asked: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Train on each side, tag, score."""
    from tfgan_survey.models.tagging import tag_shares
    from tfgan_survey.zoo import build, resolve

    steps, found = asked["steps"], {}
    changes = CHANGES[asked["name"]]
    for side, train, judged in sides(path):
        batch = resolve(NAME, changes).batch_size
        model = build(NAME, train.image_shape, train.condition, seed=asked["seed"], **changes)
        start = time.perf_counter()
        model.fit(
            train.stream(batch, seed=asked["seed"]).repeat(), steps_per_epoch=steps, epochs=1,
            verbose=0,
        )  # fmt: skip
        found[f"{side}_seconds"] = round(time.perf_counter() - start)
        found[side] = scored(tag_shares(model, judged.labels), judged)
    return found


def measure_references(path: Path) -> dict[str, Any]:
    """Score the other ways, which draw nothing."""
    from tfgan_survey.metrics.tagging import REFERENCES as ways

    return {
        side: {
            name: scored(way(train.labels, train.images, judged.labels), judged)
            for name, way in ways.items()
        }
        for side, train, judged in sides(path)
    }


# ---------------------------------------------------------------------- the table


def render(results: Path, report: Path) -> None:
    """Write the table from the files that are there."""
    found = read_runs(results)
    references = found.pop(REFERENCES)[0]
    lines = [
        "# Words for images",
        "",
        "`tag_cgan` makes tags from features of an image, as the conditional GAN of 2014 did",
        "(Mirza & Osindero, section 4.2): here the tags of Corel5k themselves, 374 bits, from 499",
        "features that are 0 or 1. 100 vectors are generated for an image, each votes for the tags",
        "that it has, and the five with most votes are taken. Published were word vectors of 200",
        "numbers, 20 words nearest to each of 100 vectors, and of these the 10 most common; no",
        "figure was reported.",
        "",
        "Precision and recall of each tag, means over the tags that the judged images have, F1 of",
        "the two means, and how many tags are right at least once. Mean ± standard deviation over",
        "seeds. `held out`: every ninth training image, by which settings were chosen; for the",
        "test images the training is on all 4,500. The other ways see the same images: the five",
        "most common tags; what the 2 nearest by cosine have, common tags first, then the nearer",
        "one's, then the more common ones; a logistic regression a tag (scikit-learn, C = 3).",
        "",
        "| what | seeds | held out: F1 | right once | test: precision | recall | F1 | right once |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, way in references["test"].items():
        lines.append(_row(name, "-", [references["held_out"][name]], [way]))
    for name in CHANGES:
        if records := found.get(name):
            sides_ = ([one[side] for one in records] for side in ("held_out", "test"))
            lines.append(_row(f"`{name}`", str(len(records)), *sides_))
    lines += [
        "",
        "`matched`: no tags of another image among the negatives; `probabilities`: sigmoids",
        "instead of bits; `published_loss`: the logistic loss, and no penalty.",
        "Written by `python benchmarks/tagging.py corel5k.npz` from `benchmarks/results/tagging/`.",
    ]
    write_text(report, "\n".join(lines) + "\n")
    print(f"wrote {report}")


def _row(name: str, seeds: str, held: list[dict[str, float]], test: list[dict[str, float]]) -> str:
    cells = [name, seeds, _cell(held, "f1"), _cell(held, "recalled")]
    return "| " + " | ".join([*cells, *(_cell(test, column) for column in COLUMNS)]) + " |"


def _cell(found: list[dict[str, float]], column: str) -> str:
    values = [one[column] for one in found]
    digits = 0 if column == "recalled" and len(values) == 1 else 1 if column == "recalled" else 4
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"


def main() -> None:
    made = parser(__doc__.splitlines()[0], "tagging", CHANGES, SEEDS)
    made.add_argument("location", type=Path, help="corel5k.npz, see above")
    arguments = made.parse_args()
    if not arguments.render:
        from tfgan_survey.zoo import resolve

        wanted = [(REFERENCES, {"name": REFERENCES, "seed": 0})]
        wanted += [
            (
                name,
                {
                    "name": name,
                    "seed": seed,
                    "steps": arguments.steps or resolve(NAME).steps,
                    "changes": CHANGES[name],
                },
            )
            for name in arguments.runs or CHANGES
            for seed in arguments.seeds
        ]
        run_missing(
            arguments.results,
            wanted,
            lambda asked: (
                measure_references(arguments.location)
                if asked["name"] == REFERENCES
                else train_one(asked, arguments.location)
            ),
        )
    render(arguments.results, arguments.report)


if __name__ == "__main__":
    main()
