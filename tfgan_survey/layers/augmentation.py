"""Changes of training images that leave what they show: mirrored, moved a little."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.layers.sampling import random_uniform


def flipped(images: tf.Tensor, seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Mirror each image left to right with probability 1/2.

    Args:
        images: `(batch, h, w, c)`.
        seed: of the draws; advances by one draw.

    Returns:
        The same shape.
    """
    turned = random_uniform((tf.shape(images)[0], 1, 1, 1), seed) < 0.5
    return tf.where(turned, images[:, :, ::-1], images)


def jittered(images: tf.Tensor, factor: float, seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Enlarge images and cut their own size out at a random place, the same for a batch.

    Args:
        images: float32 `(batch, h, w, c)`.
        factor: how much larger both sides become before the cut, at least 1; 286 / 256 in the
            published code.
        seed: of the draws; advances by one draw.

    Returns:
        float32 of the same shape.

    Source:
        Isola et al. 2017, arXiv:1611.07004, section 6.2 (random jitter).
    """
    height, width = images.shape[1:3]
    sides = round(height * factor), round(width * factor)
    larger = tf.image.resize(images, sides)
    places = random_uniform((2,), seed)
    top = tf.cast(places[0] * (sides[0] - height + 1), "int32")
    left = tf.cast(places[1] * (sides[1] - width + 1), "int32")
    cut = tf.slice(larger, [0, top, left, 0], [-1, height, width, -1])
    return tf.ensure_shape(cut, images.shape)
