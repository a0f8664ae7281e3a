"""Sliced Wasserstein distance of pixels: a distance for any image set, without a network. NumPy."""

from __future__ import annotations

import numpy as np

from tfgan_survey.metrics.base import LOWER, Metric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import Estimate, Measurement, check_images, to_unit, warn

DIRECTIONS = 512
"""As many as the paper takes for each of its scales."""
_CHUNK = 1000


def sliced_wasserstein(
    images_a: np.ndarray, images_b: np.ndarray, directions: int = DIRECTIONS, seed: int = 0
) -> Estimate:
    """Sliced Wasserstein distance between two sets of images.

    Formula:
        mean_u W1(a.u, b.u),  u uniform on the unit sphere of all pixels in [0, 1];
        W1 of two equally large sets of numbers = mean_i |sorted(a.u)_i - sorted(b.u)_i|
    Why:
        it fits every image set, because no network has to know it, and is 0 in expectation only for
        equal distributions. Pixels see colours, brightness, layout and their variety; whether an
        object can be recognised they hardly see. Where a classifier is shipped, read
        `frechet_distance` first. Finite sets of one distribution do not score 0: read it beside
        what training images score.

    Args:
        images_a: uint8 or floats in [0, 1], `(n, h, w, c)`.
        images_b: of the same shape; of the larger set the first images are taken.
        directions: number of random directions, at least 2.
        seed: seed of the directions.

    Returns:
        Mean over directions, at least 0, and its standard error over directions.

    Raises:
        ValueError: wrong range, shape or type, NaN values, fewer than 2 directions.

    Example:
        >>> images = np.random.default_rng(0).random((100, 4, 4, 3))
        >>> sliced_wasserstein(images, images).value
        0.0

    Source:
        Rabin et al. 2011; Karras et al. 2018, arXiv:1710.10196, section 5, there on patches of an
        image pyramid. Deviation: whole images.
    """
    if directions < 2:
        raise ValueError(f"directions={directions}: a spread needs at least 2.")
    images_a = check_images(images_a, "images_a")
    images_b = check_images(images_b, "images_b", images_a.shape[1:])
    num = min(len(images_a), len(images_b))
    if num < len(images_a) or num < len(images_b):
        warn(f"{len(images_a)} and {len(images_b)} images: the first {num} of each are compared.")
    size = int(np.prod(images_a.shape[1:]))
    drawn = np.random.default_rng(seed).standard_normal((size, directions))
    drawn = (drawn / np.linalg.norm(drawn, axis=0)).astype(np.float32)
    along_a, along_b = (_sorted_along(images[:num], drawn) for images in (images_a, images_b))
    distances = np.abs(along_a - along_b).mean(axis=0, dtype=np.float64)
    error = distances.std(ddof=1) / np.sqrt(directions)
    return Estimate(float(distances.mean()), float(error))


def _sorted_along(images: np.ndarray, directions: np.ndarray) -> np.ndarray:
    parts = [
        to_unit(images[i : i + _CHUNK]).reshape(len(images[i : i + _CHUNK]), -1) @ directions
        for i in range(0, len(images), _CHUNK)
    ]
    return np.sort(np.concatenate(parts), axis=0)


class SlicedWassersteinMetric(Metric):
    """Distance of pixels along random directions, for any image set."""

    name = "sliced_wasserstein"
    outcomes = yields(sliced_wasserstein=LOWER)
    default = 60

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure as many samples as there are test images, at most."""
        num = min(len(bench.images), len(bench.test.images), len(bench.train.images))
        train, test = (
            # Not the first, which may be one class only.
            one.images[np.random.default_rng(bench.seed).permutation(len(one.images))[:num]]
            for one in (bench.train, bench.test)
        )

        def against_test(images: np.ndarray) -> Estimate:
            return sliced_wasserstein(images[:num], test, seed=bench.seed)

        judged = bench.judge(
            against_test,
            (bench.images,),
            (train,),
            None if bench.untrained is None else (bench.untrained,),
        )
        protocol = (
            f"{num} samples and {num} test images, pixels in [0, 1], {DIRECTIONS} random "
            "directions, error over directions; reference: as many training images"
        )
        return [bench.measured("sliced_wasserstein", judged, protocol, num)]
