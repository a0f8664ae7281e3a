"""Dropout: cheap inside XLA, or drawn from the latent."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.layers.sampling import random_uniform


@keras.saving.register_keras_serializable("tfgan_survey")
class Dropout(keras.layers.Dropout):
    """Keras' dropout with a random algorithm chosen by name.

    Formula:
        y = x m / (1 - rate), m ~ Bernoulli(1 - rate) per value; y = x in inference

    Why:
        inside XLA Keras' own layer leaves the choice of the algorithm to the compiler, whose
        choice on a CPU is slow (see `layers.sampling`). Same distribution, other numbers.

    Args:
        rate: share of the values that is dropped, from 0 to below 1.
        seed: seed of the layer's own generator, whose state is saved with a `GAN`.

    Source:
        Srivastava et al. 2014, Journal of Machine Learning Research 15, section 4.
    """

    def call(self, inputs, training=False):
        """Drop in training, pass in inference."""
        if not training or self.rate == 0:
            return inputs
        kept = random_uniform(tf.shape(inputs), self.seed_generator) >= self.rate
        scale = tf.cast(1.0 / (1.0 - self.rate), inputs.dtype)
        return tf.where(kept, inputs * scale, tf.zeros_like(inputs))


@keras.saving.register_keras_serializable("tfgan_survey")
class LatentDropout(keras.layers.Layer):
    """Dropout that is part of a generator's noise: its masks are read off the latent.

    Formula:
        y = x [u >= threshold] / (1 - rate), u one latent value per unit,
        P(u < threshold) = rate; in training and in sampling alike

    Why:
        a generator that is trained with dropout uses it as noise, and without it in sampling
        falls back to one image a class. Masks from the latent leave each image a function of
        its own latent, on a server too.

    Args:
        rate: share of the values that is dropped, above 0 and below 1.
        threshold: the latent distribution's quantile at `rate`.
        **kwargs: see `keras.layers.Layer`.

    Source:
        dropout as the generator's noise, also in sampling: Isola et al. 2017, arXiv:1611.07004,
        section 3.1. Drawing it from the latent is ours.
    """

    def __init__(self, rate: float, threshold: float, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.threshold = threshold

    def call(self, inputs):
        """Map `[x, u]`, both `(batch, units)`, to x with values dropped."""
        x, noise = inputs
        scale = tf.cast(1.0 / (1.0 - self.rate), x.dtype)
        return tf.where(noise >= tf.cast(self.threshold, noise.dtype), x * scale, tf.zeros_like(x))

    def compute_output_shape(self, input_shape):
        """Return x's shape."""
        return input_shape[0]

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "rate": self.rate, "threshold": self.threshold}
