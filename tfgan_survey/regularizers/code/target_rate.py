"""Units that are on at a stated rate, by the divergence of two coins."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.registry import Inside, NotNegative
from tfgan_survey.regularizers.code.base import CodePenalty

# Keeps the logarithms of units that are always off, or always on, finite.
_TINY = 1e-6


@keras.saving.register_keras_serializable("tfgan_survey")
class TargetRate(CodePenalty):
    """The divergence of each unit's mean activation from a target rate.

    Formula:
        L = w sum_j KL(rho || q_j),  q_j = mean_i z_ij over the batch,
        KL(rho || q) = rho log(rho / q) + (1 - rho) log((1 - rho) / (1 - q))

    Args:
        rate: rho, the share of examples for which a unit should be on.
        weight: w.

    Raises:
        ValueError: from `validate`, codes that are no rates between 0 and 1.

    Source:
        Ng 2011, lecture notes on sparse autoencoders; lecture, section "Sparse AutoEncoder".
    """

    name = "target_rate"

    def __init__(self, rate: Inside = 0.05, weight: NotNegative = 1.0):
        self.rate, self.weight = rate, weight

    def penalty(self, codes, encode, images, seed):
        """Return the weighted sum of divergences."""
        mean = tf.reduce_mean(codes, axis=0)
        mean = tf.clip_by_value(mean, _TINY, 1.0 - _TINY)
        on = self.rate * (tf.math.log(self.rate) - tf.math.log(mean))
        off = (1.0 - self.rate) * (tf.math.log(1.0 - self.rate) - tf.math.log1p(-mean))
        return self.weight * tf.reduce_sum(on + off)

    def validate(self, code) -> None:
        """Refuse codes outside [0, 1]."""
        if not code.in_unit_interval:
            raise ValueError(
                "target_rate needs codes between 0 and 1: choose code=continuous with "
                "activation=sigmoid, or code=binary."
            )
