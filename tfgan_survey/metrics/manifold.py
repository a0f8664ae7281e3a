"""Balls around points: what precision and recall, density and coverage have in common.

Both describe a set of samples by balls around its points, each as wide as the distance to the
point's k-th nearest neighbour in the same set. Values depend on the number of samples: compare
them only at equal counts, and beside what real images score.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, ClassVar

import numpy as np

from tfgan_survey.metrics.base import ClassifierMetric
from tfgan_survey.metrics.bench import FEATURES, Bench
from tfgan_survey.metrics.common import Estimate, Measurement, check_pair, warn


def check_sets(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both sets as float64 `(n, d)`; unequal counts are warned about.

    Args:
        real: features of real images.
        fake: features of samples.
        k: neighbour that sets the radius.

    Raises:
        ValueError: not `(n, d)`, different d, at most k rows, NaN values, k below 1.
    """
    if k < 1:
        raise ValueError(f"k={k}: at least the first neighbour is needed.")
    real, fake = check_pair(real, fake, "real", "fake", minimum=k + 1)
    if len(real) != len(fake):
        warn(
            f"{len(real)} real and {len(fake)} fake rows: balls shrink as points are added, so "
            "the two sides are not measured alike. Use equal counts."
        )
    return real, fake


def share(hits: np.ndarray) -> Estimate:
    """Return the share of hits and its binomial standard error.

    Args:
        hits: boolean `(n,)`.
    """
    value = float(hits.mean())
    return Estimate(value, float(np.sqrt(value * (1 - value) / len(hits))))


class ManifoldMetric(ClassifierMetric):
    """A metric by balls of features, at equal counts.

    Attributes:
        function: judges `(real, fake, k)`; its result's fields are the outcomes.
        k: neighbour that sets the radius.
    """

    function: ClassVar[Callable[[np.ndarray, np.ndarray, int], Any]]
    k: ClassVar[int]

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure both values, as the paper does, with as many training images as reference."""
        num = min(len(bench.images), len(bench.test.images), len(bench.train.images))
        real = bench.real[0][:num]
        judged = bench.judge_looks(lambda one: self.function(real, one, self.k), FEATURES, num)
        protocol = (
            f"{num} samples and {num} test images, k={self.k}, features of the {bench.network}, "
            "binomial error over points; reference: as many training images"
        )
        return [
            bench.measured(name, judged.each(attrgetter(name)), protocol, num)
            for name in judged.samples._fields
        ]
