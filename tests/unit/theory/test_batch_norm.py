"""The snippet's discriminator: d_loss of real networks never falls below Jensen's bound."""

import functools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.networks import mlp
from tfgan_survey.objectives.minimax import Minimax
from tfgan_survey.theory import batch_norm_score_bound

SHAPE = (6, 6, 1)


@functools.cache
def legacy_pair(seed):
    return mlp(SHAPE, seed=seed, latent_dim=4, discriminator_output_norm=True)


def legacy_loss(seed, gamma, beta):
    """Return d_loss of a discriminator with random weights on two very different batches."""
    pair = legacy_pair(seed)
    layer = pair.discriminator.layers[-1]
    assert isinstance(layer, keras.layers.BatchNormalization)
    layer.gamma.assign([gamma])
    layer.beta.assign([beta])
    rng = np.random.default_rng(seed)
    real = tf.constant(rng.uniform(0.6, 1.0, (32, *SHAPE)), tf.float32)
    fake = tf.constant(rng.uniform(0.0, 0.3, (32, *SHAPE)) ** 2, tf.float32)
    scores = [pair.score(batch, training=True) for batch in (real, fake)]
    return float(Minimax().discriminator_loss(*scores)), scores


@pytest.mark.parametrize("beta", [-3.0, -0.5, 0.0, 0.2, 2.0])
@pytest.mark.parametrize("gamma", [-2.0, 0.3, 1.0, 5.0])
def test_real_discriminator_stays_above_the_bound(gamma, beta):
    bound = float(batch_norm_score_bound(beta))
    for seed in range(3):
        loss, scores = legacy_loss(seed, gamma, beta)
        for batch in scores:  # what the proof rests on
            assert float(tf.reduce_mean(batch)) == pytest.approx(beta, abs=1e-4)
        assert loss > bound + 1e-3  # strictly: the scores have spread


@pytest.mark.parametrize("beta", [-3.0, 0.0, 1.5])
def test_equality_where_scores_have_no_spread(beta):
    assert legacy_loss(0, 0.0, beta)[0] == pytest.approx(
        float(batch_norm_score_bound(beta)), abs=1e-6
    )
    # to second order the excess is gamma^2 / 2 (sigmoid' (b) + sigmoid'(-b)): unit-variance scores
    slope = 1 / (2 + 2 * math.cosh(beta))
    excess = legacy_loss(0, 0.05, beta)[0] - float(batch_norm_score_bound(beta))
    assert excess == pytest.approx(0.05**2 * slope, rel=0.1)


def test_bound_itself():
    assert float(batch_norm_score_bound()) == pytest.approx(math.log(4), abs=1e-15)
    shifts = np.linspace(-5, 5, 101)
    bounds = batch_norm_score_bound(shifts)
    np.testing.assert_allclose(bounds, np.log(2 + 2 * np.cosh(shifts)), rtol=1e-12)
    assert shifts[bounds.argmin()] == pytest.approx(0) and bounds.min() >= math.log(4) - 1e-12


def test_gradient_drives_gamma_to_zero():
    """The bound is approached by giving up: d_loss rises with |gamma| on every seed."""
    for seed in range(3):
        losses = [legacy_loss(seed, gamma, 0.0)[0] for gamma in (0.0, 0.5, 1.0, 2.0)]
        assert losses == sorted(losses) and losses[-1] - losses[0] > 0.2


def test_the_mended_discriminator_gets_below_it():
    """Without the norm on the scores a separating layer exists: the data are easy."""
    pair = mlp(SHAPE, seed=0, latent_dim=4, norm="none")
    dense = [layer for layer in pair.discriminator.layers if isinstance(layer, keras.layers.Dense)]
    dense[0].kernel.assign(tf.ones_like(dense[0].kernel))
    dense[1].kernel.assign(tf.ones_like(dense[1].kernel))
    dense[1].bias.assign([-36.0 * 128 * 0.5])
    rng = np.random.default_rng(0)
    real = tf.constant(rng.uniform(0.6, 1.0, (32, *SHAPE)), tf.float32)
    fake = tf.constant(rng.uniform(0.0, 0.3, (32, *SHAPE)), tf.float32)
    loss = Minimax().discriminator_loss(pair.score(real, training=True), pair.score(fake))
    assert float(loss) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("norm", "blind"), [("batch", True), ("none", False)])
def test_batch_norm_in_the_first_layer_hides_a_constant_image(norm, blind):
    # Why survey_gan leaves it out: the grey of border pixels would be invisible to D.
    pair = mlp(SHAPE, seed=0, latent_dim=4, discriminator_norm=norm)
    rng = np.random.default_rng(0)
    images = rng.uniform(0.0, 0.5, (32, *SHAPE)).astype("float32")
    constant = rng.uniform(0.0, 0.5, SHAPE).astype("float32")
    scores, shifted = (
        np.array(pair.score(tf.constant(x), training=True)) for x in (images, images + constant)
    )
    moved = np.abs(shifted - scores).max() / scores.std()
    assert moved < 1e-4 if blind else moved > 0.1
