"""Do samples match their labels, and could they replace the training set? And do they vary?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.metrics import pairwise_distances_chunked

from tfgan_survey.metrics.common import (
    check_images,
    check_labels,
    to_unit,
    warn,
)


class Accuracy(NamedTuple):
    """Share of right answers, its standard error, and the share inside each class (NaN: none)."""

    value: float
    standard_error: float
    per_class: np.ndarray


class TrainedAccuracy(NamedTuple):
    """Mean accuracy over seeds, its standard error over seeds, and every seed's accuracy."""

    value: float
    standard_error: float
    per_seed: tuple[float, ...]


class ClassDiversity(NamedTuple):
    """Spread inside a class as a share of the real spread: mean over classes, and the worst one."""

    mean: float
    worst: float
    worst_class: int
    per_class: np.ndarray


def gan_test(
    images: np.ndarray,
    labels: np.ndarray,
    predict: Callable[[np.ndarray], np.ndarray],
    num_classes: int = 10,
) -> Accuracy:
    """Accuracy of a classifier that was trained on real images, judging samples by their labels.

    Formula:  mean_i [predict(x_i) = y_i]; standard error sqrt(a (1 - a) / n)
    Why:      the precision of a conditional generator. A generator that draws one perfect digit a
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

    Source:   Shmelkov et al. 2018, arXiv:1807.09499, section 3.
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

    Why:      recall and precision of a conditional generator in one number: classes that lack
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

    Source:   Shmelkov et al. 2018, arXiv:1807.09499, section 3; the architecture and recipe are
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


def mean_pairwise_distance(images: np.ndarray) -> float:
    """Mean Euclidean distance over all pairs of different images, pixels in [0, 1]."""
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

    Formula:  ratio_c = mean_(i != j, y = c) |x_i - x_j| of samples / the same of test images
    Why:      near 0 for a generator that draws one picture a class, 1 for real images; above 1
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
