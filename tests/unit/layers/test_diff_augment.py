"""DiffAugment: each change against NumPy, gradients through all of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.augmentation import DiffAugment, coloured, cut_out, translated
from tfgan_survey.networks import points

SIDE, NUM = 16, 400
IMAGES = np.random.default_rng(0).uniform(0.1, 1.0, (NUM, SIDE, SIDE, 3)).astype("float32")


def changed(function, images=IMAGES, seed=0):
    return function(tf.constant(images), keras.random.SeedGenerator(seed)).numpy()


def rolled(image, down, right):
    """Move by whole pixels with np.roll; what comes in is 0."""
    moved = np.roll(image, (down, right), axis=(0, 1))
    rows, columns = np.arange(SIDE) - down, np.arange(SIDE) - right
    inside = ((rows >= 0) & (rows < SIDE))[:, None] & ((columns >= 0) & (columns < SIDE))[None, :]
    return moved * inside[..., None]


def test_translation_is_by_whole_pixels_up_to_an_eighth_each_as_likely():
    reach, seen = SIDE // 8, []
    for image, moved in zip(IMAGES, changed(translated), strict=True):
        shifts = [
            (down, right)
            for down in range(-reach, reach + 1)
            for right in range(-reach, reach + 1)
            if np.array_equal(rolled(image, down, right), moved)
        ]
        assert len(shifts) == 1
        seen += shifts
    for axis in (0, 1):
        counts = np.bincount([shift[axis] + reach for shift in seen], minlength=2 * reach + 1)
        # 400 draws among 5: 80 each, a standard deviation of 8
        assert len(counts) == 5 and np.abs(counts - 80).max() < 36


def test_cutout_removes_a_quarter_or_what_of_it_lies_inside():
    areas = []
    for image, cut in zip(IMAGES, changed(cut_out), strict=True):
        gone = (cut == 0).all(axis=-1)
        np.testing.assert_array_equal(np.where(gone[..., None], 0.0, image), cut)
        rows, columns = np.flatnonzero(gone.any(axis=1)), np.flatnonzero(gone.any(axis=0))
        assert gone.sum() == len(rows) * len(columns)  # a rectangle
        for places in (rows, columns):
            assert np.array_equal(places, np.arange(places[0], places[-1] + 1))
            # the whole half side, unless it hangs over an end
            assert len(places) == SIDE // 2 or 0 in places or SIDE - 1 in places
            assert SIDE // 4 <= len(places) <= SIDE // 2
        areas.append(gone.mean())
    assert max(areas) == 0.25
    # Centres 0..16: 9 of 17 give all 8 rows, the others 4, 4, 5, 5, 6, 6, 7, 7.
    mean = ((9 * 8 + 2 * (4 + 5 + 6 + 7)) / 17 / SIDE) ** 2
    assert np.mean(areas) == pytest.approx(mean, abs=0.01)  # four errors of 400 draws


def test_colour_is_brightness_then_saturation_then_contrast():
    drawn = tf.random.stateless_uniform(
        (3, NUM, 1, 1, 1), keras.random.SeedGenerator(0).next(), alg="philox"
    ).numpy()
    x = IMAGES + drawn[0] - 0.5
    x = (x - x.mean(axis=3, keepdims=True)) * 2.0 * drawn[1] + x.mean(axis=3, keepdims=True)
    mean = x.mean(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(
        changed(coloured), (x - mean) * (drawn[2] + 0.5) + mean, rtol=1e-4, atol=1e-5
    )


def test_each_image_has_its_own_draw_and_gradients_flow_through_all_three():
    augment, seed = DiffAugment(), keras.random.SeedGenerator(1)
    same = tf.constant(np.repeat(IMAGES[:1], 3, axis=0))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(same)
        once, twice = augment(same, seed), augment(same, seed)
        total = tf.reduce_sum(once * once)
    made = np.concatenate([once, twice])
    assert once.shape == same.shape
    assert all(np.abs(made[i] - made[j]).max() > 0.1 for i in range(6) for j in range(i))
    slope = tape.gradient(total, same).numpy()
    # Against a difference: pixels that were moved out or cut have a slope through colour alone.
    step = 1e-2 * np.random.default_rng(2).normal(size=same.shape).astype("float32")
    ends = [
        float(tf.reduce_sum(tf.square(augment(same + sign * step, keras.random.SeedGenerator(1)))))
        for sign in (1, -1)
    ]
    assert (ends[0] - ends[1]) / 2 == pytest.approx(float((slope * step).sum()), rel=0.02)
    assert (np.abs(slope).max(axis=(1, 2, 3)) > 0.1).all()


def test_the_policy_says_which_and_wrong_ones_are_refused():
    seed = keras.random.SeedGenerator
    one = DiffAugment(policy=("translation",))
    np.testing.assert_array_equal(one(IMAGES, seed(3)), translated(tf.constant(IMAGES), seed(3)))
    assert one.get_config() == {"policy": ("translation",)}
    with pytest.raises(SettingError, match="each change once"):
        DiffAugment(policy=("colour", "colour"))
    with pytest.raises(SettingError, match="policy="):
        DiffAugment(policy=("flip",))
    with pytest.raises(ValueError, match=r"these networks take \(2,\). Leave augmentation out"):
        one.validate(points((2,), generator_widths=(2,), maxout_units=(2,), pieces=2))
