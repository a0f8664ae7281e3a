"""An output bias that starts from the data's mean."""

from __future__ import annotations

import keras
import numpy as np

# A pixel that is always black would need a bias of minus infinity.
_LEAST = 1e-7


@keras.saving.register_keras_serializable("tfgan_survey")
class MarginalBias(keras.layers.Layer):
    """Add a bias that `adapt` sets so that a sigmoid behind it gives the mean image.

    Formula:
        y = x + b;  after `adapt`  b = log(m / (1 - m)),  m the mean of every pixel

    Why:
        the 2014 generator starts from the pixel marginals. A network cannot see the data
        when it is built, so this is a layer with `adapt`, like Keras' preprocessing layers:
        `tfgan_survey.networks.adapt(pair, images)` finds it. Unadapted, b starts at 0.

    Source:
        Goodfellow et al. 2014 (arXiv:1406.2661), published code: `init_bias` of the output layer
        from the marginals.
    """

    def build(self, input_shape):
        """Create the bias."""
        self.bias = self.add_weight(name="bias", shape=input_shape[1:], initializer="zeros")

    def call(self, x):
        """Add the bias to `(batch, pixels)`."""
        return x + self.bias

    def compute_output_shape(self, input_shape):
        """Keep the shape."""
        return input_shape

    def adapt(self, mean_image: np.ndarray) -> None:
        """Set the bias.

        Args:
            mean_image: mean of every pixel over the training images, in [0, 1], any shape of the
                right size.

        Raises:
            ValueError: values outside [0, 1], or another number of pixels.
        """
        mean = np.asarray(mean_image, dtype=np.float64)
        if mean.size != self.bias.shape[0] or mean.min() < 0.0 or mean.max() > 1.0:
            raise ValueError(
                f"mean_image has {mean.size} values from {mean.min():g} to {mean.max():g}; "
                f"expected {self.bias.shape[0]} pixel means in [0, 1]."
            )
        mean = np.clip(mean.reshape(-1), _LEAST, 1.0 - _LEAST)
        self.bias.assign(np.log(mean / (1.0 - mean)).astype(np.float32))
