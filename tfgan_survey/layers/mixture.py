"""A Gaussian mixture in the graph, fitted by scikit-learn."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_survey")
class GaussianMixture(keras.layers.Layer):
    """Draw from a mixture of Gaussians, as a function of normal numbers.

    Formula:
        m by u = Phi(n_0) against the cumulative weights, z = mean_m + L_m n_1...d,
        L_m L_m' the covariance of component m

    Why:
        The lecture's mixture: first a component, then a point of it. As a function of normal
        numbers a draw is as repeatable as its seed, here and on a server.

    Args:
        components: number of Gaussians.
        dimensions: of a point.
        **kwargs: as in `keras.layers.Layer`.
    """

    def __init__(self, components: int, dimensions: int, **kwargs):
        # In full precision, whatever the networks compute in.
        super().__init__(**{"dtype": "float32", **kwargs})
        self.components, self.dimensions = components, dimensions
        self.cumulative = self._held((components,), "cumulative")
        self.means = self._held((components, dimensions), "means")
        self.factors = self._held((components, dimensions, dimensions), "factors")
        self.built = True

    def _held(self, shape, name: str):
        return self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)

    @property
    def fitted(self) -> bool:
        """Whether there is anything to draw from."""
        with tf.init_scope():  # asked while a graph is traced, too
            return bool(self.cumulative.numpy()[-1] > 0)

    def fit(self, points: np.ndarray, seed: int) -> None:
        """Fit the mixture by expectation maximisation (`sklearn.mixture.GaussianMixture`).

        Args:
            points: float `(n, dimensions)`.
            seed: where the iterations start.

        Raises:
            ValueError: fewer points than components.
        """
        from sklearn.mixture import GaussianMixture as Fitted

        if len(points) < self.components:
            raise ValueError(
                f"{self.components} components cannot be fitted to {len(points)} codes."
            )
        found = Fitted(self.components, reg_covar=1e-4, random_state=seed, max_iter=200)
        found.fit(np.asarray(points, np.float64))
        self.cumulative.assign(np.cumsum(found.weights_))
        self.means.assign(found.means_)
        self.factors.assign(np.linalg.cholesky(found.covariances_))

    def call(self, normal):
        """Map normal numbers `(batch, dimensions + 1)` to points `(batch, dimensions)`."""
        share = 0.5 * (1.0 + tf.math.erf(normal[:, :1] / math.sqrt(2.0)))
        below = tf.cast(share > tf.convert_to_tensor(self.cumulative)[None, :-1], "int32")
        chosen = tf.reduce_sum(below, axis=-1)
        factors = tf.gather(tf.convert_to_tensor(self.factors), chosen)
        means = tf.gather(tf.convert_to_tensor(self.means), chosen)
        return means + tf.linalg.matvec(factors, normal[:, 1:])

    def compute_output_shape(self, input_shape):
        """Drop the number that chose the component."""
        return (*input_shape[:-1], self.dimensions)

    def get_config(self):
        """Return the constructor's arguments."""
        own = {"components": self.components, "dimensions": self.dimensions}
        return {**super().get_config(), **own}
