"""Measure what a discriminator's layers are worth to a linear classifier, by the number of labels.

    python benchmarks/discriminator_features.py             run what is missing, write the table
    python benchmarks/discriminator_features.py --runs mnist-trained-100   only some
    python benchmarks/discriminator_features.py --render    only the table, from what is there

A `dcgan` is trained without labels; a linear SVM with squared hinge loss, one against the rest,
then learns from labels on the max-pooled features of all layers of its discriminator, and beside
it on pixels, on principal components and on a discriminator that was never trained.

Every number is standardised by mean and deviation over all training images, which needs no label.
Labels are drawn equally many of each class. A fifth of them, of at most 10,000, is held out to
choose C, and the number of components; the SVM is then trained on all of them. The objective is
that of scikit-learn's LinearSVC, which takes too long for 60,000 labels and 1,536 features on one
core; here it is minimised for all classes at once by L-BFGS (a test holds both together).

A training lies in `runs/discriminator_features/` and goes on where it was interrupted; one JSON
file a representation and draw of labels: one that is there is not made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
from kept_runs import parser, read_runs, run_missing

from tfgan_survey.files import write_text

RUNS = Path("runs/discriminator_features")
STEPS = 2_000
DATASETS = ("mnist", "fashion_mnist")
REPRESENTATIONS = {
    "pixels": "pixels",
    "pca": "principal components",
    "untrained": "discriminator, untrained",
    "trained": "discriminator of `dcgan`",
}
LABELS = (100, 1_000, 60_000)
ONCE = 60_000  # labels of which there is but one draw
NAMES = {
    f"{dataset}-{kind}-{num}": (dataset, kind, num)
    for dataset in DATASETS
    for kind in REPRESENTATIONS
    for num in LABELS
}
CHOICES = {"C": (1e-4, 1e-3, 1e-2), "components": (20, 50, 100, 200)}
HELD_OUT, MOST = 5, 10_000  # a fifth, of at most so many labels
ITERATIONS = 100  # of L-BFGS at most


class Split(NamedTuple):
    """Rows of features and their labels."""

    rows: np.ndarray
    labels: np.ndarray


# ---------------------------------------------------------------------- the classifier


class LinearMap(NamedTuple):
    """Scores of classes; `predict` as scikit-learn's classifiers have it."""

    weights: np.ndarray
    bias: np.ndarray

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the classes of the highest scores."""
        return (rows @ self.weights + self.bias).argmax(axis=1)


def minimised(rows: np.ndarray, labels: np.ndarray, c: float) -> LinearMap:
    """Minimise LinearSVC's objective for all classes at once.

    Formula:
        sum_k (|w_k|^2 + b_k^2) / 2 + C sum_i max(0, 1 - y_ik (w_k . x_i + b_k))^2,  y = 1 or -1
    """
    classes = int(labels.max()) + 1
    signs = np.where(labels[:, None] == np.arange(classes), 1.0, -1.0).astype(np.float32)

    def objective(flat):
        both = flat.reshape(-1, classes)
        scores = rows @ both[:-1].astype(np.float32) + both[-1].astype(np.float32)
        short = np.maximum(0.0, 1.0 - signs * scores)
        slope = (-2.0 * c) * signs * short
        gradient = both + np.vstack([rows.T @ slope, slope.sum(axis=0)])
        loss = 0.5 * (flat @ flat) + c * float(np.square(short, dtype=np.float64).sum())
        return loss, gradient.ravel().astype(np.float64)

    start = np.zeros((rows.shape[1] + 1) * classes)
    found = scipy.optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS}
    )
    both = found.x.reshape(-1, classes)
    return LinearMap(both[:-1].astype(np.float32), both[-1].astype(np.float32))


def error(svm, split: Split) -> float:
    """Return the share of wrong classes."""
    return float((svm.predict(split.rows) != split.labels).mean())


def drawn(labels: np.ndarray, num: int, seed: int) -> np.ndarray:
    """Draw equally many of each class, in an order in which every part is balanced; or all."""
    draw = np.random.RandomState(seed)
    if num >= len(labels):
        return draw.permutation(len(labels))
    classes = np.unique(labels)
    members = [draw.permutation(np.flatnonzero(labels == one)) for one in classes]
    return np.stack([one[: num // len(classes)] for one in members], axis=1).ravel()


def measured(train: Split, test: Split, widths: tuple[int | None, ...]) -> dict[str, Any]:
    """Choose C and the number of columns on held-out labels, train on all, count errors."""
    some = Split(train.rows[:MOST], train.labels[:MOST])
    num = len(some.labels) // HELD_OUT
    held, rest = (Split(*(one[part] for one in some)) for part in (slice(num), slice(num, None)))
    tried = {
        (width, c): error(
            minimised(rest.rows[:, :width], rest.labels, c),
            Split(held.rows[:, :width], held.labels),
        )
        for width in widths
        for c in CHOICES["C"]
    }
    # Of equals the first: fewest components, smallest C.
    width, c = min(tried, key=tried.get)
    svm = minimised(np.ascontiguousarray(train.rows[:, :width]), train.labels, c)
    return {
        "C": c,
        "columns": width or train.rows.shape[1],
        "held_out_error": tried[width, c],
        "test_error": error(svm, Split(test.rows[:, :width], test.labels)),
    }


# ---------------------------------------------------------------------- the features


def discriminator(dataset: str, steps: int, data_dir: Path | None):
    """Return the trained model, training it as far as it is not."""
    from tfgan_survey.training import RunFolder, load_run, train

    run = RunFolder(RUNS / f"{dataset}-{steps}steps")
    if not run.finished:
        overrides = {"dataset": dataset, "steps": steps, "seed": 0}
        train(
            "dcgan", run.path, resume=run.started, overrides=overrides, data_dir=data_dir, verbose=0
        )
    return load_run(run.path)


@lru_cache(1)
def features(
    dataset: str, kind: str, steps: int | None, data_dir: Path | None
) -> tuple[Split, Split]:
    """Return standardised features of the training and the test images, float32."""
    from sklearn.decomposition import PCA

    from tfgan_survey.data import load_arrays
    from tfgan_survey.evaluation import LayerFeatures
    from tfgan_survey.zoo import build

    sets = [load_arrays(dataset, split, data_dir=data_dir) for split in ("train", "test")]
    if kind in ("untrained", "trained"):
        model = build("dcgan", sets[0].image_shape, seed=0)
        if kind == "trained":
            model = discriminator(dataset, steps, data_dir)
        read = LayerFeatures(model)
        rows = [read(one.images) for one in sets]
    else:
        rows = [one.images.reshape(len(one), -1).astype(np.float32) / 255.0 for one in sets]
        if kind == "pca":
            fitted = PCA(max(CHOICES["components"]), random_state=0).fit(rows[0])
            rows = [fitted.transform(one) for one in rows]
    mean, deviation = rows[0].mean(axis=0), rows[0].std(axis=0)
    deviation[deviation == 0] = 1.0  # of what is the same everywhere nothing is learnt
    for one in rows:
        one -= mean
        one /= deviation
    return tuple(Split(one, data.labels) for one, data in zip(rows, sets, strict=True))


def measure_one(asked: Mapping[str, Any], data_dir: Path | None) -> dict[str, Any]:
    """Train the SVM on one draw of labels."""
    dataset, kind, num = NAMES[asked["name"]]
    train, test = features(dataset, kind, asked["steps"], data_dir)
    widths = CHOICES["components"] if kind == "pca" else (None,)
    chosen = drawn(train.labels, num, asked["seed"])
    found = measured(Split(train.rows[chosen], train.labels[chosen]), test, widths)
    return {"features": train.rows.shape[1], **found}


# ---------------------------------------------------------------------- the table


def render(results: Path, report: Path) -> None:
    """Write the table from the files that are there; what stands below it by hand is kept."""
    found = read_runs(results)
    most = f"{MOST:,}"
    steps = {one["steps"] for group in found.values() for one in group} - {None}
    lines = [
        "# A discriminator's features",
        "",
        "Test errors in % of a linear SVM on what the layers of a discriminator make of images,",
        "each max-pooled to a grid of 4 x 4 (Radford et al. 2016, section 5.1), beside other",
        "features of the same images; mean ± standard deviation over draws of the labels. `dcgan`",
        f"was trained for {', '.join(f'{one:,}' for one in sorted(steps))} steps on the training "
        "images without labels, seed 0.",
        "Every feature is standardised over all training images.",
        f"C, of {', '.join(f'{one:g}' for one in CHOICES['C'])}, and the number of components, of "
        f"{', '.join(map(str, CHOICES['components']))},",
        f"are chosen on a held-out fifth of the labels, of {most} at most; the SVM is then trained",
        "on all of them. No augmentation. Written by `python benchmarks/discriminator_features.py`",
        "from `benchmarks/results/discriminator_features/`.",
        "",
        "| data | features | number | " + " | ".join(f"{one:,} labels" for one in LABELS) + " |",
        "|---|---|---:|" + "---:|" * len(LABELS),
    ]
    for dataset in DATASETS:
        for kind, title in REPRESENTATIONS.items():
            rows = [found.get(f"{dataset}-{kind}-{num}", []) for num in LABELS]
            if any(rows):
                (number,) = {one["features"] for row in rows for one in row}
                cells = [dataset, title, f"{number:,}", *map(percent, rows)]
                lines.append("| " + " | ".join(cells) + " |")
    text = "\n".join(lines) + "\n"
    write_text(report, text + kept(report))
    print(f"wrote {report}")


def kept(report: Path) -> str:
    """Return what stands in the report from its first second-level heading on."""
    there = report.read_text(encoding="utf-8") if report.exists() else ""
    start = there.find("\n## ")
    return there[start:] if start >= 0 else ""


def percent(records: list[dict[str, Any]]) -> str:
    """Return mean and deviation of the test error in percent."""
    if not records:
        return "-"
    values = [100 * one["test_error"] for one in records]
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"


def main() -> None:
    arguments = parser(
        __doc__.splitlines()[0], "discriminator_features", NAMES, (0, 1, 2)
    ).parse_args()
    if not arguments.render:
        steps = arguments.steps or STEPS
        wanted = [
            (name, {"name": name, "seed": seed, "steps": steps if kind == "trained" else None})
            for name, (_, kind, num) in NAMES.items()
            if name in (arguments.runs or NAMES)
            for seed in arguments.seeds
            if num < ONCE or seed == 0
        ]
        wanted.sort(key=lambda one: NAMES[one[0]][2] == ONCE)  # what takes longest, last
        run_missing(arguments.results, wanted, lambda asked: measure_one(asked, arguments.data_dir))
    render(arguments.results, arguments.report)


if __name__ == "__main__":
    main()
