"""A space of five points, on which expectations are exact and optima can be solved for."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import optimize

# Counts of 20, so that a batch of repeated points has exactly these distributions.
_REAL = np.array([8, 5, 3, 3, 1])
_FAKE = np.array([2, 3, 3, 5, 7])


class Points:
    """Two distributions p and q on five points, and losses as functions of five scores."""

    p = _REAL / _REAL.sum()
    q = _FAKE / _FAKE.sum()
    _real = np.repeat(np.arange(5), _REAL)
    _fake = np.repeat(np.arange(5), _FAKE)

    def d_loss(self, objective, scores, **kwargs):
        scores = tf.convert_to_tensor(scores, tf.float64)[:, None]
        return objective.discriminator_loss(
            tf.gather(scores, self._real), tf.gather(scores, self._fake), **kwargs
        )

    def __init__(self):
        self._best = {}

    def best_scores(self, objective):
        """Minimise the discriminator's loss over the five scores; once for each objective."""
        if repr(objective) not in self._best:
            self._best[repr(objective)] = self._minimise(objective)
        return self._best[repr(objective)]

    def _minimise(self, objective):

        def value_and_gradient(scores):
            scores = tf.constant(scores, tf.float64)
            with tf.GradientTape() as tape:
                tape.watch(scores)
                loss = self.d_loss(objective, scores)
            return loss.numpy(), tape.gradient(loss, scores).numpy()

        found = optimize.minimize(
            value_and_gradient, np.full(5, 0.1), jac=True, method="BFGS", options={"gtol": 1e-9}
        )
        return found.x


@pytest.fixture(scope="session")
def points():
    return Points()
