"""Vectors of real numbers: attributes, embeddings, measurements."""

from __future__ import annotations

import dataclasses

from tfgan_survey.conditions.base import Condition
from tfgan_survey.settings import check_whole


@dataclasses.dataclass(frozen=True)
class Vector(Condition):
    """A vector, which networks see as it is.

    Why:
        For what has an order or several values at once. Networks take it beside latents and pixels
        of about unit size: scale it to that first.

    Args:
        size: numbers in a row.

    Raises:
        SettingError: no positive whole number.

    Example:
        >>> pair = mlp((28, 28, 1), condition=Vector(2))
        >>> GAN(pair, NonSaturating()).generate(4, [[0.5, -1.0]])

    Source:
        Mirza & Osindero 2014, arXiv:1411.1784, section 3: "y could be any kind of auxiliary
        information"; section 4.2 conditions on image features and word vectors.
    """

    kind = "vector"

    size: int

    def __post_init__(self):
        object.__setattr__(self, "size", check_whole("size", self.size))

    @property
    def row_shape(self) -> tuple[int, ...]:
        """A row is a vector."""
        return (self.size,)

    @property
    def expected(self) -> str:
        """What rows must be, for messages."""
        return f"finite float32 rows of {self.size}"

    def encode(self, rows):
        """Return the vectors."""
        return rows

    def outside(self, rows):
        """Return whether any number is NaN or infinite."""
        import tensorflow as tf

        return tf.reduce_any(tf.logical_not(tf.math.is_finite(rows)))
