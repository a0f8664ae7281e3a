"""Mescheder et al. 2018: a discriminator that is flat where the data are."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.registry import Count, NotNegative
from tfgan_survey.regularizers.base import Regularizer
from tfgan_survey.regularizers.gradient_penalty import refuse_batch_norm


@keras.saving.register_keras_serializable("tfgan_survey")
class R1(Regularizer):
    """Penalise slopes at real images.

    Formula:
        L = gamma/2 E_real[||grad_x s(x)||^2]; with `every` k: k L in each k-th step, 0 in others

    Why:
        Once generated and real images agree, a discriminator without it still pushes the generator
        away; with it the game converges near that point. On small sets it keeps the discriminator
        from learning each image by heart. It costs a second pass back; `every=16` takes it to a
        sixteenth, with the same mean. The slope at one image must not depend on the others, so
        batch normalisation in the discriminator is refused.

    Args:
        weight: gamma; the paper's is 10, and images here lie in [-1, 1].
        every: steps from one penalty to the next, which then weighs as many times as much.

    Raises:
        ValueError: a negative weight, `every` below 1; from `validate`, a discriminator with batch
            normalisation.

    Source:
        Mescheder et al. 2018, arXiv:1801.04406, Eq. 9 and section 4.1; lazily: Karras et al. 2020,
        arXiv:1912.04958, section 3.1 (the rate and the moments of Adam stay as they are).
    """

    name = "r1"

    def __init__(self, weight: NotNegative = 1.0, every: Count = 1):
        self.weight = weight
        self.every = every

    def penalty(self, score_fn, real, fake, seed):
        """Return half the weighted mean squared slope at the real images."""
        real = tf.stop_gradient(tf.cast(real, tf.float32))
        with tf.GradientTape() as tape:
            tape.watch(real)
            scores = score_fn(real)
            # The sum over scores: each depends on the pixels of its own example or pack alone.
            total = tf.reduce_sum(scores)
        squares = tf.reduce_sum(tf.square(tf.cast(tape.gradient(total, real), tf.float32)))
        return 0.5 * self.weight * squares / tf.cast(tf.shape(scores)[0], tf.float32)

    def validate(self, pair) -> None:
        """Refuse a discriminator with batch normalisation, however deeply nested."""
        refuse_batch_norm(self.name, pair)
