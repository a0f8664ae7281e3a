"""R1 against its closed form; lazily, in the steps that it asks for."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.models import GAN
from tfgan_survey.networks import NETWORKS
from tfgan_survey.objectives.hinge import Hinge
from tfgan_survey.regularizers.r1 import R1


def test_it_is_half_gamma_times_the_mean_squared_slope_at_real_images():
    # Example i has slope i times 3: the generated images, here none, are not asked.
    slopes = tf.constant([0.0, 1.0, 2.0, 5.0])
    real = tf.random.stateless_normal((4, 6), (0, 1))
    value = R1(weight=10.0).penalty(lambda x: 3.0 * slopes[:, None] * x[:, :1], real, None, None)
    assert float(value) == pytest.approx(5.0 * 9.0 * (0 + 1 + 4 + 25) / 4, rel=1e-5)
    # Of w . x^2 / 2 the slope is w x: d/dw gamma/2 mean |w x|^2 = gamma w mean x^2
    weight = tf.Variable([0.5, -2.0])
    with tf.GradientTape() as tape:
        value = R1(weight=4.0).penalty(
            lambda x: tf.reduce_sum(weight * x**2 / 2, axis=1, keepdims=True),
            real[:, :2],
            None,
            None,
        )
    expected = 4.0 * weight.numpy() * np.mean(real.numpy()[:, :2] ** 2, axis=0)
    np.testing.assert_allclose(tape.gradient(value, weight), expected, rtol=1e-5)


def test_options_and_batch_norm_are_refused():
    with pytest.raises(ValueError, match="weight=-1"):
        R1(weight=-1.0)
    with pytest.raises(ValueError, match="every=0"):
        R1(every=0)
    with pytest.raises(ValueError, match="r1 cannot be used with batch normalisation"):
        R1().validate(NETWORKS["dcgan"]((16, 16, 1), width=2))


def test_lazily_it_counts_as_many_times_in_each_so_many_th_training_step():
    pair = NETWORKS["elu"](
        (2, 2, 1), latent_dim=2, generator_widths=(2,), discriminator_widths=(3,)
    )
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (4, 2, 2, 1)), tf.uint8)

    def penalties(every):
        gan = GAN(pair, Hinge(), R1(weight=2.0, every=every))
        # No rate: every step sees the same discriminator, but for dropout, which elu has none of.
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
        step = tf.function(gan.train_step, autograph=False)
        found, total = [], 0.0
        for count in range(1, 7):  # logs are running means
            mean = float(step(images)["penalty"])
            found.append(mean * count - total)
            total = mean * count
        held_out = float(gan.losses(images)["penalty"])
        return np.array(found), held_out

    plain, held_out = penalties(1)
    np.testing.assert_allclose(plain, plain[0], rtol=1e-4)
    lazy, lazily_held_out = penalties(3)
    np.testing.assert_allclose(lazy, plain[0] * np.array([0, 0, 3, 0, 0, 3]), rtol=1e-3, atol=1e-6)
    assert plain[0] > 1e-3
    assert lazily_held_out == pytest.approx(held_out, rel=1e-4) == pytest.approx(plain[0], rel=1e-4)
