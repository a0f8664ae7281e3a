"""The metrics by name, as the evaluate command calls them: samples in, measurements out.

Each function of `METRICS` takes a `Bench` and returns measurements, every one with its protocol and
with what real images score under that same protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfgan_survey.errors import SettingError
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.class_conditional import class_diversity, gan_test, gan_train
from tfgan_survey.metrics.classifier_score import classifier_score
from tfgan_survey.metrics.common import Estimate, Measurement
from tfgan_survey.metrics.frechet import (
    frechet_distance,
    frechet_standard_error,
    kernel_distance,
    real_frechet_distance,
)
from tfgan_survey.metrics.inception_fid import measure_inception_fid
from tfgan_survey.metrics.mode_coverage import ModeCoverage, mixture_coverage
from tfgan_survey.metrics.nearest_neighbours import nearest_neighbours
from tfgan_survey.metrics.parzen import parzen_log_likelihood, real_parzen_log_likelihood
from tfgan_survey.metrics.precision_recall import density_coverage, precision_recall
from tfgan_survey.registry import Registry

_NEIGHBOUR_SAMPLES = 2000


def _measure_frechet(bench: Bench) -> list[Measurement]:
    fake, real = bench.fake[0], bench.real[0]
    num = min(len(fake), len(bench.train.images))
    return [
        bench.measured(
            "frechet_distance",
            (frechet_distance(fake, real), frechet_standard_error(fake, real, seed=bench.seed)),
            f"{len(fake)} samples against {len(real)} test images, features of the "
            f"{bench.network}, error by bootstrap over images; reference: mean and spread of 10 "
            f"draws of {num} training images",
            bench.reference(
                lambda: real_frechet_distance(bench.training[0], real, num, seed=bench.seed),
            ),
            None
            if bench.blank is None
            else (
                frechet_distance(bench.blank[0], real),
                frechet_standard_error(bench.blank[0], real, seed=bench.seed),
            ),
        )
    ]


def _measure_kernel(bench: Bench) -> list[Measurement]:
    def against_test(features: np.ndarray) -> Estimate:
        return kernel_distance(features, bench.real[0], seed=bench.seed)

    return [
        bench.measured(
            "kernel_distance",
            against_test(bench.fake[0]),
            f"{len(bench.images)} samples against {len(bench.real[0])} test images, features of "
            f"the {bench.network}, cubic kernel, error over blocks of at most 1,000; "
            "reference: as many training images",
            bench.reference(lambda: against_test(bench.training[0][: len(bench.images)])),
            None if bench.blank is None else against_test(bench.blank[0]),
        )
    ]


def _measure_score(bench: Bench) -> list[Measurement]:
    return [
        bench.measured(
            "classifier_score",
            classifier_score(bench.fake[1], seed=bench.seed),
            f"{len(bench.images)} samples, probabilities of the {bench.network}, error over 10 "
            "splits; reference: as many training images",
            bench.reference(
                lambda: classifier_score(bench.training[1][: len(bench.images)], seed=bench.seed),
            ),
            None if bench.blank is None else classifier_score(bench.blank[1], seed=bench.seed),
        )
    ]


def _measure_manifold(bench: Bench, function: Callable, k: int) -> list[Measurement]:
    num = min(len(bench.images), len(bench.test.images), len(bench.train.images))
    real = bench.real[0][:num]
    fake = function(real, bench.fake[0][:num], k)
    reference = bench.reference(lambda: function(real, bench.training[0][:num], k))
    blank = None if bench.blank is None else function(real, bench.blank[0][:num], k)
    protocol = (
        f"{num} samples and {num} test images, k={k}, features of the {bench.network}, binomial "
        "error over points; reference: as many training images"
    )
    return [
        bench.measured(
            name,
            getattr(fake, name),
            protocol,
            None if reference is None else getattr(reference, name),
            None if blank is None else getattr(blank, name),
            num,
        )
        for name in fake._fields
    ]


def _measure_precision_recall(bench: Bench) -> list[Measurement]:
    return _measure_manifold(bench, precision_recall, 3)


def _measure_density_coverage(bench: Bench) -> list[Measurement]:
    return _measure_manifold(bench, density_coverage, 5)


def _measure_parzen(bench: Bench) -> list[Measurement]:
    images, test = bench.train.images, bench.test.images
    if len(images) != 60_000:
        raise SettingError(
            f"parzen_log_likelihood needs the validation images train[50000:60000]; {bench.dataset}"
            f" has {len(images)} training images. Use --dataset mnist."
        )
    validation, num = images[50_000:], len(bench.images)
    result = parzen_log_likelihood(bench.images, validation, test)
    real = bench.reference(
        lambda: real_parzen_log_likelihood(images, validation, test, min(num, 50_000)),
    )
    return [
        bench.measured(
            "parzen_log_likelihood",
            result[:2],
            f"nats, {num} samples, sigma of logspace(-1, 0, 10) by train[50000:51000], "
            f"{len(test)} test images, error over test images and not over trainings; rewards "
            f"blur; reference: train[0:{min(num, 50_000)}]",
            None if real is None else real[:2],
            sigma=result.sigma,
        )
    ]


def _measure_gan_test(bench: Bench) -> list[Measurement]:
    labels = bench.asked_labels("gan_test")
    predict, classes = bench.features.predict, bench.train.num_classes
    result = gan_test(bench.images, labels, predict, classes)
    real = bench.reference(lambda: gan_test(bench.test.images, bench.test.labels, predict, classes))
    return [
        bench.measured(
            "gan_test",
            result[:2],
            f"accuracy of the {bench.network} on {len(labels)} samples, binomial error; "
            f"reference: the {len(bench.test.images)} test images",
            None if real is None else real[:2],
            per_class=[None if np.isnan(one) else float(one) for one in result.per_class],
        )
    ]


def _measure_gan_train(bench: Bench) -> list[Measurement]:
    labels = bench.asked_labels("gan_train")
    test, classes = bench.test, bench.train.num_classes
    seeds = tuple(range(bench.seed, bench.seed + 3))
    result = gan_train(bench.images, labels, test.images, test.labels, classes, seeds)
    num = min(len(labels), len(bench.train.images))
    chosen = np.random.default_rng(bench.seed).choice(len(bench.train.images), num, replace=False)
    real = bench.reference(
        lambda: gan_train(
            bench.train.images[chosen],
            bench.train.labels[chosen],
            test.images,
            test.labels,
            classes,
            seeds,
        ),
    )
    return [
        bench.measured(
            "gan_train",
            result[:2],
            f"accuracy on {len(test.images)} test images of the package's classifier trained on "
            f"{len(labels)} samples for 10 epochs, error over seeds {seeds}; reference: trained "
            f"on {num} real images",
            None if real is None else real[:2],
            per_seed=list(result.per_seed),
        )
    ]


def _measure_diversity(bench: Bench) -> list[Measurement]:
    labels, test = bench.asked_labels("class_diversity"), bench.test
    train, classes = bench.train, bench.train.num_classes
    num = min(len(labels), len(train.images))
    real = bench.reference(
        lambda: class_diversity(
            train.images[:num], train.labels[:num], test.images, test.labels, classes
        ),
    )
    result = class_diversity(bench.images, labels, test.images, test.labels, classes)
    protocol = (
        "mean pixel distance of two samples of a class over that of two test images, mean over "
        f"classes (worst: the lowest class); reference: train[0:{num}]"
    )
    return [
        bench.measured(
            "class_diversity",
            (result.mean, None),
            protocol,
            None if real is None else (real.mean, None),
        ),
        bench.measured(
            "worst_class_diversity",
            (result.worst, None),
            protocol,
            None if real is None else (real.worst, None),
            worst_class=result.worst_class,
        ),
    ]


def _measure_near_copies(bench: Bench) -> list[Measurement]:
    test = bench.test.images
    samples = bench.images[:_NEIGHBOUR_SAMPLES]
    result = nearest_neighbours(samples, bench.train.images, test[:_NEIGHBOUR_SAMPLES])
    held_out = test[_NEIGHBOUR_SAMPLES : 2 * _NEIGHBOUR_SAMPLES]
    real = None
    if len(held_out):
        real = bench.reference(
            lambda: (
                nearest_neighbours(
                    held_out, bench.train.images, test[:_NEIGHBOUR_SAMPLES]
                ).near_copies
            ),
        )
    return [
        bench.measured(
            "near_copies",
            result.near_copies,
            f"share of {len(samples)} samples nearer to one of {len(bench.train.images)} training "
            f"images than the 1st percentile of {len(test[:_NEIGHBOUR_SAMPLES])} test images, "
            "pixels in [0, 1]; reference: other test images",
            real,
            num=len(samples),
            threshold=result.threshold,
        )
    ]


def measure_mixture(points: np.ndarray, mixture: Any, seed: int = 0) -> list[Measurement]:
    """Measure samples of a 2-D mixture: modes, share of high-quality points, reverse KL.

    Args:
        points: samples `(n, d)`.
        mixture: `tfgan_survey.data.GaussianMixture` with one deviation for all modes.
        seed: seed of the reference draw from the mixture itself.

    Returns:
        `modes`, `high_quality` and `reverse_kl`, each beside a draw of as many true points.

    Raises:
        ValueError: points of another shape, NaN values.
    """
    centres, deviation = mixture.modes, float(mixture.sigma[0])
    got = mixture_coverage(points, centres, deviation)
    real = mixture_coverage(mixture.sample(len(points), seed=seed), centres, deviation)
    protocol = (
        f"{len(points)} points, {len(centres)} modes, good within 3 deviations of {deviation:g} of "
        "the nearest mode, a mode counts from its first good point, reverse KL of good points"
    )

    def both(read: Callable[[ModeCoverage], tuple]) -> tuple:
        return read(got), read(real)

    found = {
        "modes": both(lambda one: (one.modes, None)),
        "high_quality": both(lambda one: one.high_quality),
        "reverse_kl": both(lambda one: (one.reverse_kl, None)),
    }
    return [
        Measurement(
            name,
            value[0],
            value[1],
            len(points),
            seed,
            protocol,
            (Measurement("true mixture", reference[0], reference[1], len(points), seed, protocol),),
            {"num_modes": len(centres)},
        )
        for name, (value, reference) in found.items()
    ]


METRICS: Mapping[str, Callable[[Bench], list[Measurement]]] = Registry(
    "metric",
    {
        "frechet_distance": _measure_frechet,
        "kernel_distance": _measure_kernel,
        "classifier_score": _measure_score,
        "precision_recall": _measure_precision_recall,
        "density_coverage": _measure_density_coverage,
        "parzen_log_likelihood": _measure_parzen,
        "gan_test": _measure_gan_test,
        "gan_train": _measure_gan_train,
        "class_diversity": _measure_diversity,
        "nearest_neighbours": _measure_near_copies,
        "inception_fid": measure_inception_fid,
    },
)

DEFAULT = (
    "frechet_distance",
    "kernel_distance",
    "classifier_score",
    "precision_recall",
    "density_coverage",
)
"""Metrics that take seconds; `gan_test` and `class_diversity` join them where there are labels."""


def default_metrics(labelled: bool) -> list[str]:
    """Return the names that are measured when none are given."""
    return [*DEFAULT, *(["gan_test", "class_diversity"] if labelled else [])]
