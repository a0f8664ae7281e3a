"""Gulrajani et al. 2017: keep the critic's slope near one."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.layers.precision import at_least_float32
from tfgan_survey.layers.sampling import random_uniform
from tfgan_survey.registry import NotNegative
from tfgan_survey.regularizers.base import Regularizer

# Under the root, so that a critic of slope 0 has a finite gradient. A slope of 1 is changed by
# 5e-13, below float32's resolution.
_TINY = 1e-12


@keras.saving.register_keras_serializable("tfgan_survey")
class GradientPenalty(Regularizer):
    """Penalise slopes other than the target between real and generated images.

    Formula:
        L = w mean_i (||grad_x s(x_hat_i)||_2 - target)^2,
        x_hat_i = a_i real_i + (1 - a_i) fake_i,  a_i ~ U[0, 1]

    Why:
        It holds a WGAN's critic to Lipschitz constant 1 without the box of weight clipping. One
        norm a score, over all the pixels that it sees, in float32: those of an example, or, with
        `packing`, those of all examples of its pack, each with its own a_i. The norm of one must
        not depend on the others, so batch normalisation in the discriminator is refused.

    Args:
        weight: w; 10 is the paper's.
        target: the slope aimed at; two-sided, smaller slopes cost too.

    Raises:
        ValueError: a negative weight or target; from `validate`, a discriminator with batch
            normalisation.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, Eq. 3 and section 4.
    """

    name = "gradient_penalty"

    def __init__(self, weight: NotNegative = 10.0, target: NotNegative = 1.0):
        self.weight = weight
        self.target = target

    def penalty(self, score_fn, real, fake, seed):
        """Return the weighted mean squared distance of the slopes from the target."""
        fake = at_least_float32(fake)
        real = tf.cast(real, fake.dtype)
        share_shape = tf.concat([tf.shape(real)[:1], tf.ones(len(real.shape) - 1, tf.int32)], 0)
        share = tf.cast(random_uniform(share_shape, seed), fake.dtype)
        between = tf.stop_gradient(share * real + (1.0 - share) * fake)
        with tf.GradientTape() as tape:
            tape.watch(between)
            # The sum over scores: each depends on the pixels of its own example or pack alone.
            scores = score_fn(between)
            total = tf.reduce_sum(scores)
        gradients = at_least_float32(tape.gradient(total, between))
        squares = tf.reduce_sum(tf.square(gradients), axis=list(range(1, len(real.shape))))
        if scores.shape[0] is None or scores.shape[0] != between.shape[0]:
            # Rows of a pack follow each other. Not where each score is known to have one row: XLA
            # would fuse the sums in another order, and runs begun before would end a bit apart.
            squares = tf.reduce_sum(tf.reshape(squares, (tf.shape(scores)[0], -1)), axis=1)
        slopes = tf.sqrt(squares + _TINY)
        return self.weight * tf.reduce_mean(tf.square(slopes - self.target))

    def validate(self, pair) -> None:
        """Refuse a discriminator with batch normalisation, however deeply nested."""
        refuse_batch_norm(self.name, pair)


def refuse_batch_norm(name: str, pair) -> None:
    """Refuse a discriminator that scores the batch instead of each example.

    Args:
        name: of the regularizer that asks.
        pair: the networks.

    Raises:
        ValueError: it has batch normalisation, however deeply nested.
    """
    for layer in pair.discriminator._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            raise ValueError(
                f"{name} cannot be used with batch normalisation in the discriminator (layer "
                f"{layer.name!r}): it makes the score of one example depend on the others. Build "
                "the pair with discriminator_norm='layer' or 'none'."
            )
