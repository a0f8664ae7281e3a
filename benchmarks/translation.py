"""Measure translators between two domains that never show them a pair.

    python benchmarks/translation.py --data FOLDER               run what is missing, write tables
    python benchmarks/translation.py --data FOLDER --runs ramp   only some of it
    python benchmarks/translation.py --render                    only the tables

FOLDER holds what the runs need beside MNIST: `mnist_m.npz`, `usps.npz` (`tools/convert_mnist_m.py`,
`tools/convert_usps.py`) and `monet2photo` (`tools/split_domains.py`). A training lies in
`runs/translation/` and goes on where it was interrupted; one JSON file a run: a run that is there
is not run again, one that was made with other settings is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from kept_runs import parser, read_runs, run_missing

from tfgan_survey.files import write_text

RUNS = Path("runs/translation")
_HALVES = "train[:30000],train[30000:]"
# Frames differ: USPS digits fill their image, those of MNIST have a margin.
# Both are digits: translators that start near the identity keep their classes.
_USPS = {
    "dataset": "mnist,usps.npz", "split": "train", "image_size": 28, "frame": True, "skip": True,
}  # fmt: skip
# A digit in black and white cannot hold a texture: the way from it and back is asked for less.
_MNIST_M = {
    "dataset": "mnist,mnist_m.npz", "split": "train", "image_size": 28, "norm": "instance",
    "cycle_weight_b": 1.0,
}  # fmt: skip
# row -> model, settings, steps, what is measured
ROWS: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "ramp": ("cyclegan_digits", {"dataset": "mnist,ramp_mnist", "split": _HALVES}, 600, "map"),
    "mirror": (
        "cyclegan_digits", {"dataset": "mnist,mirrored_mnist", "split": _HALVES}, 600, "map",
    ),
    "mnist_m": ("cyclegan_digits", _MNIST_M, 4_000, "classes"),
    "mnist_m_long": ("cyclegan_digits", _MNIST_M, 8_000, "classes"),
    "usps": ("cyclegan_digits", _USPS, 600, "classes"),
    # What breaks without a part: fewer steps, one seed.
    "usps_short": ("cyclegan_digits", _USPS, 400, "classes"),
    "usps_no_cycle": ("cyclegan_digits", {**_USPS, "cycle_weight": 0.0}, 400, "classes"),
    "usps_no_pool": ("cyclegan_digits", {**_USPS, "pool_size": 0}, 400, "classes"),
    "usps_identity": ("cyclegan_digits", {**_USPS, "identity_weight": 0.5}, 400, "classes"),
    "usps_no_frame": ("cyclegan_digits", {**_USPS, "frame": False}, 400, "classes"),
    "usps_no_skip": ("cyclegan_digits", {**_USPS, "skip": False}, 800, "classes"),
    "monet": (
        "cyclegan",
        {"dataset": "monet2photo", "width": 24, "blocks": 4, "patch_width": 32, "batch_size": 2},
        4_000,
        "pictures",
    ),
}  # fmt: skip
_OWN_FILES = ("mnist_m.npz", "usps.npz", "monet2photo")
_NOISE = 2.0 / 255.0


def located(dataset: str, folder: Path | None) -> str:
    """Return a data set's name with its own files as paths."""
    parts = dataset.split(",")
    if folder is None and any(part in _OWN_FILES for part in parts):
        raise SystemExit(f"{dataset}: give the folder of its files by --data.")
    return ",".join(str(folder.absolute() / p) if p in _OWN_FILES else p for p in parts)


def settings_of(row: str, steps: int | None) -> dict[str, Any]:
    """Return the settings of a row's training: the rate falls in its second half."""
    _, own, budget, _ = ROWS[row]
    steps = steps or budget
    return {**own, "steps": steps, "falls_from": steps // 2, "falls_until": steps}


def train_one(asked: Mapping[str, Any], folder: Path | None, data_dir) -> dict[str, Any]:
    """Train and measure one run."""
    from tfgan_survey.data import load_arrays
    from tfgan_survey.training import RunFolder, train
    from tfgan_survey.training.callbacks import read_history

    settings = {**asked["settings"], "seed": asked["seed"]}
    settings["dataset"] = located(settings["dataset"], folder)
    run = RunFolder(RUNS / f"{asked['name']}-{settings['steps']}steps-seed{asked['seed']}")
    model, run = train(
        ROWS[asked["name"]][0], run.path, resume=run.started, overrides=settings,
        data_dir=data_dir, verbose=0,
    )  # fmt: skip
    seconds = sum(row["seconds"] for row in read_history(run.history))
    sides = run.settings().image_size
    test = load_arrays(settings["dataset"], "test", image_size=sides, data_dir=data_dir)
    measure: Callable = MEASURES[ROWS[asked["name"]][3]]
    return {"training_seconds": round(seconds), **measure(model, test, settings, data_dir)}


def known_map(model, test, settings, data_dir) -> dict[str, Any]:
    """Mean absolute error against the truth, of all test images, in [0, 1]."""
    truth = {"a2b": test.b.images / 255.0, "b2a": test.a.images / 255.0}
    sources = {"a2b": test.a.images, "b2a": test.b.images}
    found: dict[str, Any] = {}
    for way, images in sources.items():
        made = model.translate(images, way)
        found[f"{way}_error"] = _far(made, truth[way])
        same = images / 255.0
        if same.shape[-1] != truth[way].shape[-1]:  # grey beside colour, or its mean
            grey = same.mean(-1, keepdims=True)
            same = np.repeat(grey, truth[way].shape[-1], axis=-1)
        found[f"{way}_untranslated"] = _far(same, truth[way])
    return {**found, **hidden(model, sources)}


def classes(model, test, settings, data_dir) -> dict[str, Any]:
    """Share of translated test digits that a classifier of the target's real digits recognises."""
    from tfgan_survey.metrics.features import Features

    shipped = Features("mnist")
    names = settings["dataset"].split(",")
    found: dict[str, Any] = {}
    for way, source, target, name in (
        ("a2b", test.a, test.b, names[1]),
        ("b2a", test.b, test.a, names[0]),
    ):
        judge = shipped.probabilities if name == "mnist" else _classifier(name, settings, data_dir)

        def share(images, labels, judge=judge):
            return float((judge(_grey(images)).argmax(axis=1) == labels).mean())

        found[f"{way}_recognised"] = share(model.translate(source.images, way), source.labels)
        found[f"{way}_untranslated"] = share(source.images / 255.0, source.labels)
        found[f"{way}_real"] = share(target.images / 255.0, target.labels)
    sources = {"a2b": test.a.images[:2000], "b2a": test.b.images[:2000]}
    return {**found, **hidden(model, sources)}


def _grey(images: np.ndarray) -> np.ndarray:
    return np.asarray(images, np.float32).mean(axis=-1, keepdims=True)


_KEPT: dict[str, Callable] = {}


def _classifier(name: str, settings, data_dir) -> Callable:
    """Return a classifier of a data set's real training digits, seen in grey at 28x28."""
    if name not in _KEPT:
        from tfgan_survey.data import load_arrays
        from tfgan_survey.metrics.classifier import train_classifier

        real = load_arrays(name, "train", image_size=28, data_dir=data_dir)
        pixels = np.rint(_grey(real.images)).astype(np.uint8)
        trained = train_classifier(pixels, real.labels, seed=0)
        _KEPT[name] = lambda images: trained.predict(images, batch_size=500, verbose=0)
    return _KEPT[name]


def pictures(model, test, settings, data_dir) -> dict[str, Any]:
    """Distances of Inception features to the held-out pictures of the target, at equal counts."""
    from tfgan_survey.metrics.frechet import frechet_distance
    from tfgan_survey.metrics.inception_fid import inception_features
    from tfgan_survey.metrics.kernel_distance import kernel_distance

    found: dict[str, Any] = {}
    for way, source, target in (("a2b", test.a, test.b), ("b2a", test.b, test.a)):
        count = min(len(source), len(target))
        made = np.rint(model.translate(source.images[:count], way) * 255).astype(np.uint8)
        real = inception_features(target.images[:count], data_dir=data_dir)
        compared = {"": made, "_untranslated": source.images[:count]}
        features = {k: inception_features(v, data_dir=data_dir) for k, v in compared.items()}
        half = count // 2
        for key, one in features.items():
            distance = kernel_distance(one, real, seed=0)
            found[f"{way}_kernel{key}"] = [*distance]
            found[f"{way}_frechet{key}"] = frechet_distance(one, real)
        floor = kernel_distance(real[:half], real[half : 2 * half], seed=0)
        found[f"{way}_kernel_real"] = [*floor]
    return {**found, **hidden(model, {"a2b": test.a.images, "b2a": test.b.images})}


def hidden(model, sources: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Error of the way there and back: plain, through 8-bit bytes, and through faint noise.

    Why:
        A translator can hide the source in detail that nobody sees, for the other to read. Bytes
        and noise of 2 of 255 leave what is to be seen and take such a message away.
    """
    rng, found = np.random.default_rng(0), {}
    for way, images in sources.items():
        back = way[::-1]
        made = model.translate(images, way)
        noisy = np.clip(made + rng.normal(0.0, _NOISE, made.shape), 0.0, 1.0).astype(np.float32)
        for key, seen in (
            ("cycle", made), ("cycle_bytes", np.rint(made * 255).astype(np.uint8)),
            ("cycle_noise", noisy),
        ):  # fmt: skip
            found[f"{way}_{key}"] = _far(model.translate(seen, back), images / 255.0)
    return found


def _far(left, right) -> float:
    return float(np.mean(np.abs(left - right)))


MEASURES = {"map": known_map, "classes": classes, "pictures": pictures}

# ---------------------------------------------------------------------- the tables

_ABOUT = {
    "ramp": "MNIST and its negative along a colour ramp, disjoint halves",
    "mirror": "MNIST and its mirror image, disjoint halves",
    "mnist_m": "MNIST (A) and MNIST-M (B, 32x32 in colour, stretched to 28x28)",
    "mnist_m_long": "the same, longer",
    "usps": "MNIST (A) and USPS (B, stretched to 28x28), with a learnt frame and a skip",
    "usps_short": "the same, fewer steps",
    "usps_no_cycle": "the same without the cycle term, fewer steps",
    "usps_no_pool": "of these without the pool",
    "usps_identity": "of these with the identity term (half of the cycle's weight)",
    "usps_no_frame": "of these without the learnt frame",
    "usps_no_skip": "the first without the skip, longer",
    "monet": "Monet's paintings (A) and photographs (B) at 64x64",
}


def render(results: Path, report: Path) -> None:
    """Write the tables from the files that are there."""
    found = read_runs(results)
    lines = [
        "# Translation without pairs",
        "",
        "Trainings of `cyclegan_digits` and, for pictures, `cyclegan`, whose translators never",
        "see a pair; measured on test images, mean ± standard deviation over seeds. Cycle columns:",
        "mean absolute error of the way there and back (0 to 1), as it is, with the translation",
        "rounded to bytes, and with normal noise of 2/255 on it: a message hidden in detail would",
        "not survive. Written by `python benchmarks/translation.py` from",
        "`benchmarks/results/translation/`.",
    ]
    for kind, heads, cells in (
        ("map", ("error", "untranslated"), (("error", 4), ("untranslated", 4))),
        (
            "classes",
            ("recognised", "untranslated", "real target"),
            (("recognised", -1), ("untranslated", -1), ("real", -1)),
        ),
        ("pictures", (), ()),
    ):
        rows = [row for row in ROWS if ROWS[row][3] == kind and row in found]
        if not rows:
            continue
        lines += ["", *_TITLES[kind], ""]
        if kind == "pictures":
            lines += _pictures(rows, found)
            continue
        heads = [f"{way} {head}" for way in ("A to B", "B to A") for head in heads]
        lines += [
            f"| run | steps | seeds | {' | '.join(heads)} | cycle, bytes, noise | minutes |",
            f"|---|---:|---:|{'---:|' * len(heads)}---:|---:|",
        ]
        for row in rows:
            records = found[row]
            values = [
                _cell(records, f"{way}_{key}", digits) for way in ("a2b", "b2a")
                for key, digits in cells
            ]  # fmt: skip
            lines.append(f"| {_ABOUT[row]} | {_common(records, values)}")
    write_text(report, "\n".join(lines) + "\n")
    print(f"wrote {report}")


_TITLES = {
    "map": (
        "## A map that is known",
        "",
        "Error: mean absolute difference to the truth, 0 to 1, which no training saw. Every seed",
        "finds the ramp. None finds the mirror: the discriminators hardly tell a digit from a",
        "mirrored one, images left as they are come back without error, and a convolution, which",
        "sees a neighbourhood, has to carry each stroke to the other side to do better.",
        "",
        "![digits, their translations, and back](figures/translation_ramp.png)",
    ),
    "classes": (
        "## Digits",
        "",
        "Recognised: % of translated test digits whose class a classifier finds that was trained",
        "on the target's real training digits (MNIST: the shipped one; USPS, MNIST-M: in grey,",
        "trained by the script). Real target: the same of the target's own test digits. Frames",
        "start where the brightness of both lies alike, and with the skip translators start",
        "near the identity: with one of the two alone some seeds exchanged classes. Without the",
        "cycle term many digits are others. What fails on the way to USPS are mostly thin slanted",
        "ones and barred sevens.",
    ),
    "pictures": (
        "## Pictures",
        "",
        "Kernel distance (squared, ± standard error over blocks) and Frechet distance of Inception",
        "features to held-out pictures of the target, at equal counts, which are fewer than there",
        "are features: compare within the table only.",
    ),
}


def _common(records: list[dict[str, Any]], values: list[str]) -> str:
    minutes = np.mean([one["training_seconds"] for one in records]) / 60
    cycle = ", ".join(
        f"{np.mean([one[f'{way}_{key}'] for one in records for way in ('a2b', 'b2a')]):.4f}"
        for key in ("cycle", "cycle_bytes", "cycle_noise")
    )
    steps = records[0]["settings"]["steps"]
    return f"{steps:,} | {len(records)} | {' | '.join(values)} | {cycle} | {minutes:.0f} |"


def _cell(records: list[dict[str, Any]], key: str, digits: int) -> str:
    factor, digits = (100.0, 1) if digits < 0 else (1.0, digits)
    values = factor * np.array([one[key] for one in records])
    spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"


def _pictures(rows: list[str], found: Mapping[str, Any]) -> list[str]:
    lines = [
        "| run | way | kernel distance | untranslated | real with real | Frechet | untranslated | "
        "cycle, bytes, noise | minutes |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        for record in found[row]:
            for way, words in (("a2b", "A to B"), ("b2a", "B to A")):
                kernels = [
                    "{:.4f} ± {:.4f}".format(*record[f"{way}_kernel{key}"])
                    for key in ("", "_untranslated", "_real")
                ]
                frechets = [f"{record[f'{way}_frechet{key}']:.0f}" for key in ("", "_untranslated")]
                cycle = ", ".join(
                    f"{record[f'{way}_{key}']:.4f}"
                    for key in ("cycle", "cycle_bytes", "cycle_noise")
                )
                steps = record["settings"]["steps"]
                lines.append(
                    f"| {_ABOUT[row]}, {steps:,} steps, seed {record['seed']} | {words} | "
                    f"{' | '.join(kernels)} | {' | '.join(frechets)} | {cycle} | "
                    f"{record['training_seconds'] / 60:.0f} |"
                )
    return lines


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], "translation", ROWS, (0, 1, 2))
    arguments.add_argument("--data", type=Path, help="folder of mnist_m.npz, usps.npz, monet2photo")
    given = arguments.parse_args()
    if not given.render:
        wanted = [
            (row, {"name": row, "seed": seed, "settings": settings_of(row, given.steps)})
            for row in given.runs or ROWS
            for seed in given.seeds
        ]
        run_missing(
            given.results, wanted, lambda asked: train_one(asked, given.data, given.data_dir)
        )
    render(given.results, given.report)


if __name__ == "__main__":
    main()
