"""Fidelity and variety apart: improved precision and recall, density and coverage. Scikit-learn.

Both describe a set of samples by balls around its points, each as wide as the distance to the
point's k-th nearest neighbour in the same set. Values depend on the number of samples: compare
them only at equal counts, and beside what real images score.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors

from tfgan_survey.metrics.common import Estimate, check_pair, warn

_CHUNK = 1000


class PrecisionRecall(NamedTuple):
    """Share of samples inside the real manifold, and of real points inside the sampled one."""

    precision: Estimate
    recall: Estimate


class DensityCoverage(NamedTuple):
    """How densely real balls hold samples, and the share of real balls that hold any."""

    density: Estimate
    coverage: Estimate


def neighbour_radius(points: np.ndarray, k: int) -> np.ndarray:
    """Return each point's distance to its k-th nearest other point, float64 `(n,)`."""
    found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    return found.kneighbors()[0][:, -1]


def _membership(points: np.ndarray, centres: np.ndarray, radius: np.ndarray):
    """Yield boolean `(chunk, n)`: does the ball around each centre hold each point."""
    for i in range(0, len(points), _CHUNK):
        yield euclidean_distances(points[i : i + _CHUNK], centres) <= radius


def _checked(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    if k < 1:
        raise ValueError(f"k={k}: at least the first neighbour is needed.")
    real, fake = check_pair(real, fake, "real", "fake", minimum=k + 1)
    if len(real) != len(fake):
        warn(
            f"{len(real)} real and {len(fake)} fake rows: balls shrink as points are added, so "
            "the two sides are not measured alike. Use equal counts."
        )
    return real, fake


def _share(hits: np.ndarray) -> Estimate:
    share = float(hits.mean())
    return Estimate(share, float(np.sqrt(share * (1 - share) / len(hits))))


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall.

    Formula:  precision = mean_j [some i: |fake_j - real_i| <= r_k(real_i)], recall with the roles
              exchanged; r_k(x) = distance from x to its k-th nearest neighbour in its own set.
    Why:      tells blurred or broken samples (low precision) from missing variety (low recall),
              which a Frechet distance mixes. One outlier with a wide ball raises it; see
              `density_coverage` for that.

    Args:
        real: features of real images `(n, d)`.
        fake: features of samples `(m, d)`; m equal to n.
        k: neighbour that sets the radius; default 3 from the paper.

    Returns:
        Precision and recall in [0, 1], each with its binomial standard error over the points that
        are judged, the manifolds held fixed.

    Raises:
        ValueError: not `(n, d)`, different d, at most k rows, NaN values, k below 1.

    Source:   Kynkaanniemi et al. 2019, arXiv:1904.06991, Eqs. 1 and 2; there on VGG features of
              50,000 images.
    """
    real, fake = _checked(real, fake, k)

    def inside(points, centres):
        radius = neighbour_radius(centres, k)
        return np.concatenate([part.any(axis=1) for part in _membership(points, centres, radius)])

    return PrecisionRecall(_share(inside(fake, real)), _share(inside(real, fake)))


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> DensityCoverage:
    """Density and coverage.

    Formula:  density = 1 / (k m) sum_j sum_i [|fake_j - real_i| <= r_k(real_i)],
              coverage = mean_i [some j: |fake_j - real_i| <= r_k(real_i)]
    Why:      both use real balls only, so a stray sample cannot help: density counts how many
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

    Source:   Naeem et al. 2020, arXiv:2002.09797, Eqs. 3 and 4, and Lemma 2 for the expectation.
    """
    real, fake = _checked(real, fake, k)
    counts, covered = [], np.zeros(len(real), bool)
    for part in _membership(fake, real, neighbour_radius(real, k)):
        counts.append(part.sum(axis=1))
        covered |= part.any(axis=0)
    density = np.concatenate(counts) / k
    error = density.std(ddof=1) / np.sqrt(len(density))
    return DensityCoverage(Estimate(float(density.mean()), float(error)), _share(covered))
