"""The squared error of the lecture, summed over an image's pixels."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.objectives.reconstruction.base import (
    OutputName,
    Reconstruction,
    activated,
    over_pixels,
)


@keras.saving.register_keras_serializable("tfgan_survey")
class SquaredError(Reconstruction):
    """The summed squared error.

    Formula:
        L(x, o) = sum_i (x_i - m_i)^2,  m = sigmoid(o) or o

    Why:
        The lecture's `(x - x~)^2`, in the unit in which Hinton and Salakhutdinov report. It is no
        likelihood; `gaussian` is.

    Args:
        output: what outputs become: `sigmoid` keeps pixels in [0, 1]; `linear` is PCA's.

    Source:
        Hinton & Salakhutdinov 2006, Science 313; lecture, section "AutoEncoder".
    """

    name = "squared_error"

    def __init__(self, output: OutputName = "sigmoid"):
        self.output = output

    def mean(self, outputs):
        """Return the images."""
        return activated(outputs, self.output)

    def per_example(self, images, outputs):
        """Return the summed squared error of each example."""
        return over_pixels(tf.square(images - self.mean(outputs)), images)
