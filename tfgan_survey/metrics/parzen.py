"""Parzen window log-likelihood: the score of the first GAN papers, with its known flaw. SciPy only.

The score rewards blur: samples smoother than the data beat the data itself. Never rank by it alone,
and never print it without the real-data line of `real_parzen_log_likelihood`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.metrics.pairwise import euclidean_distances

from tfgan_survey.metrics.base import HIGHER, Metric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import Measurement, check_images, check_points, to_unit, warn
from tfgan_survey.metrics.needs import Given, has_images

SIGMAS = tuple(np.logspace(-1, 0, 10).tolist())
NUM_SAMPLES = 10_000
NUM_SELECTION = 1_000
_CHUNK = 500


class ParzenResult(NamedTuple):
    """Mean log-likelihood in nats, its standard error over test images, the bandwidth used."""

    value: float
    standard_error: float
    sigma: float


def _vectors(images: np.ndarray, name: str, check_range: bool = True) -> np.ndarray:
    """Return float64 `(n, d)` from images or from flat vectors, in [0, 1] unless waived."""
    images = np.asarray(images)
    if images.ndim == 2 and not check_range:
        return check_points(images, name, minimum=1)
    if images.ndim == 2:
        images = images[:, None, None, :]
    return to_unit(check_images(images, name), np.float64).reshape(len(images), -1)


def _squared_distances(points: np.ndarray, samples: np.ndarray):
    """Yield the squared distances of consecutive rows of `points` to all samples."""
    norms = (samples**2).sum(axis=1)[None]
    for i in range(0, len(points), _CHUNK):
        yield euclidean_distances(
            points[i : i + _CHUNK], samples, Y_norm_squared=norms, squared=True
        )


def _log_density(squared: np.ndarray, sigma: float, dim: int) -> np.ndarray:
    log_sum = logsumexp(squared * (-0.5 / sigma**2), axis=1)
    return log_sum - np.log(squared.shape[1]) - dim * np.log(sigma * np.sqrt(2 * np.pi))


def parzen_log_density(samples: np.ndarray, points: np.ndarray, sigma: float) -> np.ndarray:
    """Log density of `points` under a Gaussian window of width `sigma` around each sample.

    Formula:
        log p(x) = logsumexp_j(-|x - s_j|^2 / (2 sigma^2)) - log n - d log(sigma sqrt(2 pi))

    Args:
        samples: uint8 or floats in [0, 1], shape `(n, h, w, c)` or `(n, d)`.
        points: as `samples`, `m` of them.
        sigma: width of every window, in the unit of pixels in [0, 1].

    Returns:
        float64 `(m,)`, in nats.

    Raises:
        ValueError: wrong range, shape or size, NaN values, sigma not positive.

    Source:
        Breuleux, Bengio and Vincent 2011; as used by Goodfellow et al. 2014.
    """
    if not (np.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma={sigma}: the width of a window is a positive number.")
    samples, points = _vectors(samples, "samples"), _vectors(points, "points")
    _same_width(samples, points=points)
    parts = _squared_distances(points, samples)
    return np.concatenate([_log_density(part, sigma, samples.shape[1]) for part in parts])


def _same_width(samples: np.ndarray, **others: np.ndarray) -> None:
    for name, other in others.items():
        if other.shape[1] != samples.shape[1]:
            raise ValueError(
                f"samples have {samples.shape[1]} pixels, {name} has {other.shape[1]}; "
                "all images must be of one size."
            )


def parzen_log_likelihood(
    samples: np.ndarray,
    validation: np.ndarray,
    test: np.ndarray,
    sigmas: Sequence[float] = SIGMAS,
    check_range: bool = True,
) -> ParzenResult:
    """Mean log-likelihood of test images under windows around samples: the protocol of 2014.

    Formula:
        sigma* = argmax over `sigmas` of the mean log density of validation[:1000];
        value = mean_i log p(test_i), standard error = std_i / sqrt(number of test images),
        log p as in `parzen_log_density`, in float64.
    Why:
        to stand beside the tables of 2014. The number of samples is part of the protocol:
        real images gain 75 nats at 50,000 samples and lose 120 at 1,000, so another count
        than 10,000 is warned about. The standard error is over test images; the spread over
        training seeds is another matter and larger.

    Args:
        samples: 10,000 generated images, uint8 or floats in [0, 1], `(n, h, w, c)` or `(n, d)`.
        validation: images not trained on, of which the first 1,000 choose sigma; for MNIST
            train[50000:60000] in the original order.
        test: test images; for MNIST all 10,000.
        sigmas: candidates; default 10 values in logspace(-1, 0).
        check_range: False lets flat samples `(n, d)` leave [0, 1], as linear reconstructions do.

    Returns:
        Value and standard error in nats, and the sigma that was chosen.

    Raises:
        ValueError: wrong range, shape or size, NaN values, no sigma or one that is not positive.

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, section 5 and Table 1, and the authors'
        `parzen_ll.py`. Deviation: float64 throughout.
    """
    sigmas = [float(sigma) for sigma in sigmas]
    if not sigmas or not all(np.isfinite(sigma) and sigma > 0 for sigma in sigmas):
        raise ValueError(f"sigmas={sigmas}: give at least one width, all positive.")
    samples = _vectors(samples, "samples", check_range)
    validation, test = _vectors(validation, "validation"), _vectors(test, "test")
    _same_width(samples, validation=validation, test=test)
    if len(samples) != NUM_SAMPLES:
        warn(
            f"{len(samples)} samples: the protocol of 2014 has {NUM_SAMPLES}, and the score "
            "depends strongly on the count; do not compare it with published numbers."
        )
    dim = samples.shape[1]
    scores = np.zeros(len(sigmas))
    for squared in _squared_distances(validation[:NUM_SELECTION], samples):
        scores += [_log_density(squared, sigma, dim).sum() for sigma in sigmas]
    sigma = sigmas[int(scores.argmax())]
    log_density = np.concatenate(
        [_log_density(squared, sigma, dim) for squared in _squared_distances(test, samples)]
    )
    error = log_density.std() / np.sqrt(len(log_density))
    return ParzenResult(float(log_density.mean()), float(error), sigma)


def real_parzen_log_likelihood(
    train: np.ndarray,
    validation: np.ndarray,
    test: np.ndarray,
    num: int = NUM_SAMPLES,
    sigmas: Sequence[float] = SIGMAS,
) -> ParzenResult:
    """What real images score when they stand in for samples: the line no honest model passes.

    Args:
        train: training images in the original order; the first `num` are used. MNIST
            train[0:10000] scores 241.2 +- 2.1.
        validation: see `parzen_log_likelihood`.
        test: see `parzen_log_likelihood`.
        num: how many; give the number of generated samples it is compared with.
        sigmas: see `parzen_log_likelihood`.

    Returns:
        As `parzen_log_likelihood`. A model above it is smoother than the data, not better.

    Raises:
        ValueError: as `parzen_log_likelihood`, or fewer than `num` training images.
    """
    if not 1 <= num <= len(train):
        raise ValueError(f"num={num} must lie between 1 and the {len(train)} training images.")
    return parzen_log_likelihood(train[:num], validation, test, sigmas)


def has_validation_images(given: Given) -> str | None:
    """Need the validation images of the protocol, which only MNIST's order of 60,000 has.

    Args:
        given: what is at hand.
    """
    if given.num_train == 60_000:
        return None
    return (
        f"the validation images train[50000:60000]; {given.dataset} has {given.num_train} training "
        "images. Use --dataset mnist."
    )


class ParzenMetric(Metric):
    """Log-likelihood by Parzen windows, the score of 2014, which rewards blur."""

    name = "parzen_log_likelihood"
    outcomes = yields(parzen_log_likelihood=HIGHER)
    needs = (has_images, has_validation_images)
    cost = "two minutes"

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure by the protocol of 2014."""
        train, test = bench.train.images, bench.test.images
        validation, num = train[50_000:], len(bench.images)
        line = min(num, 50_000)
        judged = bench.judge(
            lambda samples: parzen_log_likelihood(samples, validation, test),
            (bench.images,),
            (train[:line],),
        )
        protocol = (
            f"nats, {num} samples, sigma of logspace(-1, 0, 10) by train[50000:51000], {len(test)} "
            "test images, error over test images and not over trainings; rewards blur; reference: "
            f"train[0:{line}]"
        )
        sigma = judged.samples.sigma
        return [bench.measured("parzen_log_likelihood", judged, protocol, sigma=sigma)]
