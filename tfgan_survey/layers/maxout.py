"""Maxout units."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfgan_survey")
class Maxout(keras.layers.Layer):
    """Take the largest of several affine maps.

    Formula:
        y[b, i] = max_j (x[b] . W[:, i, j] + b[i, j]),  j = 1..pieces

    Args:
        units: number of outputs.
        pieces: affine maps an output.
        kernel_initializer: of W; biases start at 0.
        **kwargs: see `keras.layers.Layer`.

    Raises:
        ValueError: units or pieces below 1.

    Source:
        Goodfellow et al. 2013, arXiv:1302.4389, section 2.
    """

    def __init__(self, units: int, pieces: int, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        if units < 1 or pieces < 1:
            raise ValueError(f"Maxout({units}, {pieces}): expected at least one unit and piece.")
        self.units = units
        self.pieces = pieces
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        """Create W as one matrix, pieces of a unit side by side, and the biases."""
        width = self.units * self.pieces
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], width),
            initializer=self.kernel_initializer,
        )
        self.bias = self.add_weight(name="bias", shape=(width,), initializer="zeros")

    def call(self, x):
        """Map `(batch, features)` to `(batch, units)`."""
        pieces = ops.matmul(x, self.kernel) + self.bias
        return ops.max(ops.reshape(pieces, (-1, self.units, self.pieces)), axis=-1)

    def compute_output_shape(self, input_shape):
        """Replace the last axis."""
        return (*input_shape[:-1], self.units)

    def get_config(self):
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "pieces": self.pieces,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
