"""How far reconstructions are from what they were made of. NumPy only."""

from __future__ import annotations

import numpy as np

from tfgan_survey.metrics.base import LOWER, Metric, yields
from tfgan_survey.metrics.bench import PRINCIPAL, Bench
from tfgan_survey.metrics.common import (
    Estimate,
    Measurement,
    check_images,
    mean_estimate,
    unit_rows,
)
from tfgan_survey.metrics.distances import squared_by_differences


def reconstruction_error(images: np.ndarray, made: np.ndarray) -> Estimate:
    """Mean over images of the squared error, summed over pixels.

    Formula:
        mean_i sum_p (made_ip - x_ip)^2, pixels in [0, 1]
    Why:
        the measure of the autoencoder papers. It is a sum: of images of twice the side it is about
        four times as large. A blurred reconstruction has a small error, so look at some too.

    Args:
        images: what was given, uint8 or floats in [0, 1], shape `(n, h, w, c)`.
        made: what came back, of the same shape.

    Returns:
        At least 0, with its standard error over images.

    Raises:
        ValueError: wrong range, shape or type, NaN values, not one reconstruction an image.

    Source:
        Hinton & Salakhutdinov 2006, Science 313, 504-507: 3.00 with 30 numbers a digit of MNIST,
        13.87 by principal components.
    """
    images = check_images(images)
    made = check_images(made, "made", images.shape[1:])
    if len(images) != len(made):
        raise ValueError(f"{len(made)} reconstructions of {len(images)} images; expected one each.")
    return _error(unit_rows(made), unit_rows(images))


class ReconstructionErrorMetric(Metric):
    """Squared error of reconstructed test images, summed over pixels in [0, 1]."""

    name = "reconstruction_error"
    judges = "reconstruct"
    outcomes = yields(reconstruction_error=LOWER)
    default = 80

    def measure(self, bench: Bench) -> list[Measurement]:
        """Measure all test images; references: the mean training image, principal components."""
        test, model = bench.test, bench.model
        rows = unit_rows(test.images)
        told = (test.labels,) if model.spec.conditional else ()
        found = {
            "the model": reconstruction_error(test.images, model.reconstruct(test.images, *told))
        }
        if bench.with_references:
            mean = unit_rows(bench.train.images).mean(axis=0, dtype=np.float64)
            found["mean image"] = _error(np.broadcast_to(mean, rows.shape), rows)
            if (components := bench.components) is not None:
                made = components.inverse_transform(components.transform(rows))
                found[PRINCIPAL] = _error(made, rows)
        protocol = (
            f"squared error summed over the {rows.shape[1]} numbers of an image in [0, 1], mean "
            f"over the {len(test.images)} test images, error over images; references were fitted "
            "to the training images, components are not clipped to [0, 1]"
        )
        return [bench.compared("reconstruction_error", found, protocol, len(test.images))]


def _error(made: np.ndarray, rows: np.ndarray) -> Estimate:
    return mean_estimate(squared_by_differences(made, rows))
