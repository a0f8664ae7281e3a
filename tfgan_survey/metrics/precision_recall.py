"""Improved precision and recall: fidelity and variety apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfgan_survey.metrics.base import HIGHER, yields
from tfgan_survey.metrics.common import Estimate
from tfgan_survey.metrics.distances import squared_neighbour_radius, within
from tfgan_survey.metrics.manifold import ManifoldMetric, check_sets, share


class PrecisionRecall(NamedTuple):
    """Share of samples inside the real manifold, and of real points inside the sampled one."""

    precision: Estimate
    recall: Estimate


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall.

    Formula:
        precision = mean_j [some i: |fake_j - real_i| <= r_k(real_i)], recall with the roles
        exchanged; r_k(x) = distance from x to its k-th nearest neighbour in its own set.
    Why:
        tells blurred or broken samples (low precision) from missing variety (low recall),
        which a Frechet distance mixes. One outlier with a wide ball raises it; see
        `density_coverage` for that.

    Args:
        real: features of real images `(n, d)`.
        fake: features of samples `(m, d)`; m equal to n.
        k: neighbour that sets the radius; default 3 from the paper.

    Distances are exact where a ball's border is near (`tfgan_survey.metrics.distances`): a copy of
    a real image lies in its ball, also where that has radius 0.

    Returns:
        Precision and recall in [0, 1], each with its binomial standard error over the points that
        are judged, the manifolds held fixed.

    Raises:
        ValueError: not `(n, d)`, different d, at most k rows, NaN values, k below 1.

    Source:
        Kynkaanniemi et al. 2019, arXiv:1904.06991, Eqs. 1 and 2; there on VGG features of
        50,000 images.
    """
    real, fake = check_sets(real, fake, k)

    def inside(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
        radius = squared_neighbour_radius(centres, k)
        return np.concatenate([part.any(axis=1) for part in within(points, centres, radius)])

    return PrecisionRecall(share(inside(fake, real)), share(inside(real, fake)))


class PrecisionRecallMetric(ManifoldMetric):
    """Share of samples like real images, and of real images like samples."""

    name = "precision_recall"
    outcomes = yields(precision=HIGHER, recall=HIGHER)
    default = 40
    function, k = staticmethod(precision_recall), 3
