"""Arjovsky et al. 2017: the dual form of the earth mover's distance."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.objectives.base import Objective


@keras.saving.register_keras_serializable("tfgan_survey")
class Wasserstein(Objective):
    """The critic's mean score on real minus generated images, maximised.

    Formula:
        d_loss = E_fake[s] - E_real[s],   g_loss = -E_fake[s]
        W1(p, q) = max over 1-Lipschitz s of E_real[s] - E_fake[s]

    Why:
        -d_loss estimates a distance, up to the critic's Lipschitz constant. It bounds nothing
        by itself: combine it with `weight_clipping` or `gradient_penalty`. There are no
        targets, so none can be smoothed or flipped, and scores are no probabilities.

    Source:
        Arjovsky et al. 2017, arXiv:1701.07875, Eq. 2 and Algorithm 1.
    """

    name = "wasserstein"

    def discriminator_loss(self, real_scores, fake_scores, real=None, fake=None, seed=None):
        """Return E_fake[s] - E_real[s]."""
        return tf.reduce_mean(fake_scores) - tf.reduce_mean(real_scores)

    def generator_loss(self, fake_scores):
        """Return -E_fake[s]."""
        return -tf.reduce_mean(fake_scores)
