"""Samples, as arrays or from an `.npz`, against the real data of a data set."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tfgan_survey.data.sets.mixtures import MIXTURES
from tfgan_survey.errors import DataError, SettingError
from tfgan_survey.metrics.common import Measurement
from tfgan_survey.metrics.suite import METRICS, default_metrics, measure_mixture

NUM = 10_000


def read_samples(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray | None]:
    """Read samples from an `.npz`.

    Args:
        path: file with `images` uint8 `(n, h, w, c)` (for `ring` and `grid` points `(n, 2)`) and,
            if the samples were asked for by class, `labels` integers `(n,)`.

    Returns:
        Images and labels; labels None if the file has none.

    Raises:
        DataError: the file is missing, no `.npz`, has no `images`, or holds Python objects.
    """
    path = Path(path)
    try:
        arrays = np.load(path, allow_pickle=False)
        if isinstance(arrays, np.ndarray):
            raise DataError(f"{path} is a single array; save it by np.savez(path, images=...).")
        with arrays:
            if "images" not in arrays:
                raise DataError(
                    f"{path} holds {', '.join(arrays.files) or 'nothing'}; expected an array "
                    "called images, and labels where there are classes."
                )
            return arrays["images"], arrays.get("labels")
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist.") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as an .npz of arrays: {error}") from error


def check_metrics(metrics: Sequence[str]) -> list[str]:
    """Return the names if all are known and none is given twice.

    Raises:
        UnknownNameError: an unknown name, with the nearest known ones.
        SettingError: none given, or one given twice.
    """
    if not metrics:
        raise SettingError(f"no metric is given; known: {', '.join(METRICS)}.")
    for name in metrics:
        METRICS[name]
        if list(metrics).count(name) > 1:
            raise SettingError(f"metric {name} is given twice.")
    return list(metrics)


def evaluate_samples(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    dataset: str = "mnist",
    metrics: Sequence[str] | None = None,
    num: int | None = None,
    seed: int = 0,
    *,
    untrained: np.ndarray | None = None,
    untrained_name: str = "untrained generator",
    image_size: int | None = None,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
    progress: Callable[[str, float], None] | None = None,
) -> list[Measurement]:
    """Measure samples against a data set; every value comes with its real-data reference.

    Args:
        images: uint8 or floats in [0, 1], shape `(n, h, w, c)`; for the data sets `ring` and `grid`
            points `(n, 2)`.
        labels: the classes that were asked for, integers `(n,)`; None if unconditional.
        dataset: name of the data set that the generator was trained on, or `ring` or `grid`.
        metrics: names in `METRICS`; default: those that take seconds. `ring` and `grid` have one
            protocol of their own and take none.
        num: use the first `num` samples; default 10,000, or all if there are fewer.
        seed: seed of the draws inside the metrics (splits, bootstrap, reference images).
        untrained: samples of a generator before training, as a second reference.
        untrained_name: what that reference is called.
        image_size: side to which the real images are resized.
        data_dir: root of prepared data sets.
        source: where data may come from, see `tfgan_survey.data.prepare`.
        progress: called with the name of each metric before it is measured, and with the share of
            metrics that are done; by metrics that take long meanwhile, too.

    Returns:
        Measurements in the order of `metrics`.

    Raises:
        UnknownNameError: unknown data set or metric.
        SettingError: `num` beyond the samples, a metric that does not suit the data or that needs
            labels where there are none.
        ValueError: wrong range, shape or type of the samples, NaN values.
        DataError: the real data cannot be had.
    """
    available = len(images)
    num = min(NUM, available) if num is None else num
    if not 1 <= num <= available:
        raise SettingError(f"num={num}: there are {available} samples; ask for 1 to {available}.")
    images = images[:num]
    labels = None if labels is None else labels[:num]
    if dataset in MIXTURES:
        if metrics:
            raise SettingError(f"{dataset} is measured by modes, high_quality and reverse_kl only.")
        (progress or _silent)("mode_coverage", 0.0)
        return measure_mixture(images, MIXTURES[dataset](), seed)
    names = check_metrics(default_metrics(labels is not None) if metrics is None else metrics)

    from tfgan_survey.data import load_arrays
    from tfgan_survey.metrics.bench import Bench

    train, test = (
        load_arrays(dataset, split, image_size=image_size, data_dir=data_dir, source=source)
        for split in ("train", "test")
    )
    bench = Bench(
        images, labels, train, test, dataset, seed, untrained, untrained_name, data_dir=data_dir
    )
    found = []
    for i, name in enumerate(names):

        def report(share: float, i=i, name=name) -> None:
            (progress or _silent)(name, (i + share) / len(names))

        report(0.0)
        bench.progress = report
        found += METRICS[name](bench)
    return found


def _silent(name: str, done: float) -> None:
    """Report nothing."""
