import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.networks import NETWORKS
from tfgan_survey.regularizers.gradient_penalty import GradientPenalty


@pytest.fixture
def seed():
    return keras.random.SeedGenerator(1)


def _images(*shape):
    return tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)


@pytest.mark.parametrize("shape", [(8, 3), (8, 4, 4, 2)])
@pytest.mark.parametrize("slope", [0.2, 1.0, 4.0])
@pytest.mark.parametrize(("weight", "target"), [(10.0, 1.0), (2.5, 0.0)])
def test_a_linear_critic_costs_the_squared_distance_of_its_slope(
    seed, shape, slope, weight, target
):
    direction = np.random.default_rng(1).normal(size=shape[1:])
    direction *= slope / np.linalg.norm(direction)

    def score(x):
        return tf.reshape(tf.reduce_sum(x * direction, axis=list(range(1, len(shape)))), (-1, 1))

    value = GradientPenalty(weight, target).penalty(score, _images(*shape), -_images(*shape), seed)
    assert float(value) == pytest.approx(weight * (slope - target) ** 2, rel=1e-4, abs=1e-8)


def test_norms_are_taken_per_example(seed):
    # Example i is given slope i: one norm over the batch would give another mean.
    slopes = tf.constant([0.0, 1.0, 2.0, 5.0])

    def score(x):
        return slopes[:, None] * x[:, :1]

    value = GradientPenalty(1.0).penalty(score, _images(4, 6), _images(4, 6), seed)
    assert float(value) == pytest.approx((1 + 0 + 1 + 16) / 4, rel=1e-4)


def test_points_lie_uniformly_between_the_images_one_share_an_example(seed):
    seen = []
    real, fake = tf.zeros((4000, 2, 1, 1)), tf.ones((4000, 2, 1, 1))

    def score(x):
        seen.append(x.numpy()[:, :, 0, 0])
        return tf.reduce_sum(x, axis=(1, 2, 3))[:, None]

    GradientPenalty().penalty(score, real, fake, seed)
    (points,) = seen
    np.testing.assert_array_equal(points[:, 0], points[:, 1])
    # quantiles of U[0, 1]; the largest deviation of 4,000 draws stays below 0.03 (p < 1e-3)
    quantiles = np.sort(points[:, 0]) - (np.arange(4000) + 0.5) / 4000
    assert np.abs(quantiles).max() < 0.03


def test_a_flat_critic_has_a_finite_gradient(seed):
    weight = tf.Variable(tf.zeros((3, 1)))
    with tf.GradientTape() as tape:
        value = GradientPenalty().penalty(lambda x: x @ weight, _images(4, 3), _images(4, 3), seed)
    assert float(value) == pytest.approx(10.0, rel=1e-4)
    assert np.isfinite(tape.gradient(value, weight).numpy()).all()


def test_the_gradient_reaches_the_critics_weights(seed):
    # d/dw 10 (|w| - 1)^2 = 20 (|w| - 1) w / |w|
    weight = tf.Variable([[3.0], [4.0]])
    with tf.GradientTape() as tape:
        value = GradientPenalty().penalty(lambda x: x @ weight, _images(4, 2), _images(4, 2), seed)
    np.testing.assert_allclose(tape.gradient(value, weight), [[48.0], [64.0]], rtol=1e-4)


def test_low_precision_critics_are_penalised_in_float32(seed):
    def score(x):
        return tf.cast(tf.cast(x, tf.bfloat16)[:, :1] * 3, tf.float32)

    value = GradientPenalty().penalty(score, _images(4, 2), _images(4, 2), seed)
    assert value.dtype == tf.float32
    assert float(value) == pytest.approx(40.0, rel=1e-4)


def test_batch_norm_is_refused_however_deep():
    with pytest.raises(ValueError, match="discriminator_norm='layer'"):
        GradientPenalty().validate(NETWORKS["dcgan"]((16, 16, 1), width=2))
    pair = NETWORKS["dcgan"]((16, 16, 1), width=2, discriminator_norm="layer")
    GradientPenalty().validate(pair)
    inner = keras.Sequential([keras.layers.BatchNormalization(name="hidden")])
    pair.discriminator = keras.Sequential([keras.Input((3,)), keras.Sequential([inner])])
    with pytest.raises(ValueError, match="hidden"):
        GradientPenalty().validate(pair)


@pytest.mark.parametrize("arguments", [{"weight": -1.0}, {"target": -0.5}])
def test_negative_options_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        GradientPenalty(**arguments)


def test_with_packing_the_norm_is_that_of_the_pack():
    """s = u . x1 + v . x2 over a pack of two points has the slope |(u, v)|, not |u| and |v|."""
    slope = np.array([3.0, 0.0, 0.0, 4.0], "float32")

    def packed(points):
        return tf.reshape(points, (-1, 4)) @ slope[:, None]

    points = tf.random.stateless_normal((6, 2), (1, 2))
    for target, expected in ((0.0, 25.0), (1.0, 16.0), (5.0, 0.0)):
        penalty = GradientPenalty(weight=1.0, target=target).penalty(
            packed, points, -points, keras.random.SeedGenerator(0)
        )
        assert float(penalty) == pytest.approx(expected, abs=1e-5)
