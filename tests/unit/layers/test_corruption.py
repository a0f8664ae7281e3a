"""Corruptions: the stated share or spread, independent pixels, repeatable draws."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.corruption import CORRUPTIONS

# 0.5 can neither be salt nor pepper nor masked, so that every change is seen.
GREY = tf.fill((50, 28, 28, 1), 0.5)
NUM = 50 * 28 * 28


def corrupted(name, images=GREY, seed=0, **options):
    return CORRUPTIONS[name](**options)(images, keras.random.SeedGenerator(seed)).numpy()


def is_share(found, share, num=NUM):
    """Whether a count is binomial, within 4 standard deviations on either side."""
    return abs(found - share * num) <= 4.0 * math.sqrt(share * (1.0 - share) * num)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.7])
def test_masking_sets_its_share_to_zero_and_leaves_the_rest(share):
    seen = corrupted("masking", share=share)
    assert is_share((seen == 0.0).sum(), share)
    assert set(np.unique(seen)) == {0.0, 0.5}


@pytest.mark.parametrize("share", [0.1, 0.25, 0.7])
def test_salt_and_pepper_are_half_of_the_share_each(share):
    seen = corrupted("salt_and_pepper", share=share)
    assert is_share((seen == 0.0).sum(), share / 2)
    assert is_share((seen == 1.0).sum(), share / 2)
    assert is_share((seen == 0.5).sum(), 1.0 - share)


@pytest.mark.parametrize("stddev", [0.1, 0.5])
def test_noise_is_normal_of_the_stated_deviation(stddev):
    noise = (corrupted("gaussian", stddev=stddev) - 0.5) / stddev
    # the mean's and the variance's standard errors are 1 / sqrt(n) and sqrt(2 / n)
    assert abs(noise.mean()) <= 4.0 / math.sqrt(NUM)
    assert abs(noise.var() - 1.0) <= 4.0 * math.sqrt(2.0 / NUM)
    assert is_share((np.abs(noise) < 1.0).sum(), math.erf(1.0 / math.sqrt(2.0)))


@pytest.mark.parametrize("name", ["masking", "gaussian", "salt_and_pepper"])
def test_draws_repeat_with_the_seed_differ_between_images_and_steps(name):
    seen = corrupted(name, seed=3)
    np.testing.assert_array_equal(seen, corrupted(name, seed=3))
    assert not np.array_equal(seen, corrupted(name, seed=4))
    assert not np.array_equal(seen[0], seen[1])
    generator, corruption = keras.random.SeedGenerator(3), CORRUPTIONS[name]()
    first, second = (corruption(GREY, generator).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, seen)
    assert not np.array_equal(first, second)


def test_the_ends_of_the_range_change_nothing_or_all():
    np.testing.assert_array_equal(corrupted("none"), GREY)
    np.testing.assert_array_equal(corrupted("masking", share=0.0), GREY)
    np.testing.assert_array_equal(corrupted("gaussian", stddev=0.0), GREY)
    np.testing.assert_array_equal(corrupted("salt_and_pepper", share=0.0), GREY)
    assert not corrupted("masking", share=1.0).any()
    seen = corrupted("salt_and_pepper", share=1.0)
    assert set(np.unique(seen)) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("masking", {"share": 1.5}),
        ("masking", {"share": -0.1}),
        ("gaussian", {"stddev": -1.0}),
        ("salt_and_pepper", {"share": math.nan}),
    ],
)
def test_shares_and_deviations_outside_their_range_are_refused(name, options):
    ((key, value),) = options.items()
    with pytest.raises(SettingError, match=f"{key}={value}: expected float"):
        CORRUPTIONS[name](**options)
