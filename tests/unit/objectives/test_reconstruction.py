"""Reconstruction losses against their formulas, in float64 by hand, and against each other."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.models.vae import gaussian_kl
from tfgan_survey.objectives.reconstruction import RECONSTRUCTIONS

generator = np.random.default_rng(0)
IMAGES = generator.uniform(size=(5, 4, 3, 2)).astype(np.float32)
BITS = (generator.uniform(size=(5, 4, 3, 2)) < 0.4).astype(np.float32)
OUTPUTS = (3.0 * generator.normal(size=(5, 4, 3, 2))).astype(np.float32)


def loss(name, images=IMAGES, outputs=OUTPUTS, **options):
    made = RECONSTRUCTIONS[name](**options).per_example(tf.constant(images), tf.constant(outputs))
    return made.numpy()


def sigmoid(values):
    return 1.0 / (1.0 + np.exp(-values.astype(np.float64)))


def means(output):
    return sigmoid(OUTPUTS) if output == "sigmoid" else OUTPUTS.astype(np.float64)


@pytest.mark.parametrize("output", ["sigmoid", "linear"])
def test_the_squared_error_is_summed_over_pixels(output):
    by_hand = ((IMAGES - means(output)) ** 2).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(loss("squared_error", output=output), by_hand, rtol=1e-5)


def test_the_bernoulli_loss_is_the_cross_entropy_of_the_sigmoid():
    p = sigmoid(OUTPUTS)
    for images in (BITS, IMAGES):
        by_hand = -(images * np.log(p) + (1.0 - images) * np.log(1.0 - p)).sum(axis=(1, 2, 3))
        np.testing.assert_allclose(loss("bernoulli", images), by_hand, rtol=1e-5)


def test_the_bernoulli_likelihood_sums_to_one_over_all_pictures():
    every = np.array(np.meshgrid(*[[0.0, 1.0]] * 4)).reshape(4, -1).T.astype(np.float32)
    outputs = np.tile(OUTPUTS[0].reshape(-1)[:4], (16, 1))
    found = RECONSTRUCTIONS["bernoulli"]().per_example(tf.constant(every), tf.constant(outputs))
    assert np.exp(-found.numpy().astype(np.float64)).sum() == pytest.approx(1.0, abs=1e-5)


def test_the_bernoulli_loss_is_finite_and_sloped_where_probabilities_are_0_or_1_in_float32():
    outputs = tf.constant([[-200.0], [200.0]])
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        wrong = RECONSTRUCTIONS["bernoulli"]().per_example(tf.constant([[1.0], [0.0]]), outputs)
    np.testing.assert_allclose(wrong, [200.0, 200.0])
    np.testing.assert_allclose(tape.gradient(wrong, outputs), [[-1.0], [1.0]])


@pytest.mark.parametrize("output", ["sigmoid", "linear"])
@pytest.mark.parametrize("stddev", [0.1, 1.0, 2.0])
def test_the_gaussian_loss_is_the_log_density_with_its_constant(stddev, output):
    apart = (IMAGES - means(output)) / stddev
    each = 0.5 * apart**2 + math.log(stddev) + 0.5 * math.log(2.0 * math.pi)
    found = loss("gaussian", stddev=stddev, output=output)
    np.testing.assert_allclose(found, each.sum(axis=(1, 2, 3)), rtol=1e-5, atol=1e-4)


def test_a_gaussian_of_one_pixel_integrates_to_one():
    grid = np.linspace(-8.0, 8.0, 4001, dtype=np.float32)[:, None]
    outputs = np.full_like(grid, 0.3)
    density = np.exp(-loss("gaussian", grid, outputs, stddev=0.7, output="linear"))
    assert density.sum() * (grid[1, 0] - grid[0, 0]) == pytest.approx(1.0, abs=1e-4)


def test_the_lecture_s_loss_is_twice_the_bound_less_its_constant():
    """(x - x~)^2 + c, with c = sum exp(e) - (1 + e) + m^2, against E + KL of stddev 1."""
    m, e = generator.normal(size=(2, 5, 3)).astype(np.float32)
    c = (np.exp(e) - (1.0 + e) + m**2).sum(axis=-1)
    lecture = loss("squared_error") + c
    bound = loss("gaussian", stddev=1.0) + gaussian_kl(tf.constant(m), tf.constant(e)).numpy()
    constant = 24 * math.log(2.0 * math.pi)  # twice 24 pixels' log sqrt(2 pi)
    np.testing.assert_allclose(lecture, 2.0 * bound - constant, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", list(RECONSTRUCTIONS))
def test_several_codes_of_an_image_keep_their_leading_axis(name):
    several = np.stack([OUTPUTS, -OUTPUTS, 0.5 * OUTPUTS])
    found = loss(name, IMAGES, several)
    assert found.shape == (3, 5)
    for row, outputs in zip(found, several, strict=True):
        np.testing.assert_allclose(row, loss(name, IMAGES, outputs), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "output"),
    [
        ("squared_error", {}, "sigmoid"),
        ("squared_error", {"output": "linear"}, "linear"),
        ("bernoulli", {}, "sigmoid"),
        ("gaussian", {}, "sigmoid"),
        ("gaussian", {"output": "linear"}, "linear"),
    ],
)
def test_the_picture_is_what_the_loss_compares_with(name, options, output):
    one = RECONSTRUCTIONS[name](**options)
    np.testing.assert_allclose(one.mean(tf.constant(OUTPUTS)), means(output), rtol=1e-5)
    # and where it is least: every pixel's slope is 0 at an image that is its own picture
    target, outputs = tf.constant(means(output), tf.float32), tf.Variable(OUTPUTS)
    with tf.GradientTape() as tape:
        summed = tf.reduce_sum(one.per_example(target, outputs))
    assert np.abs(tape.gradient(summed, outputs)).max() < 1e-6


def test_likelihoods_say_so():
    found = {name for name, one in RECONSTRUCTIONS.items() if one.is_likelihood}
    assert found == {"bernoulli", "gaussian"}


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [("gaussian", "stddev", 0.0), ("gaussian", "output", "tanh"), ("squared_error", "output", 1)],
)
def test_options_outside_their_range_are_refused(name, key, value):
    with pytest.raises(SettingError, match=f"{key}={value}: expected"):
        RECONSTRUCTIONS[name](**{key: value})
