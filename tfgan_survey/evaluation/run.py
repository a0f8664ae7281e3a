"""Evaluate in one call: a run, a model or a file of samples."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tfgan_survey.evaluation.samples import Progress
from tfgan_survey.evaluation.target import Target
from tfgan_survey.metrics.common import Measurement


def evaluate(
    target: str | os.PathLike | Target,
    dataset: str | None = None,
    metrics: Sequence[str] | None = None,
    num: int | None = None,
    seed: int = 0,
    *,
    data_dir: str | os.PathLike | None = None,
    source: str = "auto",
    progress: Progress | None = None,
) -> list[Measurement]:
    """Measure a run folder, a `.keras` file or an `.npz` of samples.

    A run is compared with its own generator before training; for an `.npz`, which names none, an
    untrained `survey_gan` stands in.

    Args:
        target: what to measure; a `Target` brings its own data set and seed.
        dataset: see `Target`.
        metrics: see `Target.evaluate`.
        num: see `Target.evaluate`.
        seed: see `Target`.
        data_dir: see `Target`.
        source: see `Target`.
        progress: see `Target.evaluate`.

    Returns:
        Measurements in the order of `metrics`.

    Raises:
        DataError: the `.npz` or the real data cannot be read.
        RunError: there is no model to load.
        UnknownNameError: an unknown metric.
        SettingError: see `Target.evaluate`.
    """
    if not isinstance(target, Target):
        target = Target(target, dataset, seed, data_dir=data_dir, source=source)
    return target.evaluate(metrics, num, progress)


evaluate_run = evaluate
"""The same: a run is one of the things that can be evaluated."""
