"""Balls around points: what precision and recall, density and coverage have in common.

Both describe a set of samples by balls around its points, each as wide as the distance to the
point's k-th nearest neighbour in the same set. Values depend on the number of samples: compare
them only at equal counts, and beside what real images score.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfgan_survey.metrics.bench import Bench
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


def measure_manifold(bench: Bench, function: Callable, k: int) -> list[Measurement]:
    """Measure both values of `function(real, fake, k)` at equal counts, with references.

    Args:
        bench: samples and real data.
        function: such as `precision_recall`; its fields are the outcomes.
        k: neighbour that sets the radius.
    """
    num = min(len(bench.images), len(bench.test.images), len(bench.train.images))
    real = bench.real[0][:num]
    fake = function(real, bench.fake[0][:num], k)
    reference = bench.reference(lambda: function(real, bench.training[0][:num], k))
    blank = None if bench.blank is None else function(real, bench.blank[0][:num], k)
    protocol = (
        f"{num} samples and {num} test images, k={k}, features of the {bench.network}, binomial "
        "error over points; reference: as many training images"
    )
    return [
        bench.measured(
            name,
            getattr(fake, name),
            protocol,
            None if reference is None else getattr(reference, name),
            None if blank is None else getattr(blank, name),
            num,
        )
        for name in fake._fields
    ]
