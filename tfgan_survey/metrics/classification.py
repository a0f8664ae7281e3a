"""How often a classifier's most probable class is the wrong one. NumPy only."""

from __future__ import annotations

import numpy as np

from tfgan_survey.metrics.base import LOWER, Metric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import Estimate, Measurement, check_labels, mean_estimate


def classification_error(probabilities: np.ndarray, labels: np.ndarray) -> Estimate:
    """Share of images whose most probable class is not theirs.

    Formula:
        mean_i [argmax_k p(k | x_i) != y_i]

    Args:
        probabilities: of the classes, float `(n, num_classes)`; any scores in the same order do. Of
            equal ones the first counts.
        labels: the true classes, integers `(n,)`.

    Returns:
        In [0, 1], with its standard error over images.

    Raises:
        ValueError: wrong shape, NaN values, labels that are none of the classes.
    """
    probabilities = np.asarray(probabilities)
    if probabilities.ndim != 2 or np.isnan(probabilities).any():
        raise ValueError(
            f"probabilities have shape {probabilities.shape}, {np.isnan(probabilities).sum()} of "
            "them NaN; expected (n, num_classes) and none."
        )
    labels = check_labels(labels, *probabilities.shape, complete=False)
    return mean_estimate(probabilities.argmax(axis=1) != labels)


class ClassificationErrorMetric(Metric):
    """Share of test images that a classifier takes for another class."""

    name = "classification_error"
    judges = "classify"
    outcomes = yields(classification_error=LOWER)
    default = 100

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure all test images; reference: always the training set's most frequent class."""
        test = bench.test
        found = {"the model": classification_error(bench.model.classify(test.images), test.labels)}
        if bench.with_references:
            counts = np.bincount(bench.train.labels, minlength=bench.train.num_classes)
            always = np.broadcast_to(counts, (len(test.labels), len(counts)))
            found["most frequent class"] = classification_error(always, test.labels)
        protocol = (
            f"share of the {len(test.images)} test images whose most probable class is not their "
            "label, error over images"
        )
        return [bench.compared(self.name, found, protocol, len(test.images))]
