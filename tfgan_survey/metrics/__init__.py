"""Metrics on arrays: how good generated samples are, beside what real data scores.

Each is a function of arrays and usable alone. `METRICS` holds them by name as the evaluate command
calls them. Importing this package does not import TensorFlow: `Features`, which needs it, is looked
up when it is first used (PEP 562).
"""

from __future__ import annotations

# Functions that are called like their modules have to be bound here, or the module would hide them.
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.class_conditional import class_diversity, gan_test, gan_train
from tfgan_survey.metrics.classifier_score import classifier_score
from tfgan_survey.metrics.common import Estimate, Measurement, MetricWarning
from tfgan_survey.metrics.frechet import (
    frechet_distance,
    frechet_standard_error,
    kernel_distance,
    real_frechet_distance,
)
from tfgan_survey.metrics.inception_fid import (
    InceptionStatistics,
    inception_features,
    inception_fid,
    inception_statistics,
)
from tfgan_survey.metrics.inception_weights import prepare_inception
from tfgan_survey.metrics.mode_coverage import gaussian_modes, mixture_coverage, mode_coverage
from tfgan_survey.metrics.nearest_neighbours import nearest_neighbours, neighbour_rows
from tfgan_survey.metrics.parzen import (
    parzen_log_density,
    parzen_log_likelihood,
    real_parzen_log_likelihood,
)
from tfgan_survey.metrics.precision_recall import density_coverage, precision_recall
from tfgan_survey.metrics.suite import METRICS, default_metrics, measure_mixture

__all__ = [
    "METRICS",
    "Bench",
    "Estimate",
    "Features",
    "InceptionStatistics",
    "Measurement",
    "MetricWarning",
    "class_diversity",
    "classifier_score",
    "default_metrics",
    "density_coverage",
    "frechet_distance",
    "frechet_standard_error",
    "gan_test",
    "gan_train",
    "gaussian_modes",
    "inception_features",
    "inception_fid",
    "inception_statistics",
    "kernel_distance",
    "measure_mixture",
    "mixture_coverage",
    "mode_coverage",
    "nearest_neighbours",
    "neighbour_rows",
    "parzen_log_density",
    "parzen_log_likelihood",
    "precision_recall",
    "prepare_inception",
    "real_frechet_distance",
    "real_parzen_log_likelihood",
]


def __getattr__(name: str):
    if name != "Features":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tfgan_survey.metrics.features import Features

    return Features
