"""Norms of the code: small codes, or few units that are not zero."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.registry import NotNegative
from tfgan_survey.regularizers.code.base import CodePenalty


@keras.saving.register_keras_serializable("tfgan_survey")
class L1(CodePenalty):
    """The absolute sum of a code, which most units leave at zero.

    Formula:
        L = w mean_i sum_j |z_ij|

    Args:
        weight: w.

    Source:
        Lecture, section "Sparse AutoEncoder", its rho(a).
    """

    name = "l1"

    def __init__(self, weight: NotNegative = 0.01):
        self.weight = weight

    def penalty(self, codes, encode, images, seed):
        """Return the weighted mean absolute sum."""
        return self.weight * tf.reduce_mean(_summed(tf.abs(codes)))


@keras.saving.register_keras_serializable("tfgan_survey")
class L2(CodePenalty):
    """The squared length of a code, which pulls codes together around the origin.

    Formula:
        L = w mean_i sum_j z_ij^2

    Why:
        The lecture decodes points of a square in the code plane: only where codes lie close
        together is there something to decode between them.

    Args:
        weight: w.

    Source:
        Lecture, "generating pictures with an autoencoder".
    """

    name = "l2"

    def __init__(self, weight: NotNegative = 0.1):
        self.weight = weight

    def penalty(self, codes, encode, images, seed):
        """Return the weighted mean squared length."""
        return self.weight * tf.reduce_mean(_summed(tf.square(codes)))


def _summed(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(values, axis=list(range(1, len(values.shape))))
