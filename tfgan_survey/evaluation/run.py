"""A trained run: sample it, and its untrained twin, then measure."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfgan_survey import pictures
from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation.samples import NUM, check_metrics, evaluate_samples, read_samples
from tfgan_survey.metrics.common import Measurement
from tfgan_survey.training.folder import RunFolder
from tfgan_survey.training.run import load_run
from tfgan_survey.training.sample import draw
from tfgan_survey.zoo import build, build_from_settings

STAND_IN = "survey_gan"


def evaluate_run(
    run: str | os.PathLike,
    dataset: str | None = None,
    metrics: Sequence[str] | None = None,
    num: int | None = None,
    seed: int = 0,
    **options: Any,
) -> list[Measurement]:
    """Measure a trained run beside real data and beside its own generator before training.

    Args:
        run: run folder, or a `.keras` file; one that lies in a run folder, such as `best.keras`,
            shares its settings, another has no untrained generator to compare with.
        dataset: data set to compare with; default: the one of the run's settings.
        metrics: see `evaluate_samples`.
        num: samples to draw; default 10,000.
        seed: sample i is a function of `seed + i` (and its label, all classes in turn); also the
            seed of the draws inside the metrics.
        **options: `data_dir`, `source` and `progress` of `evaluate_samples`.

    Returns:
        Measurements in the order of `metrics`.

    Raises:
        RunError: there is no model to load.
        SettingError: a `.keras` file without `dataset`; otherwise as `evaluate_samples`.
    """
    path = Path(run)
    num = NUM if num is None else num
    if metrics is not None:
        check_metrics(metrics)  # before minutes of sampling
    folder = RunFolder(path) if path.is_dir() else RunFolder.around(path)
    settings = None if folder is None else folder.settings()
    if dataset is None:
        if settings is None:
            raise SettingError(f"{path} does not name its data set; give --dataset.")
        dataset = settings.dataset
    progress = options.get("progress")
    if progress is not None:
        progress("sampling", 0.0)
    gan = load_run(path)
    images = draw(gan, num, seed=seed)
    labels = gan.check_labels(num, None)
    untrained = None
    if settings is not None:
        fresh = build_from_settings(settings, gan.pair.image_shape, gan.pair.num_classes)
        untrained = draw(fresh, num, seed=seed)
    return evaluate_samples(
        images,
        labels,
        dataset,
        metrics,
        num,
        seed,
        untrained=untrained,
        untrained_name=f"untrained {settings.model}" if settings else "",
        image_size=None if settings is None else settings.image_size,
        **options,
    )


def evaluate(
    target: str | os.PathLike,
    dataset: str | None = None,
    metrics: Sequence[str] | None = None,
    num: int | None = None,
    seed: int = 0,
    *,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
    progress: Callable[[str, float], None] | None = None,
) -> list[Measurement]:
    """Measure a run folder, a `.keras` file or an `.npz` of samples.

    A run is compared with its own generator before training; for an `.npz`, which names none, an
    untrained `survey_gan` stands in.

    Args:
        target: what to measure; an `.npz` is read by `read_samples`.
        dataset: data set to compare with; default: the run's own, `mnist` for an `.npz`.
        metrics: see `evaluate_samples`.
        num: number of samples; default 10,000, or all of an `.npz` that has fewer.
        seed: see `evaluate_run`.
        data_dir: root of prepared data sets.
        source: where data may come from.
        progress: see `evaluate_samples`.

    Returns:
        Measurements in the order of `metrics`.

    Raises:
        DataError: the `.npz` or the real data cannot be read.
        RunError: there is no model to load.
        SettingError: see `evaluate_samples`.
    """
    options = {"data_dir": data_dir, "source": source, "progress": progress}
    if Path(target).suffix == ".npz":
        images, labels = read_samples(target)
        if images.ndim == 4:
            # A file names no generator; any untrained one shows what nothing learnt scores.
            fresh = build(STAND_IN, images.shape[1:], seed=seed)
            options["untrained"] = pictures.to_uint8(
                fresh.generate(min(num or NUM, len(images)), seed=seed)
            )
            options["untrained_name"] = f"untrained {STAND_IN}"
        return evaluate_samples(images, labels, dataset or "mnist", metrics, num, seed, **options)
    return evaluate_run(target, dataset, metrics, num, seed, **options)
