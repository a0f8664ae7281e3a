"""Could labelled samples replace the training set?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tfgan_survey.metrics.base import HIGHER, Metric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import Measurement, check_images, check_labels, to_unit
from tfgan_survey.metrics.needs import has_images, has_labels


class TrainedAccuracy(NamedTuple):
    """Mean accuracy over seeds, its standard error over seeds, and every seed's accuracy."""

    value: float
    standard_error: float
    per_seed: tuple[float, ...]


def gan_train(
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    num_classes: int = 10,
    seeds: Sequence[int] = (0, 1, 2),
    epochs: int = 10,
    progress: Callable[[float], None] | None = None,
) -> TrainedAccuracy:
    """Accuracy on real test images of a classifier that was trained on samples only.

    Why:
        recall and precision of a conditional generator in one number: classes that lack
        variety, or labels that do not fit, cost accuracy on real images. Compare with the
        same training on as many real images, never with a classifier trained on more.

    Args:
        images: samples, uint8 or floats in [0, 1], shape `(n, h, w, c)`, every class among them.
        labels: the classes that were asked for, integers `(n,)`.
        test_images: real test images of the same shape.
        test_labels: their classes.
        num_classes: number of classes.
        seeds: one training each; the spread over them is the standard error.
        epochs: passes over the samples; about 30 s a seed on one core for 10 x 10,000 images.
        progress: called with the accuracy after each seed.

    Returns:
        Mean accuracy, standard error over seeds (NaN for one seed), every seed's accuracy.

    Raises:
        ValueError: wrong range, shape or type, NaN values, a class without samples, fewer samples
            than one batch of 128, no seed.

    Source:
        Shmelkov et al. 2018, arXiv:1807.09499, section 3; the architecture and recipe are
        `metrics.classifier.train_classifier`.
    """
    from tfgan_survey.metrics.classifier import train_classifier

    if not seeds:
        raise ValueError("seeds is empty; give at least one.")
    images = check_images(images)
    labels = check_labels(labels, len(images), num_classes)
    test_images = check_images(test_images, "test_images", images.shape[1:])
    test_labels = check_labels(test_labels, len(test_images), num_classes, "test_labels")
    if images.dtype != np.uint8:
        images = np.round(images * 255).astype(np.uint8)
    test_images = to_unit(test_images)
    scores = []
    for seed in seeds:
        model = train_classifier(images, labels, num_classes, epochs=epochs, seed=seed)
        logits = model.predict(test_images, batch_size=500, verbose=0)
        scores.append(float((logits.argmax(axis=1) == test_labels).mean()))
        if progress is not None:
            progress(scores[-1])
    error = np.std(scores, ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else np.nan
    return TrainedAccuracy(float(np.mean(scores)), float(error), tuple(scores))


class GanTrainMetric(Metric):
    """Accuracy on real images of a classifier trained on samples only."""

    name = "gan_train"
    outcomes = yields(gan_train=HIGHER)
    cost = "three minutes"
    needs = (has_images, has_labels)

    def measure(self, bench: Bench) -> list[Measurement]:
        """Train three classifiers on the samples, and three on as many real images."""
        train, test, classes = bench.train, bench.test, bench.train.num_classes
        seeds = tuple(range(bench.seed, bench.seed + 3))

        def trained(images: np.ndarray, labels: np.ndarray) -> TrainedAccuracy:
            return gan_train(images, labels, test.images, test.labels, classes, seeds)

        num = min(len(bench.labels), len(train.images))
        chosen = np.random.default_rng(bench.seed).choice(len(train.images), num, replace=False)
        judged = bench.judge(
            trained, (bench.images, bench.labels), (train.images[chosen], train.labels[chosen])
        )
        protocol = (
            f"accuracy on {len(test.images)} test images of the package's classifier trained on "
            f"{len(bench.labels)} samples for 10 epochs, error over seeds {seeds}; reference: "
            f"trained on {num} real images"
        )
        return [
            bench.measured("gan_train", judged, protocol, per_seed=list(judged.samples.per_seed))
        ]
