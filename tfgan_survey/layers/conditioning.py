"""Labels as features: one-hot vectors, label maps, projection."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfgan_survey")
class OneHotLabels(keras.layers.Layer):
    """Turn class ids into one-hot vectors.

    Args:
        num_classes: number of classes; ids run from 0 to `num_classes - 1`.

    Returns:
        `(batch, num_classes)` in the layer's compute dtype.
    """

    def __init__(self, num_classes: int, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def call(self, labels):
        """Map int `(batch,)` to `(batch, num_classes)`."""
        return ops.one_hot(labels, self.num_classes, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """Append the class axis."""
        return (*input_shape, self.num_classes)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable("tfgan_survey")
class AppendLabelMaps(keras.layers.Layer):
    """Append a one-hot vector to a feature map as constant channels.

    Formula:  y[b, i, j, :] = concat(x[b, i, j, :], one_hot[b, :])

    Source: Radford et al. 2016 (arXiv:1511.06434), conditional MNIST code: labels joined to the
    feature maps.
    """

    def call(self, features, one_hot):
        """Map `(batch, h, w, c)` and `(batch, k)` to `(batch, h, w, c + k)`."""
        height, width = features.shape[1:3]
        maps = ops.broadcast_to(
            ops.cast(one_hot, features.dtype)[:, None, None, :],
            (ops.shape(features)[0], height, width, one_hot.shape[-1]),
        )
        return ops.concatenate([features, maps], axis=-1)

    def compute_output_shape(self, features_shape, one_hot_shape):
        """Add the channels."""
        return (*features_shape[:-1], features_shape[-1] + one_hot_shape[-1])
