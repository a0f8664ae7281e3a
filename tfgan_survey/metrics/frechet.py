"""Frechet distance between two clouds of features. NumPy and SciPy.

It works on any features. The name FID belongs to the Inception network's features only, so it is
not used here.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from tfgan_survey.metrics.base import LOWER, ClassifierMetric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import Estimate, Measurement, check_pair, check_points, warn


def moments(features: np.ndarray, name: str = "features") -> tuple[np.ndarray, np.ndarray]:
    """Return mean `(d,)` and unbiased covariance `(d, d)` of features, float64.

    Args:
        features: real numbers `(n, d)`.
        name: what the message calls them.

    Raises:
        ValueError: fewer than 2 rows, not `(n, d)`, NaN or infinite values.
    """
    points = check_points(features, name)
    if len(points) <= points.shape[1]:
        warn(
            f"{name} has {len(points)} rows for {points.shape[1]} features: the covariance is "
            "singular and the Frechet distance biased upwards. Use several times more samples "
            "than features, and compare only numbers from equal sample counts."
        )
    return points.mean(axis=0), np.cov(points, rowvar=False).reshape(points.shape[1], -1)


def gaussian_frechet_distance(
    mean_a: np.ndarray, covariance_a: np.ndarray, mean_b: np.ndarray, covariance_b: np.ndarray
) -> float:
    """Frechet distance of two Gaussians given by their moments.

    Formula:
        |m_a - m_b|^2 + tr(C_a) + tr(C_b) - 2 sum_i sqrt(lambda_i),
        lambda_i the eigenvalues of C_a^(1/2) C_b C_a^(1/2)
    Why:
        the symmetric form has real eigenvalues, also for singular covariances, where the
        matrix square root of C_a C_b returns complex noise. Eigenvalues and a result that
        rounding pushed below zero are set to zero.

    Args:
        mean_a: shape `(d,)`.
        covariance_a: shape `(d, d)`, positive semi-definite.
        mean_b: shape `(d,)`.
        covariance_b: shape `(d, d)`.

    Returns:
        The squared distance, at least 0.

    Source:
        Dowson and Landau 1982; Heusel et al. 2017, arXiv:1706.08500, Eq. 6.
    """
    mean_a, mean_b = np.asarray(mean_a, np.float64), np.asarray(mean_b, np.float64)
    covariance_a = np.asarray(covariance_a, np.float64)
    covariance_b = np.asarray(covariance_b, np.float64)
    values, vectors = scipy.linalg.eigh(covariance_a)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    middle = scipy.linalg.eigvalsh(root @ covariance_b @ root)
    overlap = np.sqrt(np.maximum(middle, 0.0)).sum()
    shift = ((mean_a - mean_b) ** 2).sum()
    return float(max(shift + np.trace(covariance_a) + np.trace(covariance_b) - 2 * overlap, 0.0))


def frechet_distance(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Frechet distance between the Gaussians fitted to two sets of features.

    Formula:
        see `gaussian_frechet_distance`, with sample means and unbiased sample covariances.
    Why:
        sensitive to both quality and variety. Biased upwards by about 1/n: compare only at
        equal sample counts, and read it beside `real_frechet_distance`.

    Args:
        features_a: real numbers `(n, d)`; n well above d.
        features_b: real numbers `(m, d)`.

    Returns:
        The squared distance, at least 0.

    Raises:
        ValueError: not `(n, d)`, different d, fewer than 2 rows, NaN or infinite values.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(1000, 4))
        >>> round(frechet_distance(x, x + 1.0), 6)  # |shift|^2
        4.0

    Source:
        Heusel et al. 2017, arXiv:1706.08500, Eq. 6, on features of any network.
    """
    check_pair(features_a, features_b, "features_a", "features_b")
    return gaussian_frechet_distance(
        *moments(features_a, "features_a"), *moments(features_b, "features_b")
    )


def frechet_standard_error(
    features_a: np.ndarray, features_b: np.ndarray, resamples: int = 50, seed: int = 0
) -> float:
    """Bootstrap standard error of `frechet_distance` over the images of both sets.

    Formula:
        standard deviation of the distance over resamples, rows drawn with replacement from
        each set. The resampled values themselves are biased upwards and not returned.
        Close to zero, where the distance is mostly its own bias, the error is overstated.

    Args:
        features_a: real numbers `(n, d)`.
        features_b: real numbers `(m, d)`.
        resamples: bootstrap draws, at least 2.
        seed: seed of the draws.

    Returns:
        The standard error, in the unit of the distance.

    Raises:
        ValueError: as `frechet_distance`, or fewer than 2 resamples.
    """
    if resamples < 2:
        raise ValueError(f"resamples={resamples}: a spread needs at least 2.")
    a, b = check_pair(features_a, features_b, "features_a", "features_b")
    rng = np.random.default_rng(seed)
    values = [
        gaussian_frechet_distance(
            *moments(a[rng.integers(len(a), size=len(a))], "features_a"),
            *moments(b[rng.integers(len(b), size=len(b))], "features_b"),
        )
        for _ in range(resamples)
    ]
    return float(np.std(values, ddof=1))


def real_frechet_distance(
    train_features: np.ndarray,
    test_features: np.ndarray,
    num: int | None = None,
    draws: int = 10,
    seed: int = 0,
) -> Estimate:
    """What real data scores: the distance of `num` training images from the test images.

    Why:
        no generator can be expected to score less; without this value beside it a Frechet
        distance on home-made features says nothing.

    Args:
        train_features: real numbers `(n, d)`.
        test_features: real numbers `(m, d)`.
        num: training images a draw, without replacement; default `min(n, m)`. Give the number of
            generated samples it is to be compared with.
        draws: independent draws, at least 2.
        seed: seed of the draws.

    Returns:
        Mean over the draws, and their standard deviation: how far one draw is from the mean.

    Raises:
        ValueError: as `frechet_distance`, `num` above n, or fewer than 2 draws.
    """
    train, test = check_pair(train_features, test_features, "train_features", "test_features")
    num = min(len(train), len(test)) if num is None else num
    if not 2 <= num <= len(train):
        raise ValueError(f"num={num} must lie between 2 and the {len(train)} training rows.")
    if draws < 2:
        raise ValueError(f"draws={draws}: a spread needs at least 2.")
    rng = np.random.default_rng(seed)
    against = moments(test, "test_features")
    values = [
        gaussian_frechet_distance(
            *moments(train[rng.choice(len(train), num, replace=False)], "train_features"), *against
        )
        for _ in range(draws)
    ]
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1)))


class FrechetDistanceMetric(ClassifierMetric):
    """Frechet distance of features of the data set's own classifier."""

    name = "frechet_distance"
    outcomes = yields(frechet_distance=LOWER)
    default = 10

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure all samples against all test images."""
        fake, real = bench.fake[0], bench.real[0]
        num = min(len(fake), len(bench.train.images))

        def against_test(features: np.ndarray) -> tuple[float, float]:
            return (
                frechet_distance(features, real),
                frechet_standard_error(features, real, seed=bench.seed),
            )

        blank = None if bench.blank is None else bench.blank[:1]
        judged = bench.judge(against_test, (fake,), untrained=blank)
        line = bench.reference(
            lambda: real_frechet_distance(bench.training[0], real, num, seed=bench.seed)
        )
        return [
            bench.measured(
                "frechet_distance",
                judged._replace(real=line),
                f"{len(fake)} samples against {len(real)} test images, features of the "
                f"{bench.network}, error by bootstrap over images; reference: mean and spread of "
                f"10 draws of {num} training images",
            )
        ]
