"""Published constants of the layers, and options that reach the network they are for."""

import keras
import numpy as np
import pytest

from tfgan_survey.networks import Spec, dcgan, mlp, points
from tfgan_survey.networks.maxout import adapt, maxout, two_branch


def layers(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


@pytest.fixture(scope="module")
def images_pair():
    return dcgan((28, 28, 1), width=2, latent_dim=3)


def test_batch_norm_has_the_constants_of_the_dcgan_code(images_pair):
    found = layers(images_pair.generator, keras.layers.BatchNormalization)
    found += layers(images_pair.discriminator, keras.layers.BatchNormalization)
    assert len(found) == 3
    assert {(layer.momentum, layer.epsilon) for layer in found} == {(0.9, 1e-5)}


def test_leaky_units_have_slope_one_fifth(images_pair):
    found = layers(images_pair.discriminator, keras.layers.LeakyReLU)
    assert len(found) == 2 and {layer.negative_slope for layer in found} == {0.2}


def test_what_a_norm_follows_has_no_bias_and_what_none_follows_has_one(images_pair):
    convolutions = (keras.layers.Conv2D, keras.layers.Conv2DTranspose, keras.layers.Dense)
    generator = layers(images_pair.generator, convolutions)
    assert [layer.use_bias for layer in generator] == [False, False, True]
    discriminator = layers(images_pair.discriminator, convolutions)
    assert [layer.use_bias for layer in discriminator] == [True, False, True]
    bare = dcgan((28, 28, 1), width=2, latent_dim=3, norm="none")
    for network in (bare.generator, bare.discriminator):
        assert all(layer.use_bias for layer in layers(network, convolutions))


def test_channels_double_up_to_eight_times():
    found = layers(dcgan((128, 128, 1), width=1).discriminator, keras.layers.Conv2D)
    assert [layer.filters for layer in found] == [1, 2, 4, 8, 8]
    generator = dcgan((128, 128, 1), width=1).generator
    made = layers(generator, keras.layers.Conv2DTranspose)
    assert [layer.filters for layer in made] == [8, 4, 2, 1, 1]


@pytest.mark.parametrize(
    ("build", "shape", "options"), [(dcgan, (28, 28, 1), {"width": 2}), (mlp, (4, 4, 1), {})]
)
@pytest.mark.parametrize(("norm", "discriminator_norm"), [("batch", "none"), ("none", "batch")])
def test_a_norm_for_one_network_reaches_that_one_alone(
    build, shape, options, norm, discriminator_norm
):
    pair = build(shape, norm=norm, discriminator_norm=discriminator_norm, **options)
    kind = keras.layers.BatchNormalization
    assert bool(layers(pair.generator, kind)) == (norm == "batch")
    assert bool(layers(pair.discriminator, kind)) == (discriminator_norm == "batch")


def test_discriminator_width_is_the_discriminator_s():
    pair = dcgan((28, 28, 1), width=2, discriminator_width=3)
    assert layers(pair.discriminator, keras.layers.Conv2D)[0].filters == 3
    assert layers(pair.generator, keras.layers.Conv2DTranspose)[0].filters == 2


@pytest.mark.parametrize("normed", [True, False])
def test_norm_on_the_pixels_is_an_option(normed):
    pair = mlp((4, 4, 1), generator_widths=(3, 3), generator_output_norm=normed)
    assert len(layers(pair.generator, keras.layers.BatchNormalization)) == 2 + normed


def test_2014_layers_have_each_their_own_rate_and_pieces():
    pair = maxout((4, 4, 1), generator_widths=(3,), maxout_units=(2, 4), input_dropout=0.1)
    assert [layer.rate for layer in layers(pair.discriminator, keras.layers.Dropout)] == [
        *(0.1, 0.5, 0.5)
    ]
    branches = two_branch((4, 4, 1), 3, pieces=2, joint_pieces=3, image_units=5, label_units=6)
    found = [layer for layer in branches.discriminator.layers if hasattr(layer, "pieces")]
    assert sorted((layer.units, layer.pieces) for layer in found) == [(5, 2), (6, 2), (240, 3)]


def test_marginals_are_those_of_every_image():
    images = np.zeros((300, 2, 2, 1), np.uint8)
    images[150:] = 255
    pair = maxout((2, 2, 1), generator_widths=(3,), maxout_units=(2,))
    assert adapt(pair, images)
    (bias,) = (one for one in pair.generator.weights if one.path.startswith("marginal_bias"))
    np.testing.assert_allclose(bias.numpy(), 0.0, atol=1e-6)  # half are white


def test_points_take_their_own_widths():
    pair = points((2,), generator_widths=(3, 4), maxout_units=(5,), pieces=2, packing=2)
    assert [layer.units for layer in layers(pair.generator, keras.layers.Dense)] == [3, 4, 2]


def test_images_are_clipped_to_the_unit_range_and_points_left_alone():
    made = np.array([[-3.0, -1.0, 0.0, 1.0, 3.0]], np.float32)
    scaled = Spec((5, 1, 1), output_range=(-1.0, 1.0)).to_unit(made)
    np.testing.assert_array_equal(scaled, [[0.0, 0.0, 0.5, 1.0, 1.0]])
    np.testing.assert_array_equal(Spec((5,), output_range=None).to_unit(made), made)
