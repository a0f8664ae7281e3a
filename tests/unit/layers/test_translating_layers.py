"""Layers of translators: mirrored borders, a frame that is learnt, changes of training images."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.layers.augmentation import flipped, jittered
from tfgan_survey.layers.padding import ReflectionPadding
from tfgan_survey.layers.warp import LearntFrame


def noise(shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def test_reflection_padding_mirrors_without_the_border():
    x = noise((2, 4, 5, 3))
    edges = ((0, 0), (2, 2), (2, 2), (0, 0))
    np.testing.assert_array_equal(ReflectionPadding(2)(x), np.pad(x, edges, "reflect"))
    layer = ReflectionPadding(2)
    assert layer.compute_output_shape((None, 4, None, 3)) == (None, 8, None, 3)
    with pytest.raises(ValueError, match="mirrors 4 rows; maps of 4x5 came"):
        ReflectionPadding(4)(x)


def framed(x, scale=(1.0, 1.0), shift=(0.0, 0.0), slant=0.0):
    layer = LearntFrame(speed=1.0)
    layer.build(x.shape)
    layer.frame.assign([[scale[0] - 1.0, shift[0]], [scale[1] - 1.0, shift[1]]])
    layer.slant.assign(slant)
    return layer(tf.constant(x)).numpy()


def test_a_slant_moves_each_row_by_its_distance_from_the_middle():
    x = noise((1, 3, 5, 2))
    moved = framed(x, slant=1.0)[0]
    np.testing.assert_allclose(moved[1], x[0, 1], atol=1e-6)
    np.testing.assert_allclose(moved[0, 1:], x[0, 0, :-1], atol=1e-6)
    np.testing.assert_allclose(moved[2, :-1], x[0, 2, 1:], atol=1e-6)
    np.testing.assert_allclose([moved[0, 0], moved[2, -1]], -1.0, atol=1e-6)


def test_a_frame_starts_as_the_images_own():
    x = noise((2, 5, 6, 3))
    np.testing.assert_allclose(LearntFrame()(x), x, atol=1e-6)


def test_a_frame_of_scale_minus_one_is_the_mirror_image():
    x = noise((1, 4, 4, 1))
    np.testing.assert_allclose(framed(x, scale=(1.0, -1.0)), x[:, :, ::-1], atol=1e-6)


def test_a_shift_moves_by_pixels_and_brings_black_in():
    x = noise((1, 5, 5, 1))
    moved = framed(x, shift=(0.5, 0.0))  # half of the middle, which is 2: one row
    np.testing.assert_allclose(moved[:, :-1], x[:, 1:], atol=1e-6)
    np.testing.assert_allclose(moved[:, -1], -1.0, atol=1e-6)


def test_a_frame_of_twice_the_size_averages_and_passes_no_pixel_over():
    x = -np.ones((1, 9, 9, 1), np.float32)
    for place in range(9):
        one = x.copy()
        one[0, place, 4, 0] = 1.0
        seen = framed(one, scale=(2.0, 1.0))[0, :, 4, 0] + 1.0
        # Away from the border every source pixel weighs 1/2 in all: two rows become one.
        if 2 <= place <= 6:
            np.testing.assert_allclose(seen.sum(), 1.0, atol=1e-5)
    np.testing.assert_allclose(framed(-x, scale=(0.5, 0.5)), 1.0, atol=1e-6)  # enlarged: white


def test_a_frame_moves_with_the_loss():
    x = noise((1, 8, 8, 1))
    wanted = framed(x, scale=(0.8, 1.0))
    layer = LearntFrame()
    optimizer = keras.optimizers.Adam(3e-3)
    layer.build(x.shape)
    for _ in range(150):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(layer(tf.constant(x)) - wanted))
        optimizer.apply(tape.gradient(loss, layer.trainable_variables), layer.trainable_variables)
    assert abs(1.0 + 3.0 * layer.frame.numpy()[0, 0] - 0.8) < 0.02


def blob(sides, middle, spread, slope):
    """A slanted bell of brightness: at `(v, u)` in halves of the sides, v down."""
    v, u = ((2.0 * np.arange(side) + 1.0) / side - 1.0 for side in sides)
    v = v[:, None] - middle[0]
    around = u[None, :] - middle[1] - slope * v
    bell = np.exp(-0.5 * ((v / spread[0]) ** 2 + (around / spread[1]) ** 2))
    return np.rint(255 * bell).astype(np.uint8)[None, ..., None]


def test_a_matched_frame_shows_the_source_where_the_target_lies():
    source = blob((40, 40), (0.1, -0.05), (0.15, 0.12), 0.4)
    target = blob((40, 40), (-0.1, 0.1), (0.22, 0.16), -0.2)
    layer = LearntFrame()
    layer.build((None, 40, 40, 1))
    layer.match(source, target)
    shown = layer(tf.constant(source / np.float32(127.5) - 1.0)).numpy()
    assert np.mean(np.abs((shown + 1.0) / 2.0 - target / 255.0)) < 2e-3  # left as it is: 0.08
    # The way back, of another size: sides count, not pixels.
    back = LearntFrame()
    back.build((None, 40, 40, 1))
    back.match(blob((20, 20), (-0.1, 0.1), (0.22, 0.16), -0.2), source)
    again = back(tf.constant(shown)).numpy()
    assert np.mean(np.abs((again + 1.0) / 2.0 - source / 255.0)) < 3e-3


def test_a_frame_of_nothing_to_see_stays_the_images_own():
    layer = LearntFrame()
    layer.build((None, 4, 4, 1))
    layer.match(np.zeros((2, 4, 4, 1), np.uint8), np.ones((2, 4, 4, 1), np.uint8))
    assert not layer.frame.numpy().any() and not layer.slant.numpy().any()


def test_half_of_the_images_are_mirrored_the_others_left():
    seed = keras.random.SeedGenerator(0)
    x = noise((400, 2, 3, 1))
    found = flipped(tf.constant(x), seed).numpy()
    turned = np.all(found == x[:, :, ::-1], axis=(1, 2, 3))
    kept = np.all(found == x, axis=(1, 2, 3))
    assert np.all(turned ^ kept) and 160 < turned.sum() < 240


def test_jitter_cuts_the_same_size_out_of_the_enlarged_image_at_every_place():
    seed = keras.random.SeedGenerator(0)
    x = noise((2, 10, 10, 1))
    larger = tf.image.resize(x, (12, 12)).numpy()
    places = set()
    for _ in range(60):
        found = jittered(tf.constant(x), 1.2, seed).numpy()
        fits = [
            (i, j) for i in range(3) for j in range(3)
            if np.allclose(found, larger[:, i : i + 10, j : j + 10], atol=1e-6)
        ]  # fmt: skip
        assert len(fits) == 1
        places |= set(fits)
    assert len(places) == 9
