"""Kernel distance between two clouds of features. NumPy only.

It works on any features. The name KID belongs to the Inception network's features only.
"""

from __future__ import annotations

import numpy as np

from tfgan_survey.metrics.base import LOWER, ClassifierMetric, yields
from tfgan_survey.metrics.bench import FEATURES, Bench
from tfgan_survey.metrics.common import Estimate, Measurement, check_pair

_MIN_BLOCKS = 10


def cubic_kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return `k(x, y) = (x . y / d + 1)^3` for all pairs, shape `(n, m)`.

    Args:
        a: `(n, d)`.
        b: `(m, d)`.
    """
    return (a @ b.T / a.shape[1] + 1.0) ** 3


def squared_mmd(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy under `cubic_kernel`; may be negative.

    Formula:
        mean_(i != j) k(a_i, a_j) + mean_(i != j) k(b_i, b_j) - 2 mean_(i, j) k(a_i, b_j)

    Args:
        a: `(n, d)`, n at least 2.
        b: `(m, d)`, m at least 2.
    """
    n, m = len(a), len(b)
    within_a, within_b = cubic_kernel(a, a), cubic_kernel(b, b)
    return float(
        (within_a.sum() - np.trace(within_a)) / (n * (n - 1))
        + (within_b.sum() - np.trace(within_b)) / (m * (m - 1))
        - 2.0 * cubic_kernel(a, b).mean()
    )


def kernel_distance(
    features_a: np.ndarray, features_b: np.ndarray, block_size: int = 1000, seed: int = 0
) -> Estimate:
    """Kernel distance: unbiased squared MMD with the cubic kernel, by disjoint blocks.

    Formula:
        mean over blocks of `squared_mmd`; standard error = std over blocks / sqrt(blocks)
    Why:
        unlike `frechet_distance` it has no bias in the number of samples: two draws from one
        distribution average to 0, so single values may be negative. Right for few samples.

    Args:
        features_a: real numbers `(n, d)`.
        features_b: real numbers `(m, d)`.
        block_size: rows of the smaller set a block, at most; default 1000 from the paper. Fewer
            rows than 10 blocks need are cut into 10 smaller ones: an error over 2 or 3 blocks
            would be a lottery.
        seed: seed of the shuffle before the rows are cut into blocks.

    Returns:
        Value and standard error over blocks.

    Raises:
        ValueError: not `(n, d)`, different d, fewer than 4 rows, block_size below 2, NaN values.

    Source:
        Binkowski et al. 2018, arXiv:1801.01401, section 4. Deviation: disjoint blocks
        instead of overlapping random subsets, so that the standard error is honest.
    """
    a, b = check_pair(features_a, features_b, "features_a", "features_b", minimum=4)
    if block_size < 2:
        raise ValueError(f"block_size={block_size}: the unbiased estimate needs at least 2 rows.")
    rows = min(len(a), len(b))
    # A pair of different rows is the least that a block can work with.
    blocks = min(max(_MIN_BLOCKS, -(-rows // block_size)), rows // 2)
    rng = np.random.default_rng(seed)
    values = [
        squared_mmd(part_a, part_b)
        for part_a, part_b in zip(
            np.array_split(rng.permutation(a), blocks),
            np.array_split(rng.permutation(b), blocks),
            strict=True,
        )
    ]
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(blocks)))


class KernelDistanceMetric(ClassifierMetric):
    """Kernel distance of features of the data set's own classifier, unbiased in the count."""

    name = "kernel_distance"
    outcomes = yields(kernel_distance=LOWER)
    default = 20

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure all samples against all test images."""

        def against_test(features: np.ndarray) -> Estimate:
            return kernel_distance(features, bench.real[0], seed=bench.seed)

        return [
            bench.measured(
                "kernel_distance",
                bench.judge_looks(against_test, FEATURES),
                f"{len(bench.images)} samples against {len(bench.real[0])} test images, features "
                f"of the {bench.network}, cubic kernel, error over blocks of at most 1,000; "
                "reference: as many training images",
            )
        ]
