"""Do samples match their labels, judged by a classifier of real images?"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_survey.metrics.base import HIGHER, Metric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import Measurement, check_images, check_labels, warn
from tfgan_survey.metrics.needs import has_classifier, has_images, has_labels


class Accuracy(NamedTuple):
    """Share of right answers, its standard error, and the share inside each class (NaN: none)."""

    value: float
    standard_error: float
    per_class: np.ndarray


def gan_test(
    images: np.ndarray,
    labels: np.ndarray,
    predict: Callable[[np.ndarray], np.ndarray],
    num_classes: int = 10,
) -> Accuracy:
    """Accuracy of a classifier that was trained on real images, judging samples by their labels.

    Formula:
        mean_i [predict(x_i) = y_i]; standard error sqrt(a (1 - a) / n)
    Why:
        the precision of a conditional generator. A generator that draws one perfect digit a
        class scores 1: read it beside `gan_train` and `class_diversity`.

    Args:
        images: samples, uint8 or floats in [0, 1], shape `(n, h, w, c)`.
        labels: the classes that were asked for, integers `(n,)`.
        predict: from images to class ids `(n,)`, for example `Features("mnist").predict`.
        num_classes: number of classes.

    Returns:
        Accuracy, its standard error over samples, and the accuracy inside each class.

    Raises:
        ValueError: wrong range, shape or type of images or labels, NaN values.

    Source:
        Shmelkov et al. 2018, arXiv:1807.09499, section 3.
    """
    images = check_images(images)
    labels = check_labels(labels, len(images), num_classes, complete=False)
    missing = np.setdiff1d(np.arange(num_classes), labels).tolist()
    if missing:
        warn(f"no sample of class {', '.join(map(str, missing))}: the accuracy says nothing of it.")
    right = np.asarray(predict(images)) == labels
    per_class = np.full(num_classes, np.nan)
    for label in np.unique(labels):
        per_class[label] = right[labels == label].mean()
    share = float(right.mean())
    return Accuracy(share, float(np.sqrt(share * (1 - share) / len(right))), per_class)


class GanTestMetric(Metric):
    """Accuracy of the data set's classifier on samples: do they match their labels."""

    name = "gan_test"
    outcomes = yields(gan_test=HIGHER)
    needs = (has_images, has_classifier, has_labels)
    default = 70

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure all samples."""
        test, predict, classes = bench.test, bench.features.predict, bench.train.num_classes
        judged = bench.judge(
            lambda images, labels: gan_test(images, labels, predict, classes),
            (bench.images, bench.labels),
            (test.images, test.labels),
        )
        protocol = (
            f"accuracy of the {bench.network} on {len(bench.labels)} samples, binomial error; "
            f"reference: the {len(test.images)} test images"
        )
        per_class = [None if np.isnan(one) else float(one) for one in judged.samples.per_class]
        return [bench.measured("gan_test", judged, protocol, per_class=per_class)]
