"""Does the discriminator's loss tell how good the samples are? Loss beside quality, and its rank.

    python benchmarks/critic_loss.py                  run what is missing, write docs/critic_loss.md
    python benchmarks/critic_loss.py --runs wgan      only some of it
    python benchmarks/critic_loss.py --render         only table and figure, from what is there

Each run is a named GAN on MNIST, at width 16 and batch 64, small enough for two minutes on one
core. After every 200 discriminator steps the mean loss of these steps and the Frechet distance of
2,000 samples are kept. One JSON file a run: one that is there is not run again, one that was made
with other settings is refused. Two processes with different --seeds share the work.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from kept_runs import parser, read_runs, run_missing
from scipy.stats import spearmanr

from tfgan_survey.files import write_text

STEPS, EVERY, SAMPLES, WARM = 6000, 200, 2000, 1000
SMALL = {"width": 16, "batch_size": 64}
MLP = {
    **{"network": "mlp", "generator_widths": "512,512,512", "discriminator_widths": "512,512,512"},
    **{"norm": "none", "activation": "relu", "batch_size": 64},
}
# name -> model, settings. The notes on WGAN claim that without batch norm in G, or with an mlp,
# DCGAN fails and WGAN goes on.
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "wgan": ("wgan", SMALL),
    "wgan_gp": ("wgan_gp", SMALL),
    "dcgan": ("dcgan", SMALL),
    "wgan_no_norm_in_g": ("wgan", {**SMALL, "norm": "none", "discriminator_norm": "batch"}),
    "wgan_gp_no_norm_in_g": ("wgan_gp", {**SMALL, "norm": "none"}),
    "dcgan_no_norm_in_g": ("dcgan", {**SMALL, "norm": "none", "discriminator_norm": "batch"}),
    "wgan_mlp": ("wgan", MLP),
    "wgan_gp_mlp": ("wgan_gp", {**MLP, "discriminator_norm": "none"}),
    "dcgan_mlp": ("dcgan", MLP),
}


def train(asked: Mapping[str, Any], data_dir: Path | None) -> dict[str, Any]:
    """Train once, measured every `EVERY` discriminator steps; NaN is a result too."""
    from tfgan_survey.data import load_arrays
    from tfgan_survey.errors import NonFiniteLossError
    from tfgan_survey.metrics import Features, classifier_score, frechet_distance
    from tfgan_survey.zoo import build

    data = load_arrays("mnist", "train", data_dir=data_dir)
    features = Features("mnist")
    real = features.both(load_arrays("mnist", "test", data_dir=data_dir).images)[0]
    settings, seed = asked["settings"], asked["seed"]
    gan = build(asked["model"], data.image_shape, seed=seed, **settings)
    batches = data.stream(settings["batch_size"], seed=seed).repeat()
    curve: dict[str, list[float]] = {"d_loss": [], "frechet_distance": [], "classifier_score": []}

    def measure() -> None:
        made, probabilities = features.both(gan.generate(SAMPLES, seed=0))
        curve["frechet_distance"].append(round(frechet_distance(made, real), 4))
        curve["classifier_score"].append(round(classifier_score(probabilities).value, 4))

    measure()
    start = time.perf_counter()
    for _ in range(asked["steps"] // EVERY):
        try:
            history = gan.fit(batches, steps_per_epoch=EVERY, epochs=1, verbose=0).history
        except NonFiniteLossError as error:
            return {"failed": str(error), "curve": curve}
        curve["d_loss"].append(round(float(history["d_loss"][-1]), 6))
        measure()
    return {"curve": curve, "seconds": round(time.perf_counter() - start)}


def distance_estimate(record: dict[str, Any]) -> np.ndarray:
    """Return what the discriminator's loss says of the distance between data and samples.

    Formula:
        W1 (up to the critic's slope) = -d_loss; JS = log 2 - d_loss / 2 for minimax losses.
    """
    losses = np.asarray(record["curve"]["d_loss"])
    return math.log(2.0) - losses / 2 if record["model"] == "dcgan" else -losses


def describe(record: dict[str, Any]) -> dict[str, float]:
    """Return rank correlations of estimate and Frechet distance, and how the run ended.

    `all` is over the whole run, `warm` without its first 1,000 steps, in which a critic starts
    from nothing and both change by orders of magnitude.
    """
    curve, estimate = record["curve"], distance_estimate(record)
    distances = np.asarray(curve["frechet_distance"][1:][: len(estimate)])
    warm = WARM // EVERY

    def rank(first: int) -> float:
        return float(spearmanr(estimate[first:], distances[first:]).statistic)

    return {
        "all": rank(0),
        "warm": rank(warm),
        "untrained": curve["frechet_distance"][0],
        "final": curve["frechet_distance"][-1],
        "score": curve["classifier_score"][-1],
    }


def render(results: Path, report: Path) -> None:
    """Write table and figure from the files that are there."""
    found = read_runs(results)
    lines = [
        "# Does the loss tell how good the samples are?",
        "",
        "Written by `python benchmarks/critic_loss.py` from `benchmarks/results/critic_loss/`.",
        f"Each row is a named GAN on MNIST, {SMALL['width']} wide, batch {SMALL['batch_size']}, "
        f"{STEPS:,} discriminator steps.",
        f"After every {EVERY} steps: their mean loss, and the Frechet distance of {SAMPLES:,}",
        "samples to the test images on features of the shipped classifier (not FID). The estimate",
        "is -d_loss for the critics and log 2 - d_loss / 2, the JS divergence that the loss",
        "reports, for `dcgan`. Spearman's rank correlation of estimate and Frechet distance is 1",
        "if the loss orders the generators as the metric does; with and without the first",
        f"{WARM:,} steps. Mean and range over seeds.",
        "",
        "| run | changed | seeds | Spearman, all | without the start | Frechet: untrained | final "
        "| score |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, (model, settings) in RUNS.items():
        records = [one for one in found.get(name, []) if "failed" not in one]
        if not records:
            if name in found:
                lines.append(f"| {name} | | {len(found[name])} | diverged | | | | |")
            continue
        described = [describe(one) for one in records]
        named = ("network", "norm", "discriminator_norm")
        changed = {key: value for key, value in settings.items() if key in named}
        cells = [
            name,
            ", ".join(f"`{key}={value}`" for key, value in changed.items()) or f"`{model}` itself",
            str(len(records)),
        ]
        for key, digits in (("all", 2), ("warm", 2), ("untrained", 0), ("final", 1), ("score", 2)):
            values = [one[key] for one in described]
            text = f"{np.mean(values):.{digits}f}"
            if len(values) > 1:
                text += f" ({min(values):.{digits}f} to {max(values):.{digits}f})"
            cells.append(text)
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "![estimate and Frechet distance over training](figures/critic_loss.png)"]
    if report.exists() and NOTES in report.read_text(encoding="utf-8"):
        lines += ["", NOTES + report.read_text(encoding="utf-8").split(NOTES)[1].rstrip()]
    write_text(report, "\n".join(lines) + "\n")
    draw(found, report.parent / "figures" / "critic_loss.png")
    print(f"wrote {report}")


# What follows this heading in the report is written by hand and kept.
NOTES = "## What it shows"


def draw(found: dict[str, list[dict]], path: Path) -> None:
    """Draw estimate and Frechet distance of the first seed of each run, one panel a run."""
    from theory_figures import D_COLOUR, FAKE, new_figure, save

    figure, axes = new_figure(9.0, 7.0, 3, 3, sharex=True)
    for index, name in enumerate(RUNS):
        axis = axes.flat[index]
        axis.set_title(name, fontsize=9)
        if name not in found:
            continue
        record = found[name][0]
        estimate = distance_estimate(record)
        steps = EVERY * np.arange(1, len(estimate) + 1)
        axis.plot(steps, estimate, color=D_COLOUR)
        axis.tick_params(labelsize=7)
        other = axis.twinx()
        other.plot(steps, record["curve"]["frechet_distance"][1:], color=FAKE)
        other.set_yscale("log")
        other.tick_params(which="both", labelsize=7, labelcolor=FAKE)
    figure.supxlabel("discriminator steps", fontsize=9)
    figure.supylabel("distance by the loss (blue), Frechet distance (green, log)", fontsize=9)
    save(figure, path)


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], "critic_loss", RUNS, (0,)).parse_args()
    if not arguments.render:
        steps = arguments.steps or STEPS
        wanted = [
            (name, {"model": model, "settings": settings, "seed": seed, "steps": steps})
            for seed in arguments.seeds
            for name, (model, settings) in RUNS.items()
            if name in (arguments.runs or RUNS)
        ]
        run_missing(arguments.results, wanted, lambda asked: train(asked, arguments.data_dir))
    render(arguments.results, arguments.report)


if __name__ == "__main__":
    main()
