"""Metrics on arrays: how good generated samples are, beside what real data scores.

Each is a function of arrays and usable alone. `METRICS` holds the classes that the evaluate command
measures by, each found in its own module: a new metric is a new file with a subclass of `Metric`.
Importing this package does not import TensorFlow.
"""

from __future__ import annotations

# Functions that are called like their modules have to be bound here, or the module would hide them.
from tfgan_survey.metrics.base import Metric
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.choice import default_metrics
from tfgan_survey.metrics.class_diversity import class_diversity
from tfgan_survey.metrics.classification import classification_error
from tfgan_survey.metrics.classifier_score import classifier_score
from tfgan_survey.metrics.common import Estimate, Measurement, MetricWarning
from tfgan_survey.metrics.density_coverage import density_coverage
from tfgan_survey.metrics.features import Features
from tfgan_survey.metrics.found import METRICS
from tfgan_survey.metrics.frechet import (
    frechet_distance,
    frechet_standard_error,
    real_frechet_distance,
)
from tfgan_survey.metrics.gan_test import gan_test
from tfgan_survey.metrics.gan_train import gan_train
from tfgan_survey.metrics.inception_fid import (
    InceptionStatistics,
    inception_features,
    inception_fid,
    inception_statistics,
)
from tfgan_survey.metrics.inception_weights import prepare_inception
from tfgan_survey.metrics.kernel_distance import kernel_distance
from tfgan_survey.metrics.mode_coverage import (
    gaussian_modes,
    measure_mixture,
    mixture_coverage,
    mode_coverage,
)
from tfgan_survey.metrics.nearest_neighbours import nearest_neighbours, neighbour_rows
from tfgan_survey.metrics.needs import Given
from tfgan_survey.metrics.parzen import (
    parzen_log_density,
    parzen_log_likelihood,
    real_parzen_log_likelihood,
)
from tfgan_survey.metrics.precision_recall import precision_recall
from tfgan_survey.metrics.reconstruction import reconstruction_error
from tfgan_survey.metrics.retrieval import retrieval
from tfgan_survey.metrics.sliced_wasserstein import sliced_wasserstein

__all__ = [
    "METRICS",
    "Bench",
    "Estimate",
    "Features",
    "Given",
    "InceptionStatistics",
    "Measurement",
    "Metric",
    "MetricWarning",
    "class_diversity",
    "classification_error",
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
    "reconstruction_error",
    "retrieval",
    "sliced_wasserstein",
]
