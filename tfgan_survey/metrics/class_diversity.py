"""Do samples of one class vary as real images do?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.metrics import pairwise_distances_chunked

from tfgan_survey.metrics.base import Metric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import Measurement, check_images, check_labels, to_unit
from tfgan_survey.metrics.needs import has_images, has_labels


class ClassDiversity(NamedTuple):
    """Spread inside a class as a share of the real spread: mean over classes, and the worst one."""

    mean: float
    worst: float
    worst_class: int
    per_class: np.ndarray


def mean_pairwise_distance(images: np.ndarray) -> float:
    """Mean Euclidean distance over all pairs of different images, pixels in [0, 1].

    Args:
        images: uint8 or floats in [0, 1], `(n, h, w, c)`, n at least 2.
    """
    rows = to_unit(images, np.float64).reshape(len(images), -1)
    total = sum(part.sum() for part in pairwise_distances_chunked(rows))
    return float(total / (len(rows) * (len(rows) - 1)))


def class_diversity(
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    num_classes: int = 10,
) -> ClassDiversity:
    """Spread of the samples inside each class, as a share of the spread of real images.

    Formula:
        ratio_c = mean_(i != j, y = c) |x_i - x_j| of samples / the same of test images
    Why:
        near 0 for a generator that draws one picture a class, 1 for real images; above 1
        the samples are noisier or stranger than the data. Pixels in [0, 1].

    Args:
        images: samples, uint8 or floats in [0, 1], shape `(n, h, w, c)`.
        labels: their classes, integers `(n,)`; every class at least twice.
        test_images: real images of the same shape.
        test_labels: their classes.
        num_classes: number of classes.

    Returns:
        Mean ratio over classes, the lowest ratio and its class, all ratios `(num_classes,)`.

    Raises:
        ValueError: wrong range, shape or type, NaN values, a class with fewer than two images.
    """
    images = check_images(images)
    labels = check_labels(labels, len(images), num_classes)
    test_images = check_images(test_images, "test_images", images.shape[1:])
    test_labels = check_labels(test_labels, len(test_images), num_classes, "test_labels")
    for name, ids in (("labels", labels), ("test_labels", test_labels)):
        single = np.flatnonzero(np.bincount(ids, minlength=num_classes) < 2).tolist()
        if single:
            raise ValueError(f"{name} has one image only of class {single}; a pair is needed.")
    ratios = np.array(
        [
            mean_pairwise_distance(images[labels == label])
            / mean_pairwise_distance(test_images[test_labels == label])
            for label in range(num_classes)
        ]
    )
    worst = int(ratios.argmin())
    return ClassDiversity(float(ratios.mean()), float(ratios[worst]), worst, ratios)


class ClassDiversityMetric(Metric):
    """Spread inside each class beside that of real images; 1 is best, not more."""

    name = "class_diversity"
    outcomes = yields(class_diversity=None, worst_class_diversity=None)
    needs = (has_images, has_labels)
    default = 80

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure mean and worst class."""
        train, test, classes = bench.train, bench.test, bench.train.num_classes
        # Data sorted by class would leave classes out of their first so many images.
        of_class = [np.flatnonzero(train.labels == label) for label in range(classes)]
        counts = np.bincount(bench.labels, minlength=classes)
        rows = np.concatenate([ids[:count] for ids, count in zip(of_class, counts, strict=True)])

        def diversity(images: np.ndarray, labels: np.ndarray) -> ClassDiversity:
            return class_diversity(images, labels, test.images, test.labels, classes)

        judged = bench.judge(
            diversity, (bench.images, bench.labels), (train.images[rows], train.labels[rows])
        )
        protocol = (
            "mean pixel distance of two samples of a class over that of two test images, mean over "
            "classes (worst: the lowest class); reference: as many training images of each class, "
            "its first"
        )
        mean = judged.each(lambda one: (one.mean, None))
        worst = judged.each(lambda one: (one.worst, None))
        return [
            bench.measured("class_diversity", mean, protocol),
            bench.measured(
                "worst_class_diversity", worst, protocol, worst_class=judged.samples.worst_class
            ),
        ]
