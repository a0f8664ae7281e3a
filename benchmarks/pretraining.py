"""Measure what greedy layer-wise pretraining gives a classifier, by the number of labels.

    python benchmarks/pretraining.py                        run what is missing, write the table
    python benchmarks/pretraining.py --runs labels_1000     only some of it
    python benchmarks/pretraining.py --render               only the table, from what is there

A `stacked_autoencoder` learns 784-1000-1000-1000 layer by layer from the 50,000 images of
train[:50000], without labels. A `classifier` with the same layers and one for the classes starts
from it, or from drawn weights, and is trained in the same way on the first n labels. No
convolution, no augmentation. Every run records the error on train[50000:], by which settings are
chosen, beside the test error.

A training lies in `runs/pretraining/` and goes on where it was interrupted; one JSON file a run: a
run that is there is not run again, one that was made with other settings is refused.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from kept_runs import parser, read_runs, run_missing

from tfgan_survey.files import write_text

RUNS = Path("runs/pretraining")
# On processors that multiply bfloat16 by themselves, and by oneDNN instead of XLA, an epoch takes
# half the time; weights, scores and losses are float32.
FAST = {"precision": "bfloat16", "jit_compile": False}
LAYER_STEPS = 2_000
STACK = {
    "batch_size": 250, "stack_steps": LAYER_STEPS, "steps": 3 * LAYER_STEPS,
    "learning_rate": 1e-4, "beta_2": 0.95, **FAST,
}  # fmt: skip
# Tried before these, with 50,000 labels, seed 0, 4,000 steps and a rate that falls 50-fold,
# so that the second half of the steps brought little; errors held out / test in %:
#   500 steps a layer at 5e-4 with beta_2 0.999, which silenced 910 of 1,000 units; dropout 0.5:
#       1.86 / 1.99
#   400 steps a layer at 5e-5 with beta_2 0.95, dropout 0.4: 1.69 / 1.72
RATE, FALL = 1e-3, 10.0  # first rate, and how much lower the last one is
# labels -> batch and steps
BUDGETS = {100: (100, 300), 1_000: (100, 600), 10_000: (250, 1_000), 50_000: (250, 12_000)}
NAMES = {
    f"labels_{labels}{'' if pretrained else '_drawn'}": (labels, pretrained)
    for labels in BUDGETS
    for pretrained in (True, False)
}
HELD_OUT = 50_000


def settings_of(labels: int, steps: int | None = None) -> dict[str, Any]:
    """Return the settings of a classifier's training on the first `labels` labels."""
    batch, own = BUDGETS[labels]
    steps = steps or own
    return {
        "split": f"train[:{labels}]",
        "batch_size": batch,
        "steps": steps,
        "learning_rate": RATE,
        "decay": FALL ** (1.0 / steps),
        "input_dropout": 0.2,
        "dropout": 0.4,
        **FAST,
    }


def pretrained(seed: int, data_dir: Path | None) -> Path:
    """Return the run of the stacked autoencoder, trained as far as it is not."""
    from tfgan_survey.training import RunFolder, train

    run = RunFolder(RUNS / f"stack-seed{seed}")
    train(
        "stacked_autoencoder", run.path, resume=run.started, overrides={**STACK, "seed": seed},
        data_dir=data_dir, verbose=0,
    )  # fmt: skip
    return run.path


def train_one(asked: Mapping[str, Any], data_dir: Path | None) -> dict[str, Any]:
    """Pretrain if it is asked, train with labels, count errors."""
    from tfgan_survey.data import load_arrays
    from tfgan_survey.training import RunFolder, train
    from tfgan_survey.training.callbacks import read_history

    settings, seed = dict(asked["settings"]), asked["seed"]
    labels, starts = NAMES[asked["name"]]
    if starts:
        settings["start_from"] = str(pretrained(seed, data_dir))
    if labels * 10 > HELD_OUT:
        run = RunFolder(RUNS / f"{asked['name']}-{settings['steps']}steps-seed{seed}")
        overrides = {**settings, "seed": seed}
        model, run = train(
            "classifier", run.path, resume=run.started, overrides=overrides, data_dir=data_dir,
            verbose=0,
        )  # fmt: skip
        seconds = sum(row["seconds"] for row in read_history(run.history))
    else:
        model, seconds = small(settings, seed, data_dir)
    found = {"training_seconds": round(seconds)}
    for name, split in (("held_out", f"train[{HELD_OUT}:]"), ("test", "test")):
        data = load_arrays("mnist", split, data_dir=data_dir)
        wrong = model.classify(data.images).argmax(axis=1) != data.labels
        found[f"{name}_error"] = float(wrong.mean())
    return found


def small(settings: Mapping[str, Any], seed: int, data_dir: Path | None):
    """Train where an epoch has so few steps that a checkpoint after each would take longer."""
    from tfgan_survey.data import load_arrays
    from tfgan_survey.training import load_run
    from tfgan_survey.zoo import build

    kept = {k: v for k, v in settings.items() if k not in ("split", "steps", "start_from")}
    model = build("classifier", num_classes=10, seed=seed, **kept)
    if "start_from" in settings:
        model.start_from(load_run(settings["start_from"]))
    data = load_arrays("mnist", settings["split"], data_dir=data_dir)
    start = time.perf_counter()
    model.fit(
        data.stream(settings["batch_size"], seed=seed).repeat(),
        steps_per_epoch=settings["steps"], epochs=1, verbose=0,
    )  # fmt: skip
    return model, time.perf_counter() - start


# ---------------------------------------------------------------------- the table


def render(results: Path, report: Path) -> None:
    """Write the table from the files that are there."""
    found = read_runs(results)
    lines = [
        "# Greedy layer-wise pretraining",
        "",
        "Errors of a classifier 784-1000-1000-1000-10 on MNIST (ReLU, dropout 0.2 of the pixels",
        "and 0.4 of the hidden units, Adam with a falling rate, average of the weights; no",
        "convolution, no augmentation) in %, mean ± standard deviation over seeds. `pretrained`:",
        f"its hidden layers start from a `stacked_autoencoder`, {LAYER_STEPS:,} steps a layer of",
        f"batch {STACK['batch_size']} on train[:50000] without labels (masking noise 25 %). `held "
        "out`: on",
        "train[50000:60000], by which settings are chosen. A run's minutes are its own, without",
        "the pretraining's.",
        "Written by `python benchmarks/pretraining.py` from `benchmarks/results/pretraining/`.",
        "",
        "| labels | start | steps (batch) | seeds | held out | test | minutes |",
        "|---:|---|---|---:|---:|---:|---:|",
    ]
    for name, (labels, starts) in NAMES.items():
        if records := found.get(name):
            lines.append(_row(labels, starts, records))
    write_text(report, "\n".join(lines) + "\n")
    print(f"wrote {report}")


def _row(labels: int, starts: bool, records: list[dict[str, Any]]) -> str:
    settings = records[0]["settings"]
    minutes = float(np.mean([one["training_seconds"] for one in records])) / 60
    cells = [
        f"{labels:,}",
        "pretrained" if starts else "drawn",
        f"{settings['steps']:,} ({settings['batch_size']})",
        str(len(records)),
        *(_percent([one[key] for one in records]) for key in ("held_out_error", "test_error")),
        f"{minutes:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _percent(values: list[float]) -> str:
    spread = f" ± {100 * np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{100 * np.mean(values):.2f}{spread}"


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], "pretraining", NAMES, (0, 1, 2)).parse_args()
    if not arguments.render:
        wanted = [
            (
                name,
                {
                    "name": name,
                    "seed": seed,
                    "settings": settings_of(NAMES[name][0], arguments.steps),
                    "stack": STACK if NAMES[name][1] else None,
                },
            )
            for seed in arguments.seeds
            for name in arguments.runs or NAMES
        ]
        # The longest, of which least is expected, last.
        wanted.sort(key=lambda one: one[0] == "labels_50000_drawn")
        run_missing(arguments.results, wanted, lambda asked: train_one(asked, arguments.data_dir))
    render(arguments.results, arguments.report)


if __name__ == "__main__":
    main()
