"""Measure completions of images whose middle is missing: how near, how recognisable, how many.

    python benchmarks/inpainting.py                              digits: run what is missing, table
    python benchmarks/inpainting.py --runs faces --data FOLDER   faces of FOLDER/olivetti.npz
    python benchmarks/inpainting.py --render                     only the table, from what is there

Trainings of `inpainting` lie in `runs/inpainting/`; one JSON file a run: a run that is there is not
run again, one that was made with other settings is refused. `olivetti.npz` is made by
`tools/convert_olivetti.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from kept_runs import parser, read_runs, run_missing

from tfgan_survey.files import write_text

RUNS = Path("runs/inpainting")
ROWS: dict[str, tuple[dict[str, Any], int]] = {
    "digits": ({"dataset": "mnist", "size": 12}, 2_000),
    "digits_no_blocks": ({"dataset": "mnist", "size": 12, "blocks": 0}, 2_000),
    "digits_l1_10": ({"dataset": "mnist", "size": 12, "l1_weight": 10.0}, 2_000),
    "faces": (
        {"dataset": "olivetti.npz", "size": 24, "batch_size": 16, "patch_layers": 3}, 2_000,
    ),
}  # fmt: skip
_COMPLETIONS = 5


def train_one(asked: Mapping[str, Any], folder: Path | None, data_dir) -> dict[str, Any]:
    """Train and measure one run."""
    from tfgan_survey.data import load_arrays
    from tfgan_survey.training import RunFolder, train
    from tfgan_survey.training.callbacks import read_history

    settings = {**asked["settings"], "seed": asked["seed"]}
    if settings["dataset"].endswith(".npz"):
        if folder is None:
            raise SystemExit(f"give the folder of {settings['dataset']} by --data.")
        settings["dataset"] = str(folder.absolute() / settings["dataset"])
    run = RunFolder(RUNS / f"{asked['name']}-{settings['steps']}steps-seed{asked['seed']}")
    model, run = train(
        "inpainting", run.path, resume=run.started, overrides=settings, data_dir=data_dir, verbose=0
    )
    seconds = sum(row["seconds"] for row in read_history(run.history))
    sets = (load_arrays(settings["dataset"], s, data_dir=data_dir) for s in ("train", "test"))
    return {"training_seconds": round(seconds), **measured(model, *sets, settings["dataset"])}


def measured(model, train, test, dataset: str) -> dict[str, Any]:
    """Compare completions of all test images with the truth, the mean image and neighbours."""
    rows, columns = model.degradation.hole(test.image_shape)
    hole = np.zeros(test.image_shape, bool)
    hole[rows, columns] = True
    truth, known = test.images / np.float32(255), train.images / np.float32(255)
    told = model.degrade(test.images)
    made = [
        np.where(hole, model.generate(len(test), told, seed=k * len(test)), told)
        for k in range(_COMPLETIONS)
    ]
    near = known[_nearest(truth[:, ~hole], known[:, ~hole])]
    others = {
        "mean": np.where(hole, known.mean(axis=0), told),
        "neighbour": np.where(hole, near, told),
        "average": np.where(hole, np.mean(made, axis=0), told),
    }
    completed = {"": made[0], **{f"_{name}": one for name, one in others.items()}}
    found: dict[str, Any] = {
        f"error{name}": float(np.mean((one - truth)[:, hole] ** 2))
        for name, one in completed.items()
    }
    # Between two completions of one image; twice the variance where they are independent.
    pairs = [(made[i] - made[j])[:, hole] for i in range(_COMPLETIONS) for j in range(i)]
    found["diversity"] = float(np.mean([np.mean(one**2) for one in pairs]))
    if dataset == "mnist":
        from tfgan_survey.metrics.features import Features

        judge = Features("mnist").probabilities
        for name, one in {**completed, "_masked": told, "_real": truth}.items():
            classes = judge(one.astype(np.float32)).argmax(axis=1)
            found[f"recognised{name}"] = float((classes == test.labels).mean())
    return found


def _nearest(rows: np.ndarray, known: np.ndarray, part: int = 500) -> np.ndarray:
    """Return which known row is nearest to each row, by squared distance."""
    squares = np.square(known).sum(axis=1)
    return np.concatenate(
        [
            (squares - 2.0 * rows[start : start + part] @ known.T).argmin(axis=1)
            for start in range(0, len(rows), part)
        ]
    )


# ---------------------------------------------------------------------- the table

_ABOUT = {
    "digits": "MNIST, hole 12x12",
    "digits_no_blocks": "the same without the generator's blocks",
    "digits_l1_10": "the first, the term for the pair a tenth as heavy",
    "faces": "Olivetti faces 64x64, hole 24x24",
}


def render(results: Path, report: Path) -> None:
    """Write the table from the files that are there."""
    found = read_runs(results)
    lines = [
        "# Completing images",
        "",
        "Trainings of `inpainting` (U-Net, patches, least distance to the pair) on images whose",
        "middle is filled with grey; measured on all test images, mean ± standard deviation over",
        "seeds. Error: mean squared error in the hole (pixels 0 to 1) of one completion; of the",
        "training images' mean; of the training image that is nearest around the hole; of the",
        f"mean of {_COMPLETIONS} completions. Diversity: mean squared difference in the hole",
        "between two completions of one image. Recognised: % of completed digits whose class the",
        "shipped classifier finds; beside it those of the neighbour, of the hole as it is, and of",
        "the real image. Written by `python benchmarks/inpainting.py` from",
        "`benchmarks/results/inpainting/`.",
        "",
        "![training digits, their middle missing, two completions of each]"
        "(figures/inpainting_digits.png)",
        "",
        "| run | steps | seeds | error | mean image | neighbour | mean of completions | diversity "
        "| recognised | neighbour | masked | real | minutes |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row, records in ((row, found[row]) for row in ROWS if row in found):
        minutes = np.mean([one["training_seconds"] for one in records]) / 60
        errors = [_cell(records, f"error{k}", 4) for k in ("", "_mean", "_neighbour", "_average")]
        shares = [
            _cell(records, f"recognised{k}", 1, 100.0)
            for k in ("", "_neighbour", "_masked", "_real")
        ]
        cells = [
            _ABOUT[row], f"{records[0]['settings']['steps']:,}", str(len(records)), *errors,
            _cell(records, "diversity", 4), *shares, f"{minutes:.0f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    write_text(report, "\n".join(lines) + "\n")
    print(f"wrote {report}")


def _cell(records: list[dict[str, Any]], key: str, digits: int, factor: float = 1.0) -> str:
    if key not in records[0]:
        return "-"
    values = factor * np.array([one[key] for one in records])
    spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], "inpainting", ROWS, (0,))
    arguments.add_argument("--data", type=Path, help="folder of olivetti.npz")
    given = arguments.parse_args()
    if not given.render:
        names = given.runs or [row for row in ROWS if row != "faces" or given.data]
        wanted = [
            (row, {"name": row, "seed": seed,
                   "settings": {**ROWS[row][0], "steps": given.steps or ROWS[row][1]}})
            for row in names
            for seed in given.seeds
        ]  # fmt: skip
        run_missing(
            given.results, wanted, lambda asked: train_one(asked, given.data, given.data_dir)
        )
    render(given.results, given.report)


if __name__ == "__main__":
    main()
