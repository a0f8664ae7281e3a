"""The code axis: what becomes of an encoder's linear outputs before the decoder sees them."""

from __future__ import annotations

from typing import ClassVar, Literal

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.registry import Count, NotNegative, Registry, checked

ActivationName = Literal["linear", "sigmoid", "relu", "tanh"]


class Code(keras.layers.Layer):
    """A layer from linear outputs to codes; gradients go through it, straight where it is hard.

    A subclass has a `kind`, its options as constructor parameters kept under their names, and
    `call`.

    Args:
        name: Keras' name.
        **kwargs: of `keras.layers.Layer`.
    """

    kind: ClassVar[str]  # as settings call it
    in_unit_interval: bool = False  # whether codes lie in [0, 1]

    def __init__(self, name: str | None = None, **kwargs):
        # Which output is largest, or which vector nearest, is decided in full precision, whatever
        # the networks compute in.
        super().__init__(name=name, **{"dtype": "float32", **kwargs})

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.__init__ = checked(cls.__init__)

    def loss(self, outputs: tf.Tensor) -> tf.Tensor:
        """Return the scalar that the code itself adds to the loss; nothing by default.

        Args:
            outputs: the encoder's, float32 `(batch, *code_shape)`.
        """
        return tf.zeros(())

    def adapt(self, outputs: np.ndarray, seed: int) -> None:
        """See the encoder's outputs once before training; most codes take nothing from them.

        Args:
            outputs: float32 `(n, *code_shape)`.
            seed: of draws.
        """

    def compute_output_shape(self, input_shape):
        """Keep the shape."""
        return input_shape


@keras.saving.register_keras_serializable("tfgan_survey")
class Continuous(Code):
    """Real numbers.

    Args:
        activation: `linear`, or `sigmoid`, `relu`, `tanh`.
        name: Keras' name.
        **kwargs: of `keras.layers.Layer`.
    """

    kind = "continuous"

    def __init__(self, activation: ActivationName = "linear", name: str | None = None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.activation = activation
        self.in_unit_interval = activation == "sigmoid"

    def call(self, outputs):
        """Return the activation of the outputs."""
        return keras.activations.get(self.activation)(outputs)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "activation": self.activation}


@keras.saving.register_keras_serializable("tfgan_survey")
class KSparse(Code):
    """The k largest outputs of an example, all others 0.

    Formula:
        z_j = o_j if o_j is among the k largest of o, else 0

    Args:
        k: how many stay; of equal ones that come last, all.
        name: Keras' name.
        **kwargs: of `keras.layers.Layer`.

    Source:
        Makhzani & Frey 2014, arXiv:1312.5663, section 2.1.
    """

    kind = "k_sparse"

    def __init__(self, k: Count = 25, name: str | None = None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.k = k

    def build(self, input_shape):
        """Refuse to keep more than there are."""
        if self.k > input_shape[-1]:
            raise ValueError(f"k={self.k}: a code of {input_shape[-1]} numbers has no more.")

    def call(self, outputs):
        """Return the outputs with all but the k largest of the last axis set to 0."""
        least = tf.math.top_k(outputs, self.k, sorted=True).values[..., -1:]
        return tf.where(outputs >= least, outputs, tf.zeros_like(outputs))

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "k": self.k}


@keras.saving.register_keras_serializable("tfgan_survey")
class Binary(Code):
    """Bits: hard forwards, soft backwards.

    Formula:
        forwards z = 1 if o > 0 else 0; backwards dz/do = sigmoid'(o)

    Why:
        A step has no slope; the lecture trains through it as if it were the sigmoid
        (straight-through, Bengio et al. 2013).

    Args:
        name: Keras' name.
        **kwargs: of `keras.layers.Layer`.

    Source:
        Lecture, section "Discrete AutoEncoder"; Bengio et al. 2013, arXiv:1308.3432.
    """

    kind = "binary"
    in_unit_interval = True

    def __init__(self, name: str | None = None, **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, outputs):
        """Return zeros and ones."""
        soft = tf.sigmoid(outputs)
        hard = tf.cast(outputs > 0, soft.dtype)
        return soft + tf.stop_gradient(hard - soft)


@keras.saving.register_keras_serializable("tfgan_survey")
class VectorQuantised(Code):
    """The nearest of a book of learnt vectors, at each place of a map.

    Formula:
        z = e_k,  k = argmin_j ||o - e_j||^2;  backwards dz/do = 1;
        loss = sum over places of ||sg(o) - z||^2 + beta ||o - sg(z)||^2, mean over examples

    Why:
        The book starts from encoder outputs (`adapt`): vectors drawn far from them would never be
        the nearest of any, and stay unused.

    Args:
        num_codes: vectors in the book; the last axis of the outputs is their length.
        commitment: beta, what keeps the encoder close to its vectors.
        name: Keras' name.
        **kwargs: of `keras.layers.Layer`.

    Source:
        van den Oord et al. 2017, arXiv:1711.00937, Eqs. 1 to 3.
    """

    kind = "vector_quantised"

    def __init__(
        self,
        num_codes: Count = 128,
        commitment: NotNegative = 0.25,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.num_codes, self.commitment = num_codes, commitment

    def build(self, input_shape):
        """Create the book."""
        self.book = self.add_weight(
            shape=(self.num_codes, input_shape[-1]), initializer="zeros", name="book"
        )

    def adapt(self, outputs, seed):
        """Start the book from outputs drawn without regard to their place.

        Args:
            outputs: float32 `(n, *code_shape)`.
            seed: of the draw.

        Raises:
            ValueError: fewer outputs than vectors.
        """
        vectors = outputs.reshape(-1, outputs.shape[-1])
        if len(vectors) < self.num_codes:
            raise ValueError(
                f"num_codes={self.num_codes}: the training set gives {len(vectors)} outputs only."
            )
        chosen = np.random.default_rng(seed).choice(len(vectors), self.num_codes, replace=False)
        self.book.assign(vectors[chosen])

    def indices(self, outputs: tf.Tensor) -> tf.Tensor:
        """Return which vector is nearest, int32 without the last axis.

        Args:
            outputs: float32 `(..., length)`.
        """
        book = tf.convert_to_tensor(self.book)
        flat = tf.reshape(outputs, (-1, outputs.shape[-1]))
        # ||o||^2 is the same for every vector.
        distances = tf.reduce_sum(book**2, -1) - 2.0 * flat @ tf.transpose(book)
        nearest = tf.argmin(distances, axis=-1, output_type=tf.int32)
        return tf.reshape(nearest, tf.shape(outputs)[:-1])

    def quantised(self, outputs: tf.Tensor) -> tf.Tensor:
        """Return the nearest vectors, through which gradients reach the book alone.

        Args:
            outputs: float32 `(..., length)`.
        """
        # By a product: the gradient of a gather is a scatter, a slow loop on a CPU.
        chosen = tf.one_hot(self.indices(outputs), self.num_codes)
        return tf.tensordot(chosen, tf.convert_to_tensor(self.book), 1)

    def call(self, outputs):
        """Return the nearest vectors, through which gradients reach the outputs alone."""
        return outputs + tf.stop_gradient(self.quantised(outputs) - outputs)

    def loss(self, outputs):
        """Return the book's and the encoder's distance from each other."""
        quantised = self.quantised(outputs)
        book = tf.square(tf.stop_gradient(outputs) - quantised)
        encoder = tf.square(outputs - tf.stop_gradient(quantised))
        summed = tf.reduce_sum(
            book + self.commitment * encoder, axis=list(range(1, len(outputs.shape)))
        )
        return tf.reduce_mean(summed)

    def get_config(self):
        """Return the constructor's arguments."""
        own = {"num_codes": self.num_codes, "commitment": self.commitment}
        return {**super().get_config(), **own}


CODES = Registry("code", {one.kind: one for one in (Continuous, KSparse, Binary, VectorQuantised)})
