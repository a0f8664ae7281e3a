"""Arjovsky et al. 2017: keep the critic's weights in a box."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.registry import Positive
from tfgan_survey.regularizers.base import Regularizer


@keras.saving.register_keras_serializable("tfgan_survey")
class WeightClipping(Regularizer):
    """Clip every trainable weight of the discriminator after its update.

    Formula:
        w <- min(max(w, -c), c), biases and normalisation scales included

    Why:
        weights in a box make the critic Lipschitz, with a constant that depends on the
        architecture. A small box slows it down, a large one lets gradients grow; the
        gradient penalty is the later remedy.

    Args:
        clip_value: c.

    Raises:
        ValueError: a bound that is not positive.

    Source:
        Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1, line 7. Departure: clipped after each
        update, where the authors' code clips before it; the first step differs.
    """

    name = "weight_clipping"

    def __init__(self, clip_value: Positive = 0.01):
        self.clip_value = clip_value

    def project(self, discriminator: keras.Model) -> None:
        """Move weights outside [-c, c] to the nearest bound; leave those inside as they are."""
        for variable in discriminator.trainable_variables:
            variable.assign(tf.clip_by_value(variable.value, -self.clip_value, self.clip_value))
