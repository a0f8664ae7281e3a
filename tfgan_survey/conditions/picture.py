"""Pictures: what an image-to-image model is told."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_survey.conditions.base import Condition
from tfgan_survey.settings import check_whole


@dataclasses.dataclass(frozen=True)
class Picture(Condition):
    """A picture with pixels in [0, 1], which networks see scaled to [-1, 1].

    Why:
        A masked, grey or small picture decides most of the image that is asked for; beside it a
        latent only says which of several.

    Args:
        shape: `(height, width, channels)`.

    Raises:
        SettingError: a shape that is none.

    Source:
        Isola et al. 2017, arXiv:1611.07004, Eq. 1.
    """

    kind = "picture"

    shape: tuple[int, int, int]

    def __post_init__(self):
        sides = tuple(check_whole("a side of a picture", side) for side in self.shape)
        object.__setattr__(self, "shape", sides)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """A row is a picture."""
        return self.shape

    @property
    def expected(self) -> str:
        """What rows must be, for messages."""
        sides = ", ".join(map(str, self.shape))
        return f"pictures (n, {sides}), uint8 or floats in [0, 1]"

    def encode(self, rows):
        """Return the pictures in [-1, 1], `(batch, h, w, c)`."""
        import keras

        return keras.layers.Rescaling(2.0, -1.0)(rows)

    def outside(self, rows):
        """Return whether any pixel is NaN or outside [0, 1], rounding aside."""
        import tensorflow as tf

        slack = 1e-3
        return tf.logical_not(tf.reduce_all((rows >= -slack) & (rows <= 1.0 + slack)))

    def typed(self, rows):
        """Return pictures as floats; uint8 is scaled.

        Raises:
            ValueError: another kind of numbers, or another shape.
        """
        import tensorflow as tf

        rows = tf.convert_to_tensor(rows)
        return super().typed(tf.cast(rows, "float32") / 255.0 if rows.dtype == tf.uint8 else rows)

    def sampling_rows(self, num, rows):
        """Return float32 pictures `(num, h, w, c)`, the given ones repeated in turn.

        Raises:
            ValueError: no pictures, or wrong ones.
        """
        given = np.asarray(rows) if rows is not None else None
        scaled = given is not None and given.dtype == np.uint8
        return super().sampling_rows(num, given / np.float32(255.0) if scaled else given)
