"""The published pairs: sizes by hand, initial ranges, dropout, the bias from the marginals."""

import itertools

import keras
import numpy as np
import pytest

from tfgan_survey.layers.maxout import Maxout
from tfgan_survey.networks import adapt, elu, maxout, mlp, two_branch

SHAPE = (28, 28, 1)


def _find(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


@pytest.fixture(scope="module")
def pair():
    return maxout(SHAPE)


def _dense(*widths):
    return sum(a * b + b for a, b in itertools.pairwise(widths))


@pytest.mark.parametrize(
    ("build", "num_classes", "generator", "discriminator"),
    [
        (maxout, None, _dense(100, 1200, 1200, 784), _dense(784, 1200) + _dense(240, 1200) + 241),
        (
            maxout,
            10,
            _dense(110, 1200, 1200, 784),
            _dense(794, 1200) + _dense(240, 1200) + 241,
        ),
        (
            two_branch,
            10,
            _dense(100, 200) + _dense(10, 1000) + _dense(1200, 1200, 784),
            _dense(784, 240 * 5) + _dense(10, 50 * 5) + _dense(290, 240 * 4) + 241,
        ),
        (
            two_branch,
            None,
            _dense(100, 200, 1200, 784),
            _dense(784, 1200) + _dense(240, 960) + 241,
        ),
        # elu: gamma and beta of two batch norms; moving statistics are not trainable
        (elu, None, _dense(100, 1200, 1200, 784) + 4 * 1200, _dense(784, 240, 240, 1)),
        (mlp, None, _dense(100, 128, 784) + 2 * (128 + 784), _dense(784, 128, 1) + 2 * 128),
    ],
)
def test_numbers_of_weights_by_hand(build, num_classes, generator, discriminator):
    pair = build(SHAPE, num_classes)
    for network, expected in ((pair.generator, generator), (pair.discriminator, discriminator)):
        assert sum(np.prod(w.shape) for w in network.trainable_variables) == expected


def test_2014_ranges_and_latents(pair):
    for network, bound in ((pair.generator, 0.05), (pair.discriminator, 0.005)):
        for weight in network.trainable_variables:
            values = np.array(weight)
            if weight.name == "kernel":
                # the variance of U(-b, b) is b^2 / 3
                assert np.abs(values).max() <= bound
                assert values.std() == pytest.approx(bound / np.sqrt(3), rel=0.1)
            else:
                assert (values == 0).all()
    assert pair.latent == "uniform_unit_variance"
    assert two_branch(SHAPE).latent == "uniform_01"


def test_2014_maxout_and_dropout_rates(pair):
    network = pair.discriminator
    assert [(layer.units, layer.pieces) for layer in _find(network, Maxout)] == [(240, 5)] * 2
    assert [layer.rate for layer in _find(network, keras.layers.Dropout)] == [
        0.2,
        0.5,
        0.5,
    ]
    joint = two_branch(SHAPE, 10).discriminator
    sizes = [(layer.units, layer.pieces) for layer in _find(joint, Maxout)]
    assert sorted(sizes) == [(50, 5), (240, 4), (240, 5)]


def test_dropout_is_random_in_training_only(pair):
    x = np.random.default_rng(0).uniform(size=(4, *SHAPE)).astype("float32")
    assert (np.array(pair.score(x)) == np.array(pair.score(x))).all()
    first, second = (np.array(pair.score(x, training=True)) for _ in range(2))
    assert (first != second).any()


def test_adapt_starts_the_generator_from_the_marginals():
    pair = maxout((4, 4, 1))
    generator = np.random.default_rng(0)
    images = (
        generator.uniform(0, 255, (200, 4, 4, 1)) * np.linspace(0, 1, 4)[:, None, None]
    ).astype("uint8")
    latents = generator.uniform(-1.7, 1.7, (64, 100)).astype("float32")
    assert np.array(pair.generate(latents)).mean() == pytest.approx(0.5, abs=0.05)
    assert adapt(pair, images)
    samples = np.array(pair.generate(latents)).mean(axis=0)
    np.testing.assert_allclose(samples, images.mean(axis=0) / 255, atol=0.05)
    assert samples[0].max() < 1e-5  # a pixel that is always black starts black


def test_adapt_leaves_other_pairs_alone():
    pair = mlp((4, 4, 1))
    before = pair.generator.get_weights()
    assert not adapt(pair, np.zeros((3, 4, 4, 1), "uint8"))
    for a, b in zip(before, pair.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (maxout, {"dropout": 1.0}),
        (maxout, {"input_dropout": -0.1}),
        (two_branch, {"dropout": 1.5}),
        (maxout, {"pieces": 0}),
        (two_branch, {"joint_units": 0}),
    ],
)
def test_wrong_rates_and_widths_are_refused(build, options):
    with pytest.raises(ValueError, match=r"expected|at least 1"):
        build((4, 4, 1), **options)


def test_elu_is_elu_without_norm_in_the_discriminator():
    pair = elu((4, 4, 1), generator_widths=(3, 3), discriminator_widths=(3, 3))
    activations = [
        layer.activation.__name__ for layer in _find(pair.discriminator, keras.layers.Activation)
    ]
    assert activations == ["elu", "elu"]
    assert not any(
        isinstance(layer, keras.layers.BatchNormalization) for layer in pair.discriminator.layers
    )
