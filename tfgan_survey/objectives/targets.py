"""Targets of the discriminator: smoothing is a target's value, flipping is drawn here."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.layers.sampling import random_uniform


def draw_targets(
    scores: tf.Tensor,
    own: float,
    other: float,
    flip_probability: float,
    seed: keras.random.SeedGenerator | None,
) -> tf.Tensor:
    """Return one target a score: `own`, or with the probability the other side's.

    Args:
        scores: `(batch, 1)` or a patch map; the result has its shape and dtype.
        own: target of this side.
        other: target of the other side.
        flip_probability: share of scores that get the other side's target; 0 draws nothing.
        seed: randomness of the draw.

    Raises:
        ValueError: a probability above 0 without a seed.

    Source:
        survey section 5, trick 6 (occasionally flip the labels of the discriminator).
    """
    if flip_probability == 0.0:
        return tf.fill(tf.shape(scores), tf.cast(own, scores.dtype))
    if seed is None:
        raise ValueError("flip_probability needs a seed: pass seed=SeedGenerator(...).")
    draw = random_uniform(tf.shape(scores), seed)
    return tf.cast(tf.where(draw < flip_probability, other, own), scores.dtype)
