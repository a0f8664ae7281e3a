"""How sharp pictures are: the strength of their edges. NumPy only."""

from __future__ import annotations

import numpy as np

from tfgan_survey.metrics.base import HIGHER, Metric, yields
from tfgan_survey.metrics.common import Estimate, check_images, mean_estimate, unit_rows


def sharpness(images: np.ndarray) -> Estimate:
    """Mean over images of the variance of their Laplacian.

    Formula:
        mean_i Var_p (x * K)_ip,  K = [[0, 1, 0], [1, -4, 1], [0, 1, 0]], pixels in [0, 1]
    Why:
        the lecture's charge against the variational autoencoder is that its images are averages;
        an average has weak edges. Noise has strong ones: read it beside real images, of which it
        should not be more, and beside a Frechet distance.

    Args:
        images: uint8 or floats in [0, 1], shape `(n, h, w, c)`, at least 3x3.

    Returns:
        At least 0, with its standard error over images.

    Raises:
        ValueError: wrong range, shape or type, NaN values.

    Source:
        Pech-Pacheco et al. 2000, ICPR, "variance of Laplacian".
    """
    images = check_images(images)
    x = unit_rows(images).reshape(images.shape)
    inner = x[:, 1:-1, 1:-1]
    around = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
    return mean_estimate((around - 4.0 * inner).reshape(len(x), -1).var(axis=1))


class SharpnessMetric(Metric):
    """Variance of the Laplacian: strength of edges, to be read beside real images."""

    name = "sharpness"
    outcomes = yields(sharpness=HIGHER)

    def measure(self, bench):
        """Measure the samples; references: as many training images, an untrained generator's."""
        found = bench.judge(
            sharpness,
            (bench.images,),
            (bench.train.images[: len(bench.images)],),
            None if bench.untrained is None else (bench.untrained,),
        )
        protocol = (
            "Mean over images of the variance of the Laplacian (four neighbours, without the "
            "border), pixels in [0, 1]; standard error over images."
        )
        return [bench.measured(self.name, found, protocol)]
