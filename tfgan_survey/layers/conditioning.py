"""Labels as features: one-hot vectors, label maps, projection."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import keras
from keras import ops

_GIVEN: ContextVar[_Codes | None] = ContextVar("codes in place of labels", default=None)


class _Codes:
    """Codes that stand in for those of labels, and whether a layer has taken them."""

    def __init__(self, codes):
        self.codes, self.taken = codes, False


@contextlib.contextmanager
def codes_given(codes) -> Iterator[_Codes]:
    """Let networks see these codes in place of their labels' one-hot vectors, inside the block.

    Why:
        Between two classes there is no label, but there is a code: all that a network sees of a
        label is its one-hot vector, and it takes the mean of two of them as well.

    Args:
        codes: floats `(batch, num_classes)`.

    Returns:
        What was given; its `taken` says whether a network has seen it. One that turns labels into
        something by itself has not.
    """
    given = _Codes(codes)
    token = _GIVEN.set(given)
    try:
        yield given
    finally:
        _GIVEN.reset(token)


@keras.saving.register_keras_serializable("tfgan_survey")
class OneHotLabels(keras.layers.Layer):
    """Turn class ids into one-hot vectors.

    Args:
        num_classes: number of classes; ids run from 0 to `num_classes - 1`.
        **kwargs: as in `keras.layers.Layer`.

    Returns:
        `(batch, num_classes)` in the layer's compute dtype.
    """

    def __init__(self, num_classes: int, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def call(self, labels):
        """Map int `(batch,)` to `(batch, num_classes)`; inside of `codes_given` to those codes."""
        if (given := _GIVEN.get()) is not None:
            given.taken = True
            return ops.cast(given.codes, self.compute_dtype)
        return ops.one_hot(labels, self.num_classes, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """Append the class axis."""
        return (*input_shape, self.num_classes)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable("tfgan_survey")
class AppendLabelMaps(keras.layers.Layer):
    """Append a condition's code, such as a one-hot vector, to a feature map as constant channels.

    Formula:
        y[b, i, j, :] = concat(x[b, i, j, :], one_hot[b, :])

    Source:
        Radford et al. 2016 (arXiv:1511.06434), conditional MNIST code: labels joined to the
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


@keras.saving.register_keras_serializable("tfgan_survey")
class LabelProjection(keras.layers.Layer):
    """Add to the score how well the features agree with the label.

    Formula:
        score = w . phi(x) + b + <V[y], phi(x)>; of a code c that is not one-hot: <V c, phi(x)>

    Why:
        The form of log p(x|y) / q(x|y) where the classes are log-linear in the features; the label
        meets the features at the end, so no label maps have to be convolved.

    Args:
        num_classes: rows of V: classes, or the width of another condition's code.
        kernel_initializer: of w and V.
        **kwargs: as in `keras.layers.Layer`.

    Returns:
        Linear scores `(batch, 1)`.

    Source:
        Miyato & Koyama 2018, arXiv:1802.05637, Eq. 5. Departure: the features are flattened
        instead of summed over the map. V is applied as one matrix product whose column the one-hot
        label selects: the gradient stays dense.
    """

    def __init__(self, num_classes: int, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, features_shape, one_hot_shape):
        """Create w and V as one matrix, and b."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(features_shape[-1], 1 + self.num_classes),
            initializer=self.kernel_initializer,
        )
        self.bias = self.add_weight(name="bias", shape=(1,), initializer="zeros")

    def call(self, features, one_hot):
        """Map `(batch, d)` and `(batch, k)` to `(batch, 1)`."""
        both = ops.matmul(features, self.kernel)
        agreement = ops.sum(both[:, 1:] * one_hot, axis=-1, keepdims=True)
        return both[:, :1] + agreement + self.bias

    def compute_output_shape(self, features_shape, one_hot_shape):
        """One score a row."""
        return (features_shape[0], 1)

    def get_config(self):
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable("tfgan_survey")
class ConditionalAffine(keras.layers.Layer):
    """Scale and shift every channel by amounts that belong to the condition.

    Formula:
        y[b, ..., k] = gamma_b[k] x[b, ..., k] + beta_b[k]; of a code c (one-hot: of a label)
        gamma_b = c_b Gamma, or 1 + c_b Gamma around one, and beta_b = c_b Beta

    Why:
        After a normalisation without its own scale this is conditional batch norm: each class has
        its own gamma and beta. Every row of a one-hot code's Gamma starts at 1; for codes that do
        not sum to 1 the layer starts as the identity if gamma is learned around 1, from Gamma 0.

    Args:
        around_one: whether gamma is learned as a difference from 1.
        **kwargs: as in `keras.layers.Layer`.

    Source:
        Dumoulin et al. 2017, arXiv:1610.07629, Eq. 5; used in the generator by Miyato & Koyama
        2018, arXiv:1802.05637.
    """

    def __init__(self, around_one: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.around_one = around_one

    def build(self, features_shape, one_hot_shape):
        """Create one row of gamma and beta a class."""
        shape = (one_hot_shape[-1], features_shape[-1])
        start = "zeros" if self.around_one else "ones"
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer=start)
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")

    def call(self, features, one_hot):
        """Map `(batch, ..., c)` and `(batch, k)` to `(batch, ..., c)`."""
        shape = (-1, *(1,) * (len(features.shape) - 2), features.shape[-1])
        gamma = ops.reshape(ops.matmul(one_hot, self.gamma), shape)
        beta = ops.reshape(ops.matmul(one_hot, self.beta), shape)
        gamma = 1.0 + gamma if self.around_one else gamma
        return features * gamma + beta

    def compute_output_shape(self, features_shape, one_hot_shape):
        """Keep the shape."""
        return features_shape

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "around_one": self.around_one}
