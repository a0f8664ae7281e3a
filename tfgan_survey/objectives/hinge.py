"""Lim & Ye 2017: scores count only until they are clear enough."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfgan_survey.objectives.base import Objective


@keras.saving.register_keras_serializable("tfgan_survey")
class Hinge(Objective):
    """The support vector machine's loss; examples beyond the margin cost nothing.

    Formula:
        d_loss = E_real[max(0, 1 - s)] + E_fake[max(0, 1 + s)],   g_loss = -E_fake[s]
        best s at a point: 1 where p > q, -1 where p < q; then d_loss = 2 - 2 TV(p, q)

    Why:
        The usual loss beside spectral normalisation: the discriminator does not go on to raise
        scores that are right already, and the generator's slope never fades. Scores are no
        probabilities: their sign says which side is likelier, not by how much.

    Source:
        Lim & Ye 2017, arXiv:1705.02894, Eqs. 7 to 9; Miyato et al. 2018, arXiv:1802.05957, Eqs. 16
        and 17.
    """

    name = "hinge"

    def discriminator_loss(self, real_scores, fake_scores, real=None, fake=None, seed=None):
        """Return E_real[max(0, 1 - s)] + E_fake[max(0, 1 + s)]."""
        missing = tf.reduce_mean(tf.nn.relu(1.0 - real_scores))
        return missing + tf.reduce_mean(tf.nn.relu(1.0 + fake_scores))

    def generator_loss(self, fake_scores):
        """Return -E_fake[s]."""
        return -tf.reduce_mean(fake_scores)
