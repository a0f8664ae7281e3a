"""Moving averages of weights, which sample and measure better than the last weights."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.settings import is_between


def average_of(network: keras.Model) -> keras.Model:
    """Return a copy of a network, with its weights, to hold their average.

    Args:
        network: to be copied.
    """
    average = keras.models.clone_model(network)
    average.set_weights(network.get_weights())
    return average


def follow(average: keras.Model, network: keras.Model, decay: float, updates) -> None:
    """Move an average after the network.

    Formula:
        a <- d a + (1 - d) w,  d = min(decay, (1 + n) / (10 + n))

    Why:
        The smaller decay of the first updates lets the average forget the start soon.

    Args:
        average: moved.
        network: followed.
        decay: d in the long run.
        updates: n, a counter of the network's updates.
    """
    done = tf.cast(updates.value, "float32")
    decay = tf.minimum(decay, (1.0 + done) / (10.0 + done))
    for mean, value in zip(average.weights, network.weights, strict=True):
        own = tf.cast(decay, mean.dtype)
        mean.assign(own * mean.value + (1.0 - own) * value.value)


def check_ema(ema: float | None) -> None:
    """Refuse a decay that is none.

    Args:
        ema: what came.

    Raises:
        SettingError: not strictly between 0 and 1, nor None.
    """
    if ema is not None and not is_between(ema, 0.0, 1.0):
        raise SettingError(f"ema={ema}: expected a decay between 0 and 1, or None.")
