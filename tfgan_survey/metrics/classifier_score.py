"""Classifier score: are single images recognisable, and all classes used. NumPy and SciPy."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.special import rel_entr

from tfgan_survey.metrics.base import HIGHER, ClassifierMetric, yields
from tfgan_survey.metrics.bench import PROBABILITIES, Bench
from tfgan_survey.metrics.common import Estimate, Measurement, check_points, warn


def check_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Return float64 rows that sum to 1, or say what is wrong with them.

    Args:
        probabilities: `(n, classes)`.

    Raises:
        ValueError: not `(n, classes)`, NaN, values outside [0, 1], rows that do not sum to 1.
    """
    rows = check_points(probabilities, "probabilities")
    if rows.min() < 0.0 or rows.max() > 1.0 + 1e-6:
        raise ValueError(
            f"probabilities lie in [{rows.min():.3g}, {rows.max():.3g}], not in [0, 1]; "
            "apply softmax to logits first."
        )
    off = float(np.abs(rows.sum(axis=1) - 1.0).max())
    if off > 1e-3:
        raise ValueError(
            f"rows of probabilities miss the sum 1 by up to {off:.3g}; apply softmax over classes."
        )
    return rows / rows.sum(axis=1, keepdims=True)


def classifier_score(probabilities: np.ndarray, splits: int = 10, seed: int = 0) -> Estimate:
    """Exponentiated mean divergence of the single predictions from their average.

    Formula:
        S = exp(mean_i KL(p(y|x_i) || p(y))),  p(y) = mean_i p(y|x_i)
    Why:
        between 1 (all predictions alike) and the number of classes (each certain, all
        equally frequent). Blind to variety inside a class and to copies of the training set.

    Args:
        probabilities: class probabilities `(n, classes)`, rows sum to 1.
        splits: number of equal parts for the standard error; default 10 from the paper.
        seed: seed of the shuffle before the rows are cut into parts.

    Returns:
        The score of all n rows, and the standard deviation of the parts' scores divided by
        sqrt(splits).

    Raises:
        ValueError: not `(n, classes)`, rows that are no probabilities, fewer than 2 splits, fewer
            rows than splits.

    Example:
        >>> classifier_score(np.tile(np.eye(10), (100, 1))).value  # doctest: +ELLIPSIS
        10.0...

    Source:
        Salimans et al. 2016, arXiv:1606.03498, section 4. Deviation: the value comes from
        all rows at once, since parts of n/10 rows are biased downwards.
    """
    rows = check_probabilities(probabilities)
    if splits < 2:
        raise ValueError(f"splits={splits}: a spread needs at least 2.")
    if len(rows) < splits:
        raise ValueError(f"{len(rows)} rows cannot be cut into {splits} splits; give more samples.")
    if len(rows) < splits * rows.shape[1]:
        warn(
            f"{len(rows)} rows in {splits} splits leave fewer rows than the {rows.shape[1]} "
            "classes in each: the standard error is not to be trusted."
        )

    def score(part: np.ndarray) -> float:
        return float(np.exp(rel_entr(part, part.mean(axis=0)).sum(axis=1).mean()))

    shuffled = np.random.default_rng(seed).permutation(rows)
    parts = [score(part) for part in np.array_split(shuffled, splits)]
    return Estimate(score(rows), float(np.std(parts, ddof=1) / np.sqrt(splits)))


class ClassifierScoreMetric(ClassifierMetric):
    """Are single images recognisable, and are all classes used."""

    name = "classifier_score"
    outcomes = yields(classifier_score=HIGHER)
    default = 30

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure all samples."""
        judged = bench.judge_looks(partial(classifier_score, seed=bench.seed), PROBABILITIES)
        protocol = (
            f"{len(bench.images)} samples, probabilities of the {bench.network}, error over 10 "
            "splits; reference: as many training images"
        )
        return [bench.measured("classifier_score", judged, protocol)]
