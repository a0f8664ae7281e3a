"""The small trainings: known generators, a discriminator that stays still, the record."""

import keras
import numpy as np
import pytest
from theory_trainings import hold_still, linear_pair, points_gan, train_gaussian, train_recorded

from tfgan_survey import theory
from tfgan_survey.models import GAN
from tfgan_survey.objectives.minimax import Minimax


def test_linear_pair_is_what_it_says():
    pair = linear_pair([[2.0, 0.0], [0.0, -1.0]], [0.5, 3.0])
    latents = np.array([[1.0, 2.0], [0.0, 0.0]], np.float32)
    np.testing.assert_allclose(pair.generate(latents), [[2.5, 1.0], [0.5, 3.0]], atol=1e-6)
    assert pair.score(pair.generate(latents)).shape == (2, 1)


@pytest.fixture(scope="module")
def still():
    """A GAN whose discriminator stands still for its last steps, and D's weights around them."""
    gan = points_gan(1, latent_dim=1, widths=(8,), jit_compile=False)
    points = np.random.default_rng(0).uniform(0.4, 0.6, (512, 1))

    def probe(model):
        networks = (model.discriminator, model.generator)
        return [[weight.copy() for weight in network.get_weights()] for network in networks]

    together = train_recorded(gan, points, 20, probe, every=10, batch_size=64)
    hold_still(gan.d_optimizer)
    alone = train_recorded(gan, points, 20, probe, every=10, batch_size=64)
    return gan, together, alone


def test_record_has_one_entry_before_and_one_a_stretch(still):
    gan, together, alone = still
    assert len(together) == len(alone) == 3
    assert int(gan.d_updates.numpy()) == 40


def test_held_discriminator_is_bitwise_still_while_the_generator_moves(still):
    _, together, alone = still
    for first, last in zip(alone[0][0], alone[-1][0], strict=True):
        np.testing.assert_array_equal(first, last)
    for network in (0, 1):
        assert not np.array_equal(together[0][network][0], together[-1][network][0])
    assert not np.array_equal(alone[0][1][0], alone[-1][1][0])


def test_steps_must_be_a_multiple_of_every(still):
    with pytest.raises(ValueError, match="multiple of every=7"):
        train_recorded(still[0], np.zeros((512, 1)), 20, lambda gan: None, every=7)


def test_discriminator_against_a_still_generator_finds_the_optimum():
    """Uniform against uniform on [-1, 1] shifted: D* is a step, its loss (3/4 of) log 4."""
    pair = linear_pair([[1.0]], [0.0], latent="uniform", activation="leaky_relu")
    gan = GAN(pair, Minimax())
    gan.compile(keras.optimizers.Adam(1e-2), keras.optimizers.SGD(0.0), jit_compile=False)
    points = np.random.default_rng(0).uniform(-0.5, 1.5, (8192, 1))
    totals = train_recorded(
        gan, points, 300, lambda model: model.loss_means.totals.numpy()[0], every=100
    )
    # masses by quarters: p lacks [-1, -0.5], q lacks [1, 1.5], both have 3/4 in the middle
    p, q = np.array([0.0, 0.75, 0.25]), np.array([0.25, 0.75, 0.0])
    d_loss = (totals[-1] - totals[-2]) / 100
    assert d_loss == pytest.approx(-theory.generator_value(p, q), abs=0.06)
    assert theory.generator_value(p, q) == pytest.approx(-0.75 * np.log(4), abs=1e-12)


def test_trained_gaussian_moves_to_the_optimum():
    """From N(0, 1), most of the way in 400 steps; the figure has the full training."""
    best = theory.best_gaussian("jensen_shannon", theory.paper_mixture())
    found = train_gaussian(
        "jensen_shannon", theory.paper_mixture(), steps=400, batch_size=256, learning_rate=2e-2
    )
    assert found.mean == pytest.approx(best.mean, abs=0.15)
    assert found.deviation == pytest.approx(best.deviation, abs=0.15)
    assert found.divergence == pytest.approx(best.divergence, abs=0.05)
