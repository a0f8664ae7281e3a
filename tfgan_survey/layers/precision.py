"""The precision of losses: at least float32, whatever the networks compute in."""

from __future__ import annotations

import tensorflow as tf


def at_least_float32(values: tf.Tensor) -> tf.Tensor:
    """Return half precision as float32; float32 and float64 stay what they are.

    Args:
        values: floats.
    """
    return values if values.dtype == tf.float64 else tf.cast(values, tf.float32)
