"""Constants and wiring of layers: bounds, seeds, borders, orders, scales."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfgan_survey.layers.conditioning import LabelProjection
from tfgan_survey.layers.dropout import Dropout, LatentDropout
from tfgan_survey.layers.marginals import MarginalBias
from tfgan_survey.layers.packing import Pack
from tfgan_survey.layers.sampling import (
    LATENTS,
    latent_quantile,
    latents_from_seeds,
    random_latents,
    random_uniform,
)
from tfgan_survey.networks import dcgan, points, two_branch
from tfgan_survey.networks.initializers import Initializers

ROOT = math.sqrt(3.0)
# DCGAN, f-GAN; WGAN-GP; the 2014 code: variance 1; Mirza & Osindero 2014: the unit hypercube.
LAWS = {
    "uniform": stats.uniform(-1.0, 2.0),
    "normal": stats.norm(),
    "uniform_unit_variance": stats.uniform(-ROOT, 2.0 * ROOT),
    "uniform_01": stats.uniform(0.0, 1.0),
}


def test_the_laws_miss_no_latent():
    assert set(LAWS) == set(LATENTS)


@pytest.mark.parametrize("name", LATENTS)
def test_latents_in_training_and_by_seed_follow_the_law(name):
    drawn = random_latents(2000, 8, name, keras.random.SeedGenerator(0))
    by_seed = tf.function(latents_from_seeds)(tf.range(1000, dtype=tf.int64), 8, name)
    for latents in (drawn, by_seed):
        values = np.ravel(latents)
        assert stats.kstest(values, LAWS[name].cdf).pvalue > 1e-3
        low, high = LAWS[name].support()
        assert low <= values.min() and values.max() <= high
        if math.isfinite(low):
            assert values.min() < low + 0.01 and values.max() > high - 0.01
        # columns and neighbouring rows do not repeat each other
        assert np.abs(np.corrcoef(np.asarray(latents).T) - np.eye(8)).max() < 0.15
        rows = np.asarray(latents)
        assert abs(np.corrcoef(rows[:-1].ravel(), rows[1:].ravel())[0, 1]) < 0.05
    for share in (0.1, 0.5, 0.8):
        assert latent_quantile(name, share) == pytest.approx(LAWS[name].ppf(share), abs=1e-9)


@pytest.mark.parametrize("name", LATENTS)
def test_a_row_is_a_function_of_its_seed_alone(name):
    seeds = tf.constant([7, 3, 7, 2**40 + 7], tf.int64)
    rows = latents_from_seeds(seeds, 5, name).numpy()
    np.testing.assert_array_equal(rows[0], rows[2])
    np.testing.assert_array_equal(rows[:1], latents_from_seeds(seeds[:1], 5, name))
    for other in (rows[1], rows[3]):
        assert (rows[0] != other).all()
    key = tf.constant([7, 0], tf.int64)  # TensorFlow's stateless operations, philox named
    unit = tf.random.stateless_uniform((5,), key, alg="philox")
    if name == "normal":
        unit, expected = None, tf.random.stateless_normal((5,), key, alg="philox")
    else:
        low, high = LAWS[name].support()
        expected = low + (high - low) * unit
    np.testing.assert_allclose(rows[0], expected, rtol=1e-5, atol=1e-6)


def test_draws_advance_the_generator_by_one():
    for draw in (
        lambda seed: random_uniform((4,), seed),
        lambda seed: random_latents(2, 2, "uniform", seed),
        lambda seed: random_latents(2, 2, "normal", seed),
    ):
        seed, other = keras.random.SeedGenerator(5), keras.random.SeedGenerator(5)
        first, second = np.ravel(draw(seed)), np.ravel(draw(seed))
        assert (first != second).all()
        other.next()
        np.testing.assert_array_equal(np.ravel(draw(other)), second)
    values = np.ravel(random_uniform((4000,), keras.random.SeedGenerator(1)))
    assert stats.kstest(values, "uniform").pvalue > 1e-3


def test_dropout_drops_its_share_and_scales_the_rest():
    layer, x = Dropout(0.2, seed=3), tf.fill((200, 50), 2.0)
    y = np.array(layer(x, training=True))
    assert set(np.unique(y)) == {0.0, np.float32(2.5)}  # 2 / (1 - 0.2)
    assert (y == 0).mean() == pytest.approx(0.2, abs=0.016)  # 4 standard errors
    np.testing.assert_array_equal(layer(x), x)
    assert (np.array(layer(x, training=True)) != y).any()


def test_latent_dropout_drops_what_is_below_the_threshold():
    layer = LatentDropout(0.25, threshold=0.5)
    x, noise = tf.constant([[1.0, 2.0, 3.0]]), tf.constant([[0.49, 0.5, 0.51]])
    for training in (False, True):
        np.testing.assert_allclose(
            layer([x, noise], training=training), [[0.0, 2.0 / 0.75, 3.0 / 0.75]], rtol=1e-6
        )


def test_pack_joins_rows_that_follow_each_other():
    x = np.arange(12.0, dtype="float32").reshape(6, 2)
    packed = np.array(Pack(3)(x))
    np.testing.assert_array_equal(packed, [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]])
    assert Pack(3).compute_output_shape((6, 2)) == (2, 6)
    assert Pack(3).compute_output_shape((None, 2)) == (None, 6)
    with pytest.raises(ValueError, match=r"Pack\(0\)"):
        Pack(0)


def test_packing_and_sharpness_reach_the_discriminator():
    pair = points((2,), packing=3, sharpness=4.0, maxout_units=(5,), generator_widths=(3,))
    network = pair.discriminator
    assert [layer.size for layer in network.layers if isinstance(layer, Pack)] == [3]
    scales = [layer.scale for layer in network.layers if isinstance(layer, keras.layers.Rescaling)]
    assert scales == [4.0]
    x = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")
    assert pair.score(tf.constant(x)).shape == (2, 1)
    small = {"maxout_units": (5,), "generator_widths": (3,)}
    one, sharp = (points((2,), sharpness=factor, **small) for factor in (1.0, 4.0))
    np.testing.assert_allclose(
        one.score(tf.constant(4 * x)), sharp.score(tf.constant(x)), rtol=1e-5
    )


def test_two_branch_reads_each_mask_off_its_own_latents():
    """Latents: the code, then one mask value for each unit of latent, label and joint layer."""
    widths = {"latent_width": 3, "label_width": 4, "joint_width": 5}
    pair = two_branch((2, 2, 1), 2, seed=1, latent_dim=2, **widths)
    assert pair.latent_dim == 2 + 3 + 4 + 5
    # positive weights, so that no unit is at 0 by itself
    pair.generator.set_weights([np.abs(w) + 0.01 for w in pair.generator.get_weights()])
    sizes = []
    hidden = [layer for layer in pair.generator.layers if isinstance(layer, LatentDropout)]
    probe = keras.Model(pair.generator.inputs, [layer.output for layer in hidden])
    noise = np.full((1, pair.latent_dim), 0.9, "float32")
    labels = tf.constant([1])
    full = [np.array(one) for one in probe([tf.constant(noise), labels])]
    for position in range(2, pair.latent_dim):
        dropped = noise.copy()
        dropped[0, position] = 0.1  # below the median of U(0, 1)
        outputs = [np.array(one) for one in probe([tf.constant(dropped), labels])]
        # the unit that this value masks: 0 now, and the only one changed in its own layer
        index = 0 if position < 5 else 1 if position < 9 else 2
        layer = next(i for i, one in enumerate(full) if one.shape[-1] == index + 3)
        unit = position - (2, 5, 9)[index]
        assert outputs[layer][0, unit] == 0.0
        others = np.delete(np.arange(index + 3), unit)
        np.testing.assert_array_equal(outputs[layer][0, others], full[layer][0, others])
        sizes.append(index)
    assert sizes == [0] * 3 + [1] * 4 + [2] * 5
    # the code itself masks nothing: it moves the latent branch, whose label has no part in it
    moved = noise.copy()
    moved[0, :2] = 0.1
    for before, after in zip(full, probe([tf.constant(moved), labels]), strict=True):
        after = np.array(after)
        assert (after > 0).all() and (after != before).any() == (after.shape[-1] != 4)


def test_marginal_bias_clips_at_1e_7_only():
    layer = MarginalBias()
    layer.build((None, 4))
    layer.adapt(np.array([0.0, 1e-6, 1e-3, 1.0]))
    expected = [math.log(m / (1 - m)) for m in (1e-7, 1e-6, 1e-3, 1 - 1e-7)]
    np.testing.assert_allclose(layer.bias, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "spread"),
    [
        ("he_normal", math.sqrt(2 / 400)),
        ("glorot_normal", math.sqrt(2 / 700)),
        ("normal_002", 0.02),
        ("keras", math.sqrt(6 / 700) / ROOT),
    ],
)
def test_initializers_by_name(kind, spread):
    initializers = Initializers(kind, 0)
    first, second = (np.array(initializers()((400, 300))) for _ in range(2))
    for values in (first, second):
        assert values.std() == pytest.approx(spread, rel=0.012)
        assert abs(values.mean()) < 5 * spread / math.sqrt(values.size)
    assert (first != second).all()
    np.testing.assert_array_equal(first, Initializers(kind, 0)()((400, 300)))


def test_projection_starts_without_bias_and_channels_stop_doubling_at_eight():
    layer = LabelProjection(3)
    layer.build((2, 5), (2, 3))
    assert layer.kernel.shape == (5, 4) and float(layer.bias[0]) == 0.0
    network = dcgan((128, 128, 1), width=1, latent_dim=2).discriminator
    convolutions = [one for one in network.layers if isinstance(one, keras.layers.Conv2D)]
    assert [one.filters for one in convolutions] == [1, 2, 4, 8, 8]
    shuffled = dcgan((8, 8, 1), width=2, latent_dim=2, upsampling="pixel_shuffle", seed=1)
    sizes = [
        (one.filters, one.kernel_size, one.strides)
        for one in shuffled.generator.layers
        if isinstance(one, keras.layers.Conv2D)
    ]
    assert sizes == [(4, (3, 3), (1, 1))]
    pooled = dcgan((8, 8, 1), width=2, latent_dim=2, downsampling="average_pooling").discriminator
    pools = [one for one in pooled.layers if isinstance(one, keras.layers.AveragePooling2D)]
    assert [one.pool_size for one in pools] == [(2, 2)]


def test_a_mask_drops_its_share():
    """With rates other than a half, P(u < threshold) is the rate and not the rest."""
    pair = two_branch((2, 2, 1), latent_dim=2, latent_width=3, joint_width=3, dropout=0.2)
    layers = [one for one in pair.generator.layers if isinstance(one, LatentDropout)]
    assert [(one.rate, one.threshold) for one in layers] == [(0.2, 0.2)] * 2
