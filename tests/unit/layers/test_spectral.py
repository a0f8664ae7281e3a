"""Spectral normalisation against NumPy's singular values."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.layers.spectral import SpectralConv2D, SpectralDense, advance


def made(layer, shape, seed=0):
    """Return the layer with random weights, and its kernel as the paper's matrix."""
    layer.build((None, *shape))
    generator = np.random.default_rng(seed)
    layer._kernel.assign(generator.normal(size=layer._kernel.shape))
    return layer, layer._kernel.numpy().reshape(-1, layer._kernel.shape[-1]).T


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda **options: SpectralConv2D(5, "down", **options), (4, 4, 3)),
        (lambda **options: SpectralDense(6, **options), (9,)),
    ],
)
def test_the_largest_singular_value_becomes_one(layer, shape):
    layer, matrix = made(layer(), shape)
    layer.advance(200)
    left, values, right = np.linalg.svd(matrix)
    kernel = layer._kernel.value
    assert float(layer.sigma(kernel)) == pytest.approx(values[0], rel=1e-5)
    assert abs(left[:, 0] @ layer.left.numpy()) == pytest.approx(1.0, abs=1e-4)
    assert abs(right[0] @ layer.right.numpy()) == pytest.approx(1.0, abs=1e-4)
    normalised = layer.normalised(kernel).numpy()
    found = np.linalg.svd(normalised.reshape(-1, normalised.shape[-1]), compute_uv=False)
    np.testing.assert_allclose(found, values / values[0], rtol=1e-4)
    # Eq. 12 of arXiv:1802.05957: d sigma / dW = u v', the vectors being constants.
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        sigma = layer.sigma(kernel)
    slope = tape.gradient(sigma, kernel).numpy().reshape(-1, kernel.shape[-1]).T
    np.testing.assert_allclose(slope, np.outer(layer.left, layer.right), atol=1e-6)
    # The call uses it, in training or not, and moves nothing.
    x = np.random.default_rng(1).normal(size=(2, *shape)).astype("float32")
    before = [w.numpy() for w in layer.weights]
    called = layer(x, training=True).numpy()
    layer._kernel.assign(normalised)
    layer.advance(200)
    np.testing.assert_allclose(layer(x).numpy(), called, rtol=1e-3, atol=1e-5)
    layer._kernel.assign(before[0])
    for old, new in zip(before[:2], layer.weights[:2], strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("iterations", [1, 3])
def test_one_advance_is_the_stated_number_of_power_iterations(iterations):
    layer, matrix = made(SpectralDense(4, iterations=iterations), (7,))
    left = layer.left.numpy()
    for _ in range(iterations):
        right = matrix.T @ left
        right /= np.linalg.norm(right)
        left = matrix @ right
        left /= np.linalg.norm(left)
    model = keras.Sequential([keras.Input((7,)), keras.Sequential([layer])])
    advance(model)  # however deeply nested
    np.testing.assert_allclose(layer.left, left, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.right, right, rtol=1e-4, atol=1e-6)


def test_a_new_layer_starts_close_to_its_largest_singular_value():
    layer = SpectralConv2D(16, kernel_initializer=keras.initializers.GlorotUniform(seed=0))
    layer.build((None, 8, 8, 16))
    largest = np.linalg.svd(layer._kernel.numpy().reshape(-1, 16), compute_uv=False)[0]
    assert 0.95 * largest < float(layer.sigma(layer._kernel.value)) <= largest * (1 + 1e-6)
