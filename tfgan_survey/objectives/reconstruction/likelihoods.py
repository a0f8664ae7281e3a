"""Decoders as distributions: pixels that are 0 or 1, and grey values with Gaussian noise."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from tfgan_survey.objectives.reconstruction.base import (
    OutputName,
    Reconstruction,
    activated,
    over_pixels,
)
from tfgan_survey.registry import Positive


@keras.saving.register_keras_serializable("tfgan_survey")
class Bernoulli(Reconstruction):
    """The likelihood of pixels that are 0 or 1; the cross-entropy where they are grey.

    Formula:
        L(x, o) = sum_i softplus(o_i) - x_i o_i = -sum_i [x_i log p_i + (1 - x_i) log(1 - p_i)],
        p = sigmoid(o)

    Why:
        Of grey values it is no log-likelihood, though often so called: train and measure on
        binarised images where nats are compared.

    Source:
        Kingma & Welling 2014, arXiv:1312.6114, appendix C.1.
    """

    name = "bernoulli"
    is_likelihood = True

    def __init__(self):
        pass

    def mean(self, outputs):
        """Return the probabilities."""
        return tf.sigmoid(outputs)

    def per_example(self, images, outputs):
        """Return `-log p(x | z)` of each example."""
        return over_pixels(tf.math.softplus(outputs) - images * outputs, images)


@keras.saving.register_keras_serializable("tfgan_survey")
class Gaussian(Reconstruction):
    """The likelihood of grey values around a decoded mean.

    Formula:
        L(x, o) = sum_i (x_i - m_i)^2 / (2 s^2) + log(s sqrt(2 pi)),  m = sigmoid(o) or o

    Why:
        Twice this with s = 1, less its constant, is the lecture's squared error, beside which its
        `c` is twice the divergence: the lecture's loss is twice this bound.

    Args:
        stddev: s, in units of the pixels' range; the smaller, the less the prior counts.
        output: what outputs become.

    Source:
        Kingma & Welling 2014, arXiv:1312.6114, appendix C.2, with one fixed deviation.
    """

    name = "gaussian"
    is_likelihood = True

    def __init__(self, stddev: Positive = 1.0, output: OutputName = "sigmoid"):
        self.stddev, self.output = stddev, output

    def mean(self, outputs):
        """Return the means."""
        return activated(outputs, self.output)

    def per_example(self, images, outputs):
        """Return `-log p(x | z)` of each example."""
        squares = tf.square(images - self.mean(outputs)) / (2.0 * self.stddev**2)
        constant = math.log(self.stddev) + 0.5 * math.log(2.0 * math.pi)
        return over_pixels(squares + constant, images)
