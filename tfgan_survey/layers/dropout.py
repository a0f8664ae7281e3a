"""Dropout whose random numbers are cheap inside XLA."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.layers.sampling import random_uniform


@keras.saving.register_keras_serializable("tfgan_survey")
class Dropout(keras.layers.Dropout):
    """Keras' dropout with a random algorithm chosen by name.

    Formula:  y = x m / (1 - rate), m ~ Bernoulli(1 - rate) per value; y = x in inference

    Why:      inside XLA Keras' own layer leaves the choice of the algorithm to the compiler, and
              on a CPU its choice made two thirds of a step of the 2014 pair. Same distribution,
              other numbers.

    Args:
        rate: share of the values that is dropped, from 0 to below 1.
        seed: seed of the layer's own generator, whose state is saved with a `GAN`.

    Source: Srivastava et al. 2014, Journal of Machine Learning Research 15, section 4.
    """

    def call(self, inputs, training=False):
        """Drop in training, pass in inference."""
        if not training or self.rate == 0:
            return inputs
        kept = random_uniform(tf.shape(inputs), self.seed_generator) >= self.rate
        scale = tf.cast(1.0 / (1.0 - self.rate), inputs.dtype)
        return tf.where(kept, inputs * scale, tf.zeros_like(inputs))
