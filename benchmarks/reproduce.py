"""Train and measure the reproduction table, run by run, and write it into the documents.

    python benchmarks/reproduce.py --jobs 2              what is missing at the short budgets
    python benchmarks/reproduce.py --budget quick        every named GAN at the zoo's default steps
    python benchmarks/reproduce.py --budget full         the papers' budgets, all seeds
    python benchmarks/reproduce.py --rows gan_2014 --seeds 0 1 2
    python benchmarks/reproduce.py --rows survey_gan --steps 46800
    python benchmarks/reproduce.py --render              only the table, from what is there
    python benchmarks/reproduce.py --list                runs, budgets, what is there

A run is one row at one seed and one budget: it is trained into `runs/reproduce/`, where an
interrupted training goes on and a longer budget continues a shorter one, and measured into one JSON
file under `benchmarks/results/reproduce/`. A file that is there is not made again; one that was
made with other settings is refused. The final weights are scored, never the best checkpoint, but
for rows that name a split of held-out training images by which the training is stopped. With
`--jobs 2` two runs go side by side, each process with one thread.

Longer than other files, because the table's rows, settings and budgets, stand here as data beside
what trains and renders them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESULTS, RUNS = Path("benchmarks/results/reproduce"), Path("runs/reproduce")
MEASURED, CODES = Path("docs/measurements.md"), Path("docs/codes.md")
BEGIN, END = "<!-- reproduce.py: begin -->", "<!-- reproduce.py: end -->"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
ONE_THREAD = dict.fromkeys((*THREADS, "TF_NUM_INTEROP_THREADS"), "1")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        model: name in the zoo.
        short: training steps of the short budget, at most 20 minutes of training on one thread,
            or two hours in rows 1 and 2; None: the zoo's default, which is the quick budget.
        full: training steps of the full budget.
        seeds: seeds of the short and of the full budget.
        metrics: names for `evaluate`; None for what a mixture of points is measured by.
        shown: measurements in the table.
        goal: what the row is to reach, in words.
        published: what the source reports, in words.
        dataset: data set.
        num: samples that are measured.
        settings: settings beside the model's own.
        trials: compositions or settings that were tried before this one was fixed.
        validate: split of training images that are left out of it; the model with the least loss on
            them is scored. None scores the final weights.
        start_from: row whose model, at the same seed, the training starts from.
        page: where the row is shown.
    """

    model: str
    short: int | None
    full: int
    seeds: tuple[Sequence[int], Sequence[int]]
    metrics: tuple[str, ...] | None
    shown: tuple[str, ...]
    goal: str = ""
    published: str = ""
    dataset: str = "mnist"
    num: int = 10_000
    settings: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 1
    validate: str | None = None
    start_from: str | None = None
    page: Path = MEASURED

    def steps(self, budget: str) -> int:
        """Return the training steps of a budget."""
        from tfgan_survey.zoo import MODELS

        if budget == "full":
            return self.full
        return self.short if budget == "short" and self.short else MODELS[self.model].quick


_PARZEN = ("parzen_log_likelihood", "frechet_distance", "classifier_score")
_QUALITY = ("frechet_distance", "classifier_score", "precision", "recall")
_MODES = ("modes", "high_quality", "reverse_kl")
_ONE, _THREE, _TEN = (0,), (0, 1, 2), tuple(range(10))


def _family(model: str, short: int | None = None, **options: Any) -> dict[str, Row]:
    metrics = ("frechet_distance", "classifier_score", "precision_recall")
    return {
        model: Row(model, short, 18_750, (_ONE, _THREE), metrics, _QUALITY, **options),
        f"{model}-fashion": Row(
            model, short, 18_750, (_ONE, _ONE), metrics, _QUALITY, dataset="fashion_mnist"
        ),
    }


def _rows() -> dict[str, Row]:
    from tfgan_survey.objectives.divergences import DIVERGENCES

    plain = {"metrics": None, "shown": _MODES, "num": 2500}
    averaged = {
        **{"divergence": "pearson", "ema": 0.9995, "learning_rate": 5e-4},
        "split": "train[:50000]",
    }
    return {
        "gan_2014": Row(
            "gan_2014", 100_000, 125_000, (_ONE, _THREE), _PARZEN, _PARZEN,
            goal="at least 225", published="225 +- 2 (arXiv:1406.2661, Table 1)",
        ),
        "pearson-averaged": Row(
            "fgan", 20_000, 20_000, (_THREE, _THREE), _PARZEN, _PARZEN, trials=11,
            goal="at least 225", settings=averaged,
        ),
        "pearson-averaged-falling": Row(
            "fgan", 60_000, 60_000, (_ONE, _THREE), _PARZEN, _PARZEN, trials=10,
            settings={**averaged, "decay": 1.00003},
        ),
        "cgan_2014": Row(
            "cgan_2014", 20_000, 125_000, (_ONE, _THREE), _PARZEN, _PARZEN,
            goal="at least 132", published="132 +- 1.8 (arXiv:1411.1784, Table 1)", trials=2,
        ),
        "cgan_mnist": Row(
            "cgan_mnist", 12_000, 12_000, (_THREE, _THREE),
            ("gan_test", "gan_train", "class_diversity", "frechet_distance", "precision_recall"),
            ("gan_test", "gan_train", "class_diversity", "frechet_distance", "precision", "recall"),
            goal="gan_test 0.99, gan_train 0.97, diversity 0.93", trials=10,
        ),
        "ring": Row(
            "mixture_gan", 40_000, 400_000, (_THREE, _TEN), dataset="ring",
            published="6.3 +- 0.5 of 8 (arXiv:1712.04086, Table 1)", **plain,
        ),
        "grid": Row(
            "mixture_gan", 40_000, 400_000, (_THREE, _TEN), dataset="grid",
            published="17.3 +- 0.8 of 25 (arXiv:1712.04086, Table 1)", **plain,
        ),
        "ring-tuned": Row(
            "mixture_gan_tuned", 40_000, 40_000, (_THREE, _TEN), dataset="ring", trials=20,
            goal="7.9 modes, 95 % good",
            published="best 7.9 +- 0.1, 95.6 % (packing, arXiv:1712.04086)",
            settings={"packing": 2}, **plain,
        ),
        "grid-tuned": Row(
            "mixture_gan_tuned", 40_000, 40_000, (_THREE, _TEN), dataset="grid", trials=20,
            goal="24.8 modes, 95 % good",
            published="best 24.8 +- 0.2, 93.6 % (packing, arXiv:1712.04086)", **plain,
        ),
        **_family("survey_gan", 18_750, trials=6),
        **_family("survey_cgan"),
        **_family("dcgan"),
        **_family("cdcgan"),
        **_family("wgan"),
        **_family("wgan_gp"),
        **_family("lsgan"),
        **_family("ls_gan", trials=2),
        **{
            f"fgan-{name}": Row(
                "fgan", 6_000, 20_000, (_ONE, _THREE), _PARZEN, _PARZEN,
                settings={"divergence": name}, trials=7 if name == "total_variation" else 4,
            )
            for name in DIVERGENCES
        },
        **_codes(),
    }  # fmt: skip


def _codes() -> dict[str, Row]:
    """Return the rows of models that encode."""
    held_out = {"validate": "train[50000:]"}
    bound = ("negative_log_likelihood",)
    error, nearest = ("reconstruction_error",), ("precision_at_10", "retrieval_map")
    drawn = ("frechet_distance", "precision", "recall", "sharpness")
    measured = (*error, "retrieval")
    sampled = ("frechet_distance", "precision_recall", "sharpness")

    def row(model, steps, metrics, shown, seeds=_ONE, **options):
        return Row(model, steps, steps, (seeds, _THREE), metrics, shown, page=CODES, **options)

    deep = {"published": "3.00 (Hinton & Salakhutdinov 2006)", "goal": "at most 3.0, aim 2.0"}
    map_goal = {"goal": "above PCA's 0.956 / 0.441"}
    return {
        "pca": row("pca", 468, measured, (*error, *nearest), published="13.87 (the same)"),
        "autoencoder": row("autoencoder", 10_000, measured, (*error, *nearest), **map_goal),
        "deep_autoencoder": row("deep_autoencoder", 25_000, measured, (*error, *nearest), **deep),
        "deep_autoencoder-masked": row(
            "deep_autoencoder", 25_000, measured, (*error, *nearest), **deep,
            settings={"corruption": "masking", "corruption.share": 0.1},
        ),
        "denoising_autoencoder": row(
            "denoising_autoencoder", 4_000, measured, (*error, *nearest), **map_goal
        ),
        "sparse_autoencoder": row(
            "sparse_autoencoder", 4_000, measured, (*error, *nearest), **map_goal
        ),
        "bits-64": row(
            "autoencoder", 10_000, measured, (*error, *nearest),
            settings={"code": "binary", "latent_dim": 64}, goal="0.910 / 0.447 (ITQ, 64 bits)",
        ),
        "discrete_autoencoder": row(
            "discrete_autoencoder", 6_000, error, error, goal="at most 3.3",
            published="3.30 (keras.io, training images)",
        ),
        "vae": row(
            "vae", 50_000, bound, bound, dataset="binarised_mnist", trials=2, **held_out,
            goal="at most 89.9", published="89.9 (200 samples)",
        ),
        "iwae": row(
            "iwae", 4_000, bound, bound, dataset="binarised_mnist", trials=2, start_from="vae",
            settings={"decay": 1.0003, "warm_up_steps": 0}, goal="at most 87.1 (5,000 samples)",
            published="87.1 (5,000 samples)", **held_out,
        ),
        "vae-grey": row(
            "vae", 10_000, sampled, drawn, dataset="mnist", settings={"warm_up_steps": 0}
        ),
        "vae-no-prior": row(
            "vae", 10_000, sampled, drawn, dataset="mnist", settings={"kl_weight": 0.0}
        ),
        "autoencoder-mixture": row(
            "autoencoder", 4_000, sampled, drawn, settings={"mixture_components": 50}
        ),
        "discriminator_only": row(
            "discriminator_only", 4_000, ("classifier_score", *sampled),
            ("classifier_score", *drawn), num=2_000, goal="twice an untrained D's",
        ),
    }  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One training: a row at a seed and a number of steps."""

    row: str
    seed: int
    steps: int

    @property
    def result(self) -> Path:
        """Where its measurements are."""
        return RESULTS / f"{self.row}-{self.steps}steps-seed{self.seed}.json"

    @property
    def folder(self) -> Path:
        """Where it is trained: on from a shorter budget, beside a longer one."""
        from tfgan_survey.training import RunFolder
        from tfgan_survey.training.callbacks import read_history

        shared = RunFolder(RUNS / f"{self.row}-seed{self.seed}")
        rows = read_history(shared.history) if shared.history.exists() else []
        if rows and rows[-1]["steps"] > self.steps:
            return RUNS / f"{self.row}-{self.steps}steps-seed{self.seed}"
        return shared.path


def runs(
    names: Iterable[str], budget: str, seeds: Sequence[int] | None, steps: int | None = None
) -> list[Run]:
    """Return the runs of a budget, all rows at their first seed before any at the second.

    The quick budget has one seed; `steps` takes the place of the budget's own.
    """
    table, found = _rows(), []
    for name in names:
        row = table[name]
        own = seeds or ((0,) if budget == "quick" else row.seeds[budget == "full"])
        length = steps or row.steps(budget)
        found += [(index, Run(name, seed, length)) for index, seed in enumerate(own)]
    return [run for _, run in sorted(found, key=lambda pair: pair[0])]


def settings_of(run: Run):
    """Return the resolved settings of a run."""
    from tfgan_survey.zoo import resolve

    return resolve(_rows()[run.row].model, overrides_of(run))


def overrides_of(run: Run) -> dict[str, Any]:
    """Return what a run's settings have beside the model's own."""
    row = _rows()[run.row]
    own = {"dataset": row.dataset, "seed": run.seed, "steps": run.steps}
    if row.start_from is not None:
        before = Run(row.start_from, run.seed, _rows()[row.start_from].steps("short"))
        own["start_from"] = str(scored(before, before.folder))
    return {**row.settings, **own}


def scored(run: Run, folder: Path) -> Path:
    """Return the model of a run folder that is scored."""
    return folder / "best.keras" if _rows()[run.row].validate else folder


def is_there(run: Run) -> bool:
    """Return whether a run has its file; refuse one that was made with other settings."""
    from tfgan_survey.settings import Settings
    from tfgan_survey.zoo import complete

    if not run.result.exists():
        return False
    there = json.loads(run.result.read_text(encoding="utf-8"))
    if complete(Settings.from_dict(there["settings"])) != settings_of(run):
        raise SystemExit(
            f"{run.result} was made with other settings than {run.row} has now; remove it."
        )
    return True


def execute(run: Run, data_dir: Path | None) -> None:
    """Train what is missing of a run, measure its final weights, write its file."""
    from tfgan_survey.errors import NonFiniteLossError
    from tfgan_survey.evaluation import evaluate_run, format_table
    from tfgan_survey.files import write_json
    from tfgan_survey.training import RunFolder, train
    from tfgan_survey.training.callbacks import read_history

    if is_there(run):
        return
    row, settings = _rows()[run.row], settings_of(run)
    record = {"row": run.row, "seed": run.seed, "steps": run.steps, "settings": settings.to_dict()}
    folder = RunFolder(run.folder)
    try:
        train(
            row.model,
            folder.path,
            resume=folder.started,
            overrides=overrides_of(run),
            validate=row.validate,
            data_dir=data_dir,
            verbose=0,
        )
    except NonFiniteLossError as error:
        write_json(run.result, {**record, "failed": str(error)})
        return
    rows = read_history(folder.history)
    start = time.monotonic()
    measured = evaluate_run(
        scored(run, folder.path),
        metrics=row.metrics,
        num=row.num,
        data_dir=data_dir,
    )
    print(format_table(measured), flush=True)
    record |= {
        "versions": folder.record()["versions"],
        "threads": int(os.environ.get(THREADS[-1], "0")) or cores(),
        "training_seconds": round(sum(one["seconds"] for one in rows)),
        "evaluation_seconds": round(time.monotonic() - start),
        "measurements": [one.to_dict() for one in measured],
    }
    write_json(run.result, record)


def cores() -> int:
    """Return how many cores this process may use."""
    pinned = getattr(os, "sched_getaffinity", None)
    return os.cpu_count() if pinned is None else len(pinned(0))


def execute_all(missing: Sequence[Run], jobs: int, data_dir: Path | None) -> None:
    """Run each in a process of its own, so that one that dies takes no other along."""
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3")
    if jobs > 1:
        environment |= ONE_THREAD

    def one(run: Run) -> str | None:
        command = [sys.executable, __file__, "--run", run.row, str(run.seed), str(run.steps)]
        if data_dir is not None:
            command += ["--data-dir", str(data_dir)]
        print(
            f"{time.strftime('%H:%M')} {run.row}, seed {run.seed}, {run.steps:,} steps", flush=True
        )
        log = RUNS / f"{run.row}-seed{run.seed}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "a", encoding="utf-8") as output:
            done = subprocess.run(command, env=environment, stdout=output, stderr=output)
        return f"{run.row}, seed {run.seed} failed, see {log}" if done.returncode else None

    with ThreadPoolExecutor(jobs) as pool:
        failed = [text for text in pool.map(one, missing) if text]
    if failed:
        raise SystemExit("\n".join(failed))


# ---------------------------------------------------------------------- the table


def render() -> None:
    """Write the tables between the marks in their pages, from the files alone."""
    from tfgan_survey.files import write_text

    for page in (MEASURED, CODES):
        for file, chinese in ((page, False), (page.with_suffix(".zh.md"), True)):
            before, rest = file.read_text(encoding="utf-8").split(BEGIN)
            _, after = rest.split(END)
            write_text(file, f"{before}{BEGIN}\n{table(page, chinese)}\n{END}{after}")
            print(f"wrote the table into {file}")


def table(page: Path = MEASURED, chinese: bool = False) -> str:
    """Return a page's table as Markdown: of each row the longest budget that was measured."""
    beside = "real data" if page == MEASURED else "reference"
    head = (
        f"| row | data | steps, seeds, trials | measured | {beside} | goal | published "
        "| minutes (cores) |"
    )
    if chinese:
        beside = "真实数据" if page == MEASURED else "参考"
        head = f"| 行 | 数据 | 步数，种子，试验 | 测得 | {beside} | 目标 | 发表值 | 分钟（核数） |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for name, row in _rows().items():
        if row.page != page:
            continue
        records = [
            json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(RESULTS.glob(f"{name}-*steps-seed*.json"))
        ]
        records = [one for one in records if one["row"] == name]
        if not records:
            continue
        longest = max(one["steps"] for one in records)
        lines.append(_line(name, row, [one for one in records if one["steps"] == longest]))
    return "\n".join(lines)


def _line(name: str, row: Row, records: Sequence[dict[str, Any]]) -> str:
    done = [one for one in records if "failed" not in one]
    seeds = f"{len(records)} seed{'s' * (len(records) > 1)}"
    if len(done) < len(records):
        seeds += f", {len(records) - len(done)} diverged"
    minutes = sorted(one["training_seconds"] / 60 for one in done)
    cells = [
        f"`{name}`",
        row.dataset,
        f"{records[0]['steps']:,}, {seeds}, {row.trials}",
        "<br>".join(_measured(key, done) for key in row.shown) if done else "diverged",
        "<br>".join(_real(key, done[0]) for key in row.shown) if done else "",
        row.goal or "-",
        row.published or "-",
        f"{minutes[len(minutes) // 2]:.0f} ({done[0]['threads']})" if done else "-",
    ]
    return "| " + " | ".join(cells) + " |"


def _measured(key: str, records: Sequence[dict[str, Any]]) -> str:
    """Return name and value: with one seed its standard error, else mean, spread and extreme."""
    import statistics

    from tfgan_survey.evaluation.output import format_value

    found = [one for record in records for one in record["measurements"] if one["name"] == key]
    values = [one["value"] for one in found if one["value"] is not None]
    short = key.replace("parzen_log_likelihood", "parzen").replace("_distance", "")
    short = short.replace("_", " ")
    if not values:
        return f"{short} undefined"
    if len(values) == 1:
        return f"{short} {format_value(values[0], found[0]['standard_error'])}"
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    low, high = (f"{value:.4g}" for value in (min(values), max(values)))
    return f"{short} {format_value(mean, spread)} ({low} to {high})"


def _real(key: str, record: dict[str, Any]) -> str:
    one = next(one for one in record["measurements"] if one["name"] == key)
    real = one["reference"][0] if one["reference"] else None
    return "-" if real is None or real["value"] is None else f"{real['value']:.4g}"


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", help="default: all")
    parser.add_argument("--seeds", nargs="+", type=int, help="default: the budget's own")
    parser.add_argument("--budget", choices=("quick", "short", "full"), default="short")
    parser.add_argument("--steps", type=int, help="instead of the budget's own")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--data-dir", type=Path, help="root of prepared data sets")
    parser.add_argument("--render", action="store_true", help="write the table only")
    parser.add_argument("--list", action="store_true", help="show runs and what is there")
    parser.add_argument("--run", nargs=3, metavar=("ROW", "SEED", "STEPS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(words)
    if arguments.run:
        name, seed, steps = arguments.run
        execute(Run(name, int(seed), int(steps)), arguments.data_dir)
        return
    unknown = set(arguments.rows or ()) - set(_rows())
    if unknown:
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(_rows())}")
    asked = runs(arguments.rows or _rows(), arguments.budget, arguments.seeds, arguments.steps)
    if arguments.list:
        for run in asked:
            print(f"{'there  ' if run.result.exists() else 'missing'} {run.result.name}")
        return
    if not arguments.render:
        missing = [run for run in asked if not is_there(run)]
        execute_all(missing, arguments.jobs, arguments.data_dir)
    render()


if __name__ == "__main__":
    main()
