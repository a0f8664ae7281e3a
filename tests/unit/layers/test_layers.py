"""Each layer against its formula, written out in NumPy."""

import keras
import numpy as np
import pytest

from tfgan_survey.layers.conditioning import (
    AppendLabelMaps,
    ConditionalAffine,
    LabelProjection,
    OneHotLabels,
)
from tfgan_survey.layers.marginals import MarginalBias
from tfgan_survey.layers.maxout import Maxout
from tfgan_survey.layers.resampling import PixelShuffle, ResampledConv2D
from tfgan_survey.layers.spectral import SpectralConv2D, SpectralDense


@pytest.fixture
def draw():
    generator = np.random.default_rng(0)
    return lambda *shape: generator.normal(size=shape).astype("float32")


ONE_HOT = np.eye(3, dtype="float32")[[2, 0]]


def test_maxout_takes_the_largest_affine_map(draw):
    layer, x = Maxout(units=4, pieces=3), draw(5, 6)
    layer.build(x.shape)
    kernel, bias = draw(6, 12), draw(12)
    layer.set_weights([kernel, bias])
    expected = np.empty((5, 4))
    for i in range(4):
        maps = [x @ kernel[:, 3 * i + j] + bias[3 * i + j] for j in range(3)]
        expected[:, i] = np.max(maps, axis=0)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-6)


def test_pixel_shuffle_moves_channels_into_space(draw):
    x, r, c = draw(2, 3, 4, 18), 3, 2
    y = np.array(PixelShuffle(r)(x))
    expected = np.empty((2, 9, 12, 2), "float32")
    for u in range(r):
        for v in range(r):
            expected[:, u::r, v::r, :] = x[..., (r * u + v) * c : (r * u + v + 1) * c]
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("shape", [(2, 6, 4, 3), (1, 2, 2, 1)])
def test_one_operation_is_the_convolution_and_the_resampling_one_after_the_other(draw, shape):
    x, kernel, bias = draw(*shape), draw(3, 3, shape[-1], 5), draw(5)

    def made(resample, images):
        layer = ResampledConv2D(5, resample)
        layer.build(images.shape)
        layer.set_weights([kernel, bias])
        return np.array(layer(images))

    copied = x.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(made("up", x), made("none", copied), rtol=1e-4, atol=1e-5)
    batch, height, width, _ = shape
    pooled = made("none", x).reshape(batch, height // 2, 2, width // 2, 2, 5).mean(axis=(2, 4))
    np.testing.assert_allclose(made("down", x), pooled, rtol=1e-4, atol=1e-5)


def test_label_projection_adds_the_agreement(draw):
    layer, features = LabelProjection(3), draw(2, 5)
    layer.build(features.shape, ONE_HOT.shape)
    kernel, bias = draw(5, 4), draw(1)
    layer.set_weights([kernel, bias])
    w, embedding = kernel[:, 0], kernel[:, 1:].T
    expected = [
        f @ w + bias[0] + embedding[label] @ f for f, label in zip(features, (2, 0), strict=True)
    ]
    np.testing.assert_allclose(layer(features, ONE_HOT)[:, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 3, 4)])
def test_conditional_affine_has_one_row_a_class(draw, shape):
    layer, x = ConditionalAffine(), draw(*shape)
    layer.build(shape, ONE_HOT.shape)
    np.testing.assert_array_equal(layer(x, ONE_HOT), x)  # gamma 1, beta 0 at the start
    gamma, beta = draw(3, 4), draw(3, 4)
    layer.set_weights([gamma, beta])
    expected = [gamma[label] * row + beta[label] for row, label in zip(x, (2, 0), strict=True)]
    np.testing.assert_allclose(layer(x, ONE_HOT), expected, rtol=1e-5)


def test_conditional_affine_around_one_starts_as_the_identity_for_every_code(draw):
    layer, x, code = ConditionalAffine(around_one=True), draw(2, 4), draw(2, 3)
    layer.build(x.shape, code.shape)
    np.testing.assert_array_equal(layer(x, code), x)
    gamma, beta = draw(3, 4), draw(3, 4)
    layer.set_weights([gamma, beta])
    np.testing.assert_allclose(layer(x, code), (1 + code @ gamma) * x + code @ beta, rtol=1e-4)


def test_label_maps_are_constant_channels(draw):
    features = draw(2, 3, 2, 4)
    joined = np.array(AppendLabelMaps()(features, ONE_HOT))
    np.testing.assert_array_equal(joined[..., :4], features)
    for row in range(2):
        np.testing.assert_array_equal(joined[row, ..., 4:], np.tile(ONE_HOT[row], (3, 2, 1)))


def test_one_hot_labels():
    one_hot = OneHotLabels(3)(np.array([2, 0], "int32"))
    np.testing.assert_array_equal(one_hot, ONE_HOT)


def test_marginal_bias_makes_a_sigmoid_give_the_mean():
    layer, mean = MarginalBias(), np.array([[0.25, 0.5], [0.9, 0.001]])
    layer.build((None, 4))
    np.testing.assert_array_equal(layer(np.zeros((1, 4), "float32")), np.zeros((1, 4)))
    layer.adapt(mean)
    images = keras.ops.sigmoid(layer(np.zeros((1, 4), "float32")))
    np.testing.assert_allclose(np.ravel(images), mean.ravel(), rtol=1e-5)


def test_marginal_bias_survives_pixels_that_never_change():
    layer = MarginalBias()
    layer.build((None, 2))
    layer.adapt(np.array([0.0, 1.0]))
    np.testing.assert_allclose(layer.bias, [-np.log(1e7 - 1), np.log(1e7 - 1)], rtol=1e-5)


@pytest.mark.parametrize("mean", [[0.5, 0.5, 0.5], [0.5, 128.0]])
def test_marginal_bias_refuses_other_sizes_and_ranges(mean):
    layer = MarginalBias()
    layer.build((None, 2))
    with pytest.raises(ValueError, match=r"expected 2 pixel means in \[0, 1\]"):
        layer.adapt(np.array(mean))


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="multiple of 4, 6 came"):
        PixelShuffle(2)(np.zeros((1, 2, 2, 6), "float32"))
    with pytest.raises(ValueError, match="at least one unit"):
        Maxout(0, 5)
    with pytest.raises(ValueError, match=r"map of \(4, 5\) cannot be halved"):
        ResampledConv2D(2, "down")(np.zeros((1, 4, 5, 2), "float32"))
    with pytest.raises(ValueError, match="resample='half': expected none, up or down"):
        ResampledConv2D(2, "half")
    with pytest.raises(ValueError, match="expected 3 x 3; put a pooling"):
        ResampledConv2D(2, "up", 5)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (Maxout(4, 3), [(6,)]),
        (PixelShuffle(2), [(3, 3, 8)]),
        (MarginalBias(), [(6,)]),
        (LabelProjection(3), [(6,), (3,)]),
        (ConditionalAffine(), [(4, 4, 6), (3,)]),
        (ConditionalAffine(around_one=True), [(6,), (3,)]),
        (AppendLabelMaps(), [(4, 4, 6), (3,)]),
        (OneHotLabels(3), [()]),
        (ResampledConv2D(3, "up"), [(4, 4, 2)]),
        (SpectralConv2D(3, "down", iterations=2), [(4, 4, 2)]),
        (SpectralDense(3, use_bias=False), [(4,)]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, keras.Layer) else "",
)
def test_layers_survive_saving_and_know_their_output_shape(layer, shapes, draw):
    dtype = "int32" if isinstance(layer, OneHotLabels) else "float32"
    inputs = [keras.Input(shape, dtype=dtype) for shape in shapes]
    model = keras.Model(inputs, layer(*inputs))
    copy = keras.models.model_from_json(model.to_json())
    values = [np.array(draw(2, *shape) if shape else [1, 2], dtype) for shape in shapes]
    model.set_weights([draw(*w.shape) for w in model.weights])
    copy.set_weights(model.get_weights())
    result = model(values)
    np.testing.assert_array_equal(copy(values), result)
    assert model.output_shape[1:] == result.shape[1:]
