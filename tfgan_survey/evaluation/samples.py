"""Samples, as arrays or from an `.npz`, against the real data of a data set."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

from tfgan_survey.data.home import DataHome
from tfgan_survey.data.sets.own import read_npz
from tfgan_survey.errors import SettingError
from tfgan_survey.metrics import METRICS, Bench, Given, Measurement
from tfgan_survey.metrics.choice import check_metrics, default_metrics

NUM = 10_000

Progress = Callable[[str, float], None]
"""Told what is being done, and the share of all that is done."""


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
    arrays = read_npz(path, ("images",), ("labels",))
    return arrays["images"], arrays.get("labels")


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
    channels: int | None = None,
    crop: bool = False,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
    progress: Progress | None = None,
) -> list[Measurement]:
    """Measure samples against a data set; every value comes with its real-data reference.

    Args:
        images: uint8 or floats in [0, 1], shape `(n, h, w, c)`; for the data sets `ring` and `grid`
            points `(n, 2)`.
        labels: the classes that were asked for, integers `(n,)`; None if unconditional.
        dataset: name of the data set that the generator was trained on, or `ring` or `grid`.
        metrics: names in `METRICS`; default: those that take seconds and fit.
        num: use the first `num` samples; default 10,000, or all if there are fewer.
        seed: seed of the draws inside the metrics (splits, bootstrap, reference images).
        untrained: samples of a generator before training, as a second reference.
        untrained_name: what that reference is called.
        image_size: side to which the real images are resized.
        channels: that the real images are made to have.
        crop: cut out the middle of the real images instead of stretching them.
        data_dir: root of prepared data sets.
        source: where data may come from, see `tfgan_survey.data.prepare`.
        progress: called with the name of each metric before it is measured and the share of metrics
            that are done, and with what a metric that takes long is doing meanwhile.

    Returns:
        Measurements in the order of `metrics`.

    Raises:
        UnknownNameError: unknown data set or metric.
        SettingError: `num` beyond the samples, a metric that lacks what it needs, or one twice.
        ValueError: wrong range, shape or type of the samples, NaN values.
        DataError: the real data cannot be had.
    """
    images, labels = first(images, labels, num)
    home = DataHome(data_dir, source)
    train, test = (
        home.load_arrays(dataset, split, image_size, channels, crop) for split in ("train", "test")
    )
    given = Given.of(dataset, train, labels is not None, home=home)
    names = check_metrics(default_metrics(given) if metrics is None else metrics, given)
    bench = Bench(images, labels, train, test, dataset, seed, untrained, untrained_name, home=home)
    return measure(bench, names, silent if progress is None else progress)


def first(
    images: np.ndarray, labels: np.ndarray | None, num: int | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the first `num` samples and their labels; default 10,000, or all of fewer.

    Args:
        images: samples.
        labels: one a sample, or None.
        num: how many; None for the default.

    Raises:
        SettingError: more than there are, or none.
    """
    available = len(images)
    num = min(NUM, available) if num is None else num
    if not 1 <= num <= available:
        raise SettingError(f"num={num}: there are {available} samples; ask for 1 to {available}.")
    return images[:num], None if labels is None else labels[:num]


def measure(bench: Bench, names: Sequence[str], progress: Progress) -> list[Measurement]:
    """Measure by each metric in turn, saying which, how far, and what it is doing.

    Args:
        bench: samples and real data.
        names: metrics.
        progress: told what is done.
    """
    found = []
    for i, name in enumerate(names):

        def report(share: float, step: str = "", i=i, name=name) -> None:
            progress(f"{name}: {step}" if step else name, (i + share) / len(names))

        report(0.0)
        bench.progress = report
        found += METRICS[name]().measure(bench)
    return found


def part(progress: Progress, low: float, high: float) -> Progress:
    """Return a progress whose 0 to 1 are `low` to `high` of another.

    Args:
        progress: the whole.
        low: where the part begins, 0 to 1.
        high: where it ends.
    """
    return lambda step, share: progress(step, low + (high - low) * share)


def silent(step: str, share: float) -> None:
    """Report nothing.

    Args:
        step: not shown.
        share: not shown.
    """
