"""The paper's rules: where norms stand, what changes the size, how weights start."""

import keras
import numpy as np
import pytest

from tfgan_survey.conditions import Vector
from tfgan_survey.layers.conditioning import ConditionalAffine
from tfgan_survey.networks import dcgan
from tfgan_survey.networks.blocks import normalization

L = keras.layers
NORMS = (L.BatchNormalization, L.GroupNormalization)


def _kinds(network):
    return [type(layer).__name__ for layer in network.layers]


def _find(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


@pytest.fixture(scope="module")
def pair():
    return dcgan((28, 28, 1), width=32)


def test_the_default_pair_is_the_papers(pair):
    assert _kinds(pair.generator) == [
        "InputLayer", "Dense", "Reshape", "BatchNormalization", "Activation",
        "Conv2DTranspose", "BatchNormalization", "Activation", "Conv2DTranspose", "Activation",
    ]  # fmt: skip
    assert _kinds(pair.discriminator) == [
        "InputLayer", "Conv2D", "LeakyReLU", "Conv2D", "BatchNormalization", "LeakyReLU",
        "Flatten", "Dense",
    ]  # fmt: skip
    maps = [
        layer.output.shape[1:] for layer in pair.generator.layers if len(layer.output.shape) == 4
    ]
    assert maps[0] == (7, 7, 64) and (14, 14, 32) in maps and maps[-1] == (28, 28, 1)
    assert pair.generator.layers[4].activation is keras.activations.relu
    assert pair.generator.layers[-1].activation is keras.activations.tanh
    assert {layer.negative_slope for layer in _find(pair.discriminator, L.LeakyReLU)} == {0.2}
    assert pair.output_range == (-1.0, 1.0)


def test_weights_start_with_standard_deviation_002(pair):
    for network in (pair.generator, pair.discriminator):
        for layer in network.layers:
            if hasattr(layer, "kernel") and layer.kernel.shape[-1] > 1:
                kernel = np.array(layer.kernel)
                # standard error of a standard deviation: sigma / sqrt(2 n)
                assert kernel.std() == pytest.approx(0.02, abs=4 * 0.02 / np.sqrt(2 * kernel.size))
                assert kernel.mean() == pytest.approx(0.0, abs=4 * 0.02 / np.sqrt(kernel.size))


@pytest.mark.parametrize(
    ("size", "widths"),
    [(8, [2]), (14, [2]), (16, [2, 4]), (28, [2, 4]), (64, [2, 4, 8, 16]), (112, [2, 4, 8, 16])],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_sizes(size, widths, channels):
    pair = dcgan((size, size, channels), width=2, latent_dim=2)
    base = 7 if size % 7 == 0 else 4
    convolutions = _find(pair.discriminator, L.Conv2D)
    assert [layer.filters for layer in convolutions] == widths
    assert convolutions[-1].output.shape[1:3] == (base, base)
    assert pair.generator.output_shape == (None, size, size, channels)


def test_channels_double_at_most_eight_times():
    pair = dcgan((128, 128, 1), width=2, latent_dim=2)
    filters = [layer.filters for layer in _find(pair.discriminator, L.Conv2D)]
    assert filters == [2, 4, 8, 16, 16]


@pytest.mark.parametrize("shape", [(30, 30, 1), (4, 4, 1), (7, 7, 1), (28, 14, 1), (28, 28), (2,)])
def test_other_sizes_are_refused_with_a_remedy(shape):
    with pytest.raises(ValueError, match="image_size="):
        dcgan(shape)


@pytest.mark.parametrize("option", ["width", "discriminator_width", "kernel_size"])
def test_sizes_below_one_are_refused(option):
    with pytest.raises(ValueError, match=option):
        dcgan((8, 8, 1), **{option: 0})


@pytest.mark.parametrize("norm", ["batch", "layer", "instance", "none"])
def test_norm_options_reach_their_network(norm):
    pair = dcgan((16, 16, 1), width=2, norm="batch", discriminator_norm=norm)
    found = _find(pair.discriminator, NORMS)
    assert len(found) == (norm != "none")  # two maps, the first is never normalised
    assert all(isinstance(layer, L.BatchNormalization) == (norm == "batch") for layer in found)
    pair = dcgan((16, 16, 1), width=2, norm=norm)
    assert len(_find(pair.generator, NORMS)) == 2 * (norm != "none")
    # Without a norm's shift the layers before need their own bias.
    hidden = _find(pair.generator, (L.Dense, L.Conv2DTranspose))[:-1]
    assert {layer.use_bias for layer in hidden} == {norm == "none"}


def test_up_and_down_sampling_options():
    pair = dcgan((16, 16, 1), width=2, upsampling="pixel_shuffle", downsampling="average_pooling")
    assert _kinds(pair.generator).count("PixelShuffle") == 2
    assert "Conv2DTranspose" not in _kinds(pair.generator)
    assert _kinds(pair.discriminator).count("AveragePooling2D") == 2
    assert {layer.strides for layer in _find(pair.discriminator, L.Conv2D)} == {(1, 1)}


def test_leaky_relu_everywhere():
    pair = dcgan((8, 8, 1), width=2, activation="leaky_relu")
    hidden = _find(pair.generator, L.Activation)[0]
    assert float(hidden(np.array([-1.0]))[0]) == pytest.approx(-0.2)


@pytest.mark.parametrize("condition", [3, Vector(3)], ids=str)
@pytest.mark.parametrize("label_input", ["concat", "projection"])
def test_label_forms(label_input, condition):
    pair = dcgan((16, 16, 1), condition, width=2, label_input=label_input)
    for layer in _find(pair.generator, ConditionalAffine):
        # At the start every condition leaves normalised maps as they are.
        code, maps = np.eye(3, dtype="float32")[:2], np.ones((2, 1, 1, layer.gamma.shape[1]))
        code = code if condition == 3 else 5 * code
        np.testing.assert_array_equal(layer(maps, code), maps)
    kinds = _kinds(pair.generator) + _kinds(pair.discriminator)
    projected = label_input == "projection"
    assert kinds.count("LabelProjection") == projected
    assert kinds.count("ConditionalAffine") == 2 * projected
    # generator: two hidden maps; discriminator: image and one hidden map
    assert kinds.count("AppendLabelMaps") == (0 if projected else 4)


@pytest.mark.parametrize("options", [{"upsampling": "nearest"}, {"downsampling": "max"}])
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match="expected"):
        dcgan((8, 8, 1), **options)


def test_layer_norm_is_over_the_whole_example_and_instance_norm_over_the_map():
    x = np.random.default_rng(0).normal(2.0, 3.0, (4, 5, 5, 3)).astype("float32")
    for norm, axes in (("layer", (1, 2, 3)), ("instance", (1, 2)), ("batch", (0, 1, 2))):
        y = np.array(normalization(norm)(x, training=True))
        np.testing.assert_allclose(y.mean(axis=axes), 0.0, atol=1e-5)
        np.testing.assert_allclose(y.std(axis=axes), 1.0, atol=1e-2)
    np.testing.assert_array_equal(normalization("none")(x), x)
    with pytest.raises(ValueError, match="batch, layer, instance, none"):
        normalization("group")
