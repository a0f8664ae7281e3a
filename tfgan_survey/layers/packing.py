"""Several examples as one: what a packed discriminator sees."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfgan_survey")
class Pack(keras.layers.Layer):
    """Join every `size` consecutive rows of a batch into one row.

    Formula:
        y[i] = (x[i size], ..., x[i size + size - 1]): (b, f) -> (b / size, size f)

    Why:
        a discriminator that sees several independent samples at once sees whether they are
        all alike, so a generator that lost modes is told so.

    Args:
        size: rows joined; the batch must be a multiple of it.
        **kwargs: see `keras.layers.Layer`.

    Raises:
        ValueError: size below 1.

    Source:
        Lin et al. 2018, arXiv:1712.04086, section 3.
    """

    def __init__(self, size: int, **kwargs):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"Pack({size}): expected at least one row.")
        self.size = size

    def call(self, x):
        """Map `(batch, features)` to `(batch / size, size * features)`."""
        return ops.reshape(x, (-1, self.size * x.shape[-1]))

    def compute_output_shape(self, input_shape):
        """Divide the batch, multiply the features."""
        batch, features = input_shape
        return (None if batch is None else batch // self.size, self.size * features)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "size": self.size}
