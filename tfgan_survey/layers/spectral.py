"""Layers whose weight matrix has largest singular value 1: spectral normalisation."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

from tfgan_survey.layers.resampling import ResampledConv2D

# A new layer's vectors are those of a random matrix, whose largest singular values lie close.
_FIRST_ITERATIONS = 20
_TINY = 1e-12


class Spectral:
    """Divide a layer's kernel by its largest singular value; mixed in before a Keras layer.

    Formula:
        W_sn = W / sigma,  sigma = u' W v;  each iteration: v <- W'u / ||W'u||, u <- Wv / ||Wv||
        W: the kernel as a matrix (out, all other axes)

    Why:
        A layer of slope at most 1 keeps a discriminator's slope in bounds, at the cost of two
        products of a matrix and a vector a step. u and v are weights that no optimizer moves and no
        call changes: real, generated and penalised images of one step see the same sigma, a
        generator's update leaves it alone, and an export needs no iteration. `advance` follows the
        weights after they have moved. Gradients go through sigma, not through u and v.

    Args:
        *args: of the layer.
        iterations: of one `advance`.
        **kwargs: of the layer.

    Source:
        Miyato et al. 2018, arXiv:1802.05957, Eqs. 8 and 11, Algorithm 1; departures: iterated after
        an update of the weights instead of at each call, from a start that has converged.
    """

    def __init__(self, *args, iterations: int = 1, **kwargs):
        super().__init__(*args, **kwargs)
        self.iterations = iterations

    def build(self, input_shape):
        """Create the kernel, and the two vectors that belong to it.

        Args:
            input_shape: of the layer's input.
        """
        super().build(input_shape)
        *rest, out = self._kernel.shape
        options = {"trainable": False, "autocast": False, "aggregation": "only_first_replica"}
        self.left = self.add_weight(name="left", shape=(out,), initializer="ones", **options)
        self.right = self.add_weight(
            name="right", shape=(int(tf.reduce_prod(rest)),), initializer="ones", **options
        )
        self.advance(_FIRST_ITERATIONS)

    def advance(self, iterations: int | None = None) -> None:
        """Move the two vectors towards those of the kernel's largest singular value.

        Args:
            iterations: how often; None for the layer's own number.
        """
        matrix = _matrix(self._kernel.value)
        left, right = self.left.value, self.right.value
        for _ in range(self.iterations if iterations is None else iterations):
            right = _direction(tf.linalg.matvec(matrix, left))
            left = _direction(tf.linalg.matvec(matrix, right, transpose_a=True))
        self.left.assign(left)
        self.right.assign(right)

    def sigma(self, kernel: tf.Tensor) -> tf.Tensor:
        """Return u' W v, the largest singular value once the vectors have converged.

        Args:
            kernel: W, in the kernel's own shape.
        """
        along = tf.linalg.matvec(_matrix(kernel), self.left.value)
        return tf.reduce_sum(self.right.value * along)

    def normalised(self, kernel: tf.Tensor) -> tf.Tensor:
        """Return W / sigma.

        Args:
            kernel: W, in the kernel's own shape.
        """
        kernel = tf.convert_to_tensor(kernel)
        scale = 1.0 / tf.maximum(self.sigma(kernel), _TINY)
        return kernel * tf.cast(scale, kernel.dtype)

    # Keras' convolutions and dense layers save their kernel and bias only.

    def save_own_variables(self, store):
        """Save all weights, the vectors too.

        Args:
            store: Keras' own, of this layer.
        """
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """Load all weights.

        Args:
            store: Keras' own, of this layer.
        """
        keras.layers.Layer.load_own_variables(self, store)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "iterations": self.iterations}


@keras.saving.register_keras_serializable("tfgan_survey")
class SpectralConv2D(Spectral, ResampledConv2D):
    """A convolution, resampling or not, with spectral normalisation; see `Spectral`.

    The kernel `(h, w, in, out)` counts as the matrix (out, h w in), as in the paper, section 3.
    """

    def convolution_op(self, inputs, kernel):
        """Convolve by the normalised kernel."""
        return super().convolution_op(inputs, self.normalised(kernel))


@keras.saving.register_keras_serializable("tfgan_survey")
class SpectralDense(Spectral, keras.layers.Dense):
    """A dense layer with spectral normalisation; see `Spectral`."""

    def call(self, inputs, training=None):
        """Map `(batch, in)` to `(batch, units)`."""
        x = ops.matmul(inputs, self.normalised(self.kernel))
        x = x + self.bias if self.use_bias else x
        return x if self.activation is None else self.activation(x)


def advance(network: keras.Model) -> None:
    """Let every spectrally normalised layer follow its weights, after they have moved.

    Args:
        network: with such layers or without.
    """
    for layer in normalised(network):
        layer.advance()


def normalised(network: keras.Model) -> list[Spectral]:
    """Return the spectrally normalised layers of a network.

    Args:
        network: with such layers or without.
    """
    return [layer for layer in network._flatten_layers() if isinstance(layer, Spectral)]


def _matrix(kernel: tf.Tensor) -> tf.Tensor:
    """Return a kernel as float32 `(all other axes, out)`, the transposed of the paper's W."""
    return tf.cast(tf.reshape(kernel, (-1, kernel.shape[-1])), tf.float32)


def _direction(vector: tf.Tensor) -> tf.Tensor:
    return vector / tf.maximum(tf.norm(vector), _TINY)
