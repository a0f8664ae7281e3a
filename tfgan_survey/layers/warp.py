"""A learnt change of scale and place: what convolutions, which see a neighbourhood, cannot do."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_survey")
class LearntFrame(keras.layers.Layer):
    """Show images in a frame of their own, the same for all: a scale and a shift along each axis.

    Formula:
        y[i, j] = sum_kl W_y[i, k] W_x[j, l] x[k, l],  W[i, k] = hat((s(i) - k) / m) / m,
        hat(t) = max(0, 1 - |t|),  m = max(1, |scale|),
        s(i) = middle (1 + shift) + scale (i - middle),  middle = (n - 1) / 2; outside is -1

    Why:
        Digits that fill their image and digits with a margin differ by a scale. A translator of
        convolutions has to redraw each stroke elsewhere; here two numbers an axis, moved by the
        losses as any weight is, do it. At the start the frame is the image's own.

    Args:
        speed: what the weights are multiplied by, so that steps made for kernels move a frame too.
        **kwargs: see `keras.layers.Layer`.

    Source:
        Jaderberg et al. 2015, arXiv:1506.02025, Eq. 1 and 5; here one transform for all images, and
        a hat that widens where the image shrinks, so that no pixel is passed over.
    """

    def __init__(self, speed: float = 3.0, **kwargs):
        super().__init__(**kwargs)
        self.speed = speed

    def build(self, input_shape):
        """Make two weights an axis: how far the scale is from 1, and the shift."""
        self.frame = self.add_weight(shape=(2, 2), initializer="zeros", name="frame")

    def call(self, x):
        """Map `(batch, h, w, c)` in [-1, 1] to the same shape and range."""
        change = self.speed * tf.cast(self.frame, "float32")
        rows, columns = (
            self._weights(x.shape[1 + axis], 1.0 + change[axis, 0], change[axis, 1])
            for axis in range(2)
        )
        raised = tf.cast(x, "float32") + 1.0
        seen = tf.einsum("ik,bklc,jl->bijc", rows, raised, columns)
        return tf.cast(seen - 1.0, x.dtype)

    @staticmethod
    def _weights(side: int, scale, shift):
        places, middle = tf.range(side, dtype="float32"), (side - 1) / 2
        sources = middle * (1.0 + shift) + scale * (places - middle)
        wide = tf.maximum(1.0, tf.abs(scale))
        near = 1.0 - tf.abs(sources[:, None] - places[None, :]) / wide
        return tf.maximum(near, 0.0) / wide

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "speed": self.speed}
