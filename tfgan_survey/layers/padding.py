"""Padding that continues a picture instead of framing it in black."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_survey")
class ReflectionPadding(keras.layers.Layer):
    """Mirror the rows and columns beside each border, the border itself not repeated.

    Formula:
        y[i] = x[|i - p|] before the first row, x[2 (n - 1) - (i - p)] behind the last, p = padding

    Why:
        Zeros at the border are an edge that is in no picture; translators show it as a frame.

    Args:
        padding: rows and columns added on each side.
        **kwargs: see `keras.layers.Layer`.

    Raises:
        ValueError: a side is not longer than the padding, so that there is nothing to mirror.

    Source:
        Zhu et al. 2017, arXiv:1703.10593, section 7.2, after Johnson et al. 2016.
    """

    def __init__(self, padding: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def build(self, input_shape):
        """Check the sides."""
        if any(side is not None and side <= self.padding for side in input_shape[1:3]):
            raise ValueError(
                f"ReflectionPadding({self.padding}) mirrors {self.padding} rows; maps of "
                f"{input_shape[1]}x{input_shape[2]} came. Take larger images or fewer halvings."
            )

    def call(self, x):
        """Map `(batch, h, w, c)` to `(batch, h + 2 p, w + 2 p, c)`."""
        edge = [self.padding, self.padding]
        return tf.pad(x, [[0, 0], edge, edge, [0, 0]], "REFLECT")

    def compute_output_shape(self, input_shape):
        """Add both edges."""
        batch, height, width, channels = input_shape
        grown = [None if side is None else side + 2 * self.padding for side in (height, width)]
        return (batch, *grown, channels)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "padding": self.padding}
