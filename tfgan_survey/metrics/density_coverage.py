"""Density and coverage: fidelity and variety by the balls of real points only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfgan_survey.metrics.base import HIGHER, yields
from tfgan_survey.metrics.common import Estimate
from tfgan_survey.metrics.distances import squared_neighbour_radius, within
from tfgan_survey.metrics.manifold import ManifoldMetric, check_sets, share


class DensityCoverage(NamedTuple):
    """How densely real balls hold samples, and the share of real balls that hold any."""

    density: Estimate
    coverage: Estimate


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> DensityCoverage:
    """Density and coverage.

    Formula:
        density = 1 / (k m) sum_j sum_i [|fake_j - real_i| <= r_k(real_i)],
        coverage = mean_i [some j: |fake_j - real_i| <= r_k(real_i)]
    Why:
        both use real balls only, so a stray sample cannot help: density counts how many
        balls overlap at a sample (1 for identical distributions, more is possible), coverage
        the share of real images with a sample nearby (expected 1 - 1/2^k for identical
        distributions and equal counts).

    Args:
        real: features of real images `(n, d)`.
        fake: features of samples `(m, d)`; m equal to n.
        k: neighbour that sets the radius; default 5 from the paper.

    Returns:
        Density (at least 0) with its standard error over the samples, and coverage in [0, 1] with
        its binomial standard error over the real points; the real balls are held fixed.

    Raises:
        ValueError: not `(n, d)`, different d, at most k rows, NaN values, k below 1.

    Source:
        Naeem et al. 2020, arXiv:2002.09797, Eqs. 3 and 4, and Lemma 2 for the expectation.
    """
    real, fake = check_sets(real, fake, k)
    counts, covered = [], np.zeros(len(real), bool)
    for part in within(fake, real, squared_neighbour_radius(real, k)):
        counts.append(part.sum(axis=1))
        covered |= part.any(axis=0)
    density = np.concatenate(counts) / k
    error = density.std(ddof=1) / np.sqrt(len(density))
    return DensityCoverage(Estimate(float(density.mean()), float(error)), share(covered))


class DensityCoverageMetric(ManifoldMetric):
    """Precision and recall that no outlier can raise."""

    name = "density_coverage"
    outcomes = yields(density=HIGHER, coverage=HIGHER)
    default = 50
    function, k = staticmethod(density_coverage), 5
