"""Penalties on codes against their formulas in float64, and which codes they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.codes import CODES
from tfgan_survey.regularizers.code import CODE_PENALTIES

CODES_SEEN = np.random.default_rng(0).normal(size=(6, 5))
MAPS = np.random.default_rng(1).normal(size=(4, 3, 2, 5))
RATES = np.random.default_rng(2).uniform(0.02, 0.9, size=(6, 5))


def penalty(name, codes, **options):
    made = CODE_PENALTIES[name](**options)
    codes = tf.constant(codes, tf.float32)
    return float(made.penalty(codes, lambda x: x, codes, keras.random.SeedGenerator(0)))


@pytest.mark.parametrize("codes", [CODES_SEEN, MAPS], ids=["vectors", "maps"])
def test_norms_are_summed_over_a_code_and_averaged_over_examples(codes):
    num = len(codes)
    assert penalty("l1", codes, weight=0.3) == pytest.approx(
        0.3 * np.abs(codes).sum() / num, rel=1e-5
    )
    assert penalty("l2", codes, weight=0.3) == pytest.approx(0.3 * (codes**2).sum() / num, rel=1e-5)


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_the_target_rate_s_divergence_is_of_each_unit_s_mean(rate):
    q = RATES.mean(axis=0)
    by_hand = rate * np.log(rate / q) + (1.0 - rate) * np.log((1.0 - rate) / (1.0 - q))
    found = penalty("target_rate", RATES, rate=rate, weight=2.0)
    assert found == pytest.approx(2.0 * by_hand.sum(), rel=1e-4)


def test_the_target_rate_is_free_at_the_target_and_pulls_from_both_sides():
    at = np.full((8, 3), 0.2)
    assert penalty("target_rate", at, rate=0.2) == pytest.approx(0.0, abs=1e-6)
    one = CODE_PENALTIES["target_rate"](rate=0.2)
    for level, sign in ((0.1, -1.0), (0.4, 1.0)):
        codes = tf.constant(np.full((8, 3), level), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(codes)
            found = one.penalty(codes, None, None, None)
        # d/dz_ij = (q - rho) / (q (1 - q)) / n
        slope = (level - 0.2) / (level * (1.0 - level)) / 8
        np.testing.assert_allclose(tape.gradient(found, codes), np.full((8, 3), slope), rtol=1e-4)
        assert np.sign(slope) == sign


def test_units_that_are_always_off_or_on_cost_a_finite_sum():
    for level in (0.0, 1.0):
        found = penalty("target_rate", np.full((4, 2), level), rate=0.5)
        by_hand = 2 * (0.5 * np.log(0.5 / 1e-6) + 0.5 * np.log(0.5 / (1.0 - 1e-6)))
        assert found == pytest.approx(by_hand, rel=0.02)


def test_no_penalty_is_nothing():
    assert penalty("none", CODES_SEEN) == 0.0


@pytest.mark.parametrize(
    ("code", "options", "takes"),
    [
        ("continuous", {"activation": "sigmoid"}, True),
        ("binary", {}, True),
        ("continuous", {}, False),
        ("continuous", {"activation": "relu"}, False),
        ("k_sparse", {}, False),
        ("vector_quantised", {}, False),
    ],
)
def test_a_rate_is_asked_only_of_codes_between_0_and_1(code, options, takes):
    made = CODES[code](**options)
    for name in ("none", "l1", "l2"):
        CODE_PENALTIES[name]().validate(made)
    if takes:
        CODE_PENALTIES["target_rate"]().validate(made)
        return
    with pytest.raises(
        ValueError, match=r"between 0 and 1: choose code=continuous.*or code=binary"
    ):
        CODE_PENALTIES["target_rate"]().validate(made)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [("l1", "weight", -0.1), ("l2", "weight", -1.0), ("target_rate", "rate", 0.0),
     ("target_rate", "rate", 1.0), ("target_rate", "weight", -1.0)],
)  # fmt: skip
def test_options_outside_their_range_are_refused(name, key, value):
    with pytest.raises(SettingError, match=f"{key}={value}: expected float"):
        CODE_PENALTIES[name](**{key: value})
