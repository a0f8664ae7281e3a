"""Test log-likelihood of models with a bound, by importance sampling."""

from __future__ import annotations

import numpy as np

from tfgan_survey.errors import SettingError
from tfgan_survey.metrics.base import LOWER, Metric, yields
from tfgan_survey.metrics.common import mean_estimate

NUM_SAMPLES = 200


class LogLikelihood(Metric):
    """Nats of a test image, `-log p(x)`, by importance sampling.

    Formula:
        -1/n sum_i log 1/k sum_j p(x_i | z_ij) p(z_ij) / q(z_ij | x_i),  z_ij ~ q(z | x_i)

    Why:
        An upper bound in the mean, and lower the more samples are drawn; compare numbers of one k
        only. A Bernoulli decoder has no likelihood of grey values: data of two values alone.

    Source:
        Burda et al. 2016, arXiv:1509.00519, section 5.1.
    """

    name = "negative_log_likelihood"
    outcomes = yields(negative_log_likelihood=LOWER)
    judges = "likelihood"
    cost = "minutes"
    num_samples = NUM_SAMPLES

    def measure(self, bench):
        """Return the mean over test images and its standard error."""
        model, test = bench.model, bench.test
        check_binary(test.images, model.reconstruction.name, bench.dataset)
        labels = test.labels if model.spec.conditional else None
        found = -model.log_likelihood(test.images, labels, self.num_samples, bench.seed)
        protocol = (
            f"Mean over {len(found):,} test images of -log p(x) in nats, importance sampling with "
            f"{self.num_samples} samples from the encoder's Gaussian; standard error over images."
        )
        return [bench.measured(self.name, mean_estimate(found), protocol, num=len(found))]


def check_binary(images: np.ndarray, reconstruction: str, dataset: str) -> None:
    """Refuse grey values where a decoder's likelihood is of two values.

    Args:
        images: uint8.
        reconstruction: name of the decoder's likelihood.
        dataset: for the message.

    Raises:
        SettingError: grey values and a Bernoulli decoder.
    """
    if reconstruction == "bernoulli" and not np.isin(images, (0, 255)).all():
        raise SettingError(
            f"negative_log_likelihood of a Bernoulli decoder needs pixels that are 0 or 1; "
            f"{dataset} has grey values. Train and measure on binarised_mnist."
        )
