"""Copies of the training set: samples beside their nearest training images. Scikit-learn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors

from tfgan_survey.metrics.base import Metric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import (
    Estimate,
    Measurement,
    check_images,
    to_unit,
    unit_rows,
    warn,
)
from tfgan_survey.metrics.distances import squared_by_differences
from tfgan_survey.metrics.manifold import share

THRESHOLD_IMAGES = 2000
"""Test images that set the threshold of a near copy, and samples judged by it."""


class Neighbours(NamedTuple):
    """Nearest training images of each sample, and the share of samples that are near copies."""

    distances: np.ndarray
    indices: np.ndarray
    threshold: float
    near_copies: Estimate

    @property
    def near(self) -> np.ndarray:
        """Which samples are near copies, boolean `(n,)`."""
        return self.distances[:, 0] <= self.threshold


def copy_threshold(test_distances: np.ndarray, percentile: float = 1.0) -> float:
    """Return the distance up to which a sample counts as a near copy.

    Args:
        test_distances: distance of each real test image to its nearest training image `(n,)`.
        percentile: share of test images, in percent, that lie nearer by themselves.
    """
    return float(np.percentile(test_distances, percentile))


def nearest_neighbours(
    samples: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    k: int = 5,
    percentile: float = 1.0,
) -> Neighbours:
    """Nearest training images of samples, and the share nearer than real test images come.

    Formula:
        near copies = mean_j [min_i |fake_j - train_i| <= t],
        t = the 1st percentile over test images of min_i |test - train_i|
    Why:
        held-out real images score `percentile` per cent by construction, so much more than
        that means memory. Pixel distance sees copies, not shifted or redrawn ones; and the
        share rises for blurred or simple samples too (a "1" is near some "1"), so look at
        the pairs.

    Args:
        samples: uint8 or floats in [0, 1], shape `(n, h, w, c)`.
        train: the images that the generator was trained on, same shape.
        test: real images that it was not trained on; 2,000 are enough for the threshold.
        k: neighbours kept of each sample.
        percentile: of the test distances, in percent.

    Returns:
        Distances float64 `(n, k)` ascending, with pixels in [0, 1], and training indices int64
        `(n, k)`; the threshold; the share of near copies with its binomial standard error.

    Raises:
        ValueError: wrong range, shape or type, NaN values, k not in 1..len(train), a percentile
            outside (0, 100).

    Source:
        the nearest-neighbour columns of Goodfellow et al. 2014, arXiv:1406.2661, figure 2;
        the threshold is ours.
    """
    samples = check_images(samples, "samples")
    train = check_images(train, "train", samples.shape[1:])
    test = check_images(test, "test", samples.shape[1:])
    if not 1 <= k <= len(train):
        raise ValueError(f"k={k} must lie between 1 and the {len(train)} training images.")
    if not 0 < percentile < 100:
        raise ValueError(f"percentile={percentile} must lie between 0 and 100.")
    if len(test) * percentile < 500:
        warn(
            f"{len(test)} test images: fewer than five of them set the {percentile} % threshold; "
            "it is uncertain."
        )
    rows = unit_rows(train)
    index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(rows)
    threshold = copy_threshold(_nearest(index, rows, unit_rows(test), 1)[0][:, 0], percentile)
    distances, indices = _nearest(index, rows, unit_rows(samples), k)
    return Neighbours(distances, indices, threshold, share(distances[:, 0] <= threshold))


def _nearest(
    index: NearestNeighbors, train: np.ndarray, points: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return exact distances and indices, ascending: the distance of a copy is 0."""
    indices = index.kneighbors(points, n_neighbors=k, return_distance=False)
    squared = squared_by_differences(np.repeat(points, k, axis=0), train[indices.ravel()])
    distances = np.sqrt(squared).reshape(indices.shape)
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, 1), np.take_along_axis(indices, order, 1)


def neighbour_rows(samples: np.ndarray, train: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return samples beside their neighbours, ready to be drawn as a grid.

    Args:
        samples: uint8 or floats in [0, 1], shape `(n, h, w, c)`.
        train: training images, same shape.
        indices: integers `(n, k)` from `nearest_neighbours`.

    Returns:
        float32 in [0, 1], shape `(n, k + 1, h, w, c)`: the sample first, then its neighbours.
    """
    samples, train = check_images(samples, "samples"), check_images(train, "train")
    return np.concatenate([to_unit(samples)[:, None], to_unit(train[indices])], axis=1)


class NearestNeighboursMetric(Metric):
    """Share of samples that are near copies of training images; about 1 % is the rule."""

    name = "nearest_neighbours"
    outcomes = yields(near_copies=None)

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure 2,000 samples; reference: test images that did not set the threshold."""
        train, test = bench.train.images, bench.test.images
        samples, against = bench.images[:THRESHOLD_IMAGES], test[:THRESHOLD_IMAGES]
        held_out = test[THRESHOLD_IMAGES : 2 * THRESHOLD_IMAGES]
        judged = bench.judge(
            lambda images: nearest_neighbours(images, train, against),
            (samples,),
            (held_out,) if len(held_out) else None,
        )
        return [
            bench.measured(
                "near_copies",
                judged.each(lambda one: one.near_copies),
                f"share of {len(samples)} samples nearer to one of {len(train)} training images "
                f"than the 1st percentile of {len(against)} test images, pixels in [0, 1]; "
                "reference: other test images",
                len(samples),
                threshold=judged.samples.threshold,
            )
        ]
