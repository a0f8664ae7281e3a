"""Proposition 2 on cells: rate 1 halves the gap, slower rates keep the bound, few steps do not."""

import numpy as np
import pytest

from tfgan_survey import theory


def test_rate_one_halves_the_difference_from_the_data(masses):
    p, q = masses
    path = theory.descend(p, q, 6)
    for k, reached in enumerate(path):
        np.testing.assert_allclose(reached, p + (q - p) / 2**k, rtol=1e-9)


@pytest.mark.parametrize("rate", [0.05, 0.4, 1.0])
def test_value_falls_monotonically_and_stays_below_the_bound(masses, rate):
    p, q = masses
    values = np.array([2 * theory.jensen_shannon(p, r) for r in theory.descend(p, q, 60, rate)])
    assert (np.diff(values)[values[:-1] > 1e-12] < 0).all()
    bound = theory.convergence_bound(p, q, 60, rate)
    np.testing.assert_allclose(
        bound, theory.kl_divergence(p, q) / (rate * np.arange(1, 61)), rtol=1e-12
    )
    assert (values[1:] <= bound).all()


def test_one_update_follows_the_gradient_of_the_value(masses):
    """To first order in the rate: q moves along -q (grad C - its mean), grad C = log(1 - D*)."""
    p, q = masses
    rate = 1e-6
    moved = (theory.descend(p, q, 1, rate)[1] - q) / rate
    gradient = np.log(q / (p + q))
    np.testing.assert_allclose(moved, -q * (gradient - q @ gradient), atol=1e-6)


def test_many_discriminator_steps_equal_a_solved_discriminator(masses):
    p, q = masses
    solved = theory.descend(p, q, 10, 0.2)
    np.testing.assert_allclose(theory.descend(p, q, 10, 0.2, d_steps=4000), solved, atol=1e-5)
    few = theory.descend(p, q, 10, 0.2, d_steps=1, d_rate=0.1)
    assert np.abs(few[-1] - solved[-1]).max() > 1e-3


def test_against_a_lagging_discriminator_the_value_rises_again(masses):
    p, q = masses
    path = theory.descend(p, q, 200, rate=0.5, d_steps=1, d_rate=0.02)
    values = [theory.jensen_shannon(p, r) for r in path]
    assert max(np.diff(values)) > 1e-3
