"""Resampling without arithmetic: PixelShuffle."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_survey")
class PixelShuffle(keras.layers.Layer):
    """Rearrange channels into space.

    Formula:
        y[b, r i + u, r j + v, k] = x[b, i, j, (r u + v) c + k], c = channels / r^2

    Why:
        up-sampling by a convolution at the small resolution; no overlap, so no checkerboard
        from uneven overlap (survey section 5).

    Args:
        factor: r, how much larger both sides become.
        **kwargs: see `keras.layers.Layer`.

    Raises:
        ValueError: the channels are no multiple of `factor ** 2`.

    Source:
        Shi et al. 2016, arXiv:1609.05158, Eq. 4.
    """

    def __init__(self, factor: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        """Check the channels."""
        if input_shape[-1] % self.factor**2:
            raise ValueError(
                f"PixelShuffle({self.factor}) needs channels that are a multiple of "
                f"{self.factor**2}, {input_shape[-1]} came; change the filters before it."
            )

    def call(self, x):
        """Map `(batch, h, w, c r^2)` to `(batch, h r, w r, c)`."""
        return tf.nn.depth_to_space(x, self.factor)

    def compute_output_shape(self, input_shape):
        """Multiply the sides, divide the channels."""
        batch, height, width, channels = input_shape
        r = self.factor
        return (batch, height * r, width * r, channels // r**2)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "factor": self.factor}
