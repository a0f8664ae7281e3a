"""Codes: what the decoder gets, and which gradient the encoder gets, each by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.codes import CODES


def outputs(shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def gradient(function, at):
    """Return the gradient of `sum(weights * function(at))`, and the weights, all different."""
    weights = outputs(at.shape, seed=9)
    with tf.GradientTape() as tape:
        tape.watch(at)
        loss = tf.reduce_sum(weights * function(at))
    return tape.gradient(loss, at).numpy(), weights.numpy()


def book(num_codes=3, length=2, commitment=0.25, shape=None):
    code = CODES["vector_quantised"](num_codes=num_codes, commitment=commitment)
    code.build((None, *(shape or (length,))))
    code.book.assign(np.random.default_rng(4).normal(size=(num_codes, length)))
    return code


@pytest.mark.parametrize(
    ("activation", "by_hand", "unit"),
    [
        ("linear", lambda o: o, False),
        ("sigmoid", lambda o: 1.0 / (1.0 + np.exp(-o)), True),
        ("relu", lambda o: np.maximum(o, 0.0), False),
        ("tanh", np.tanh, False),
    ],
)
def test_a_continuous_code_is_the_activation(activation, by_hand, unit):
    code, given = CODES["continuous"](activation=activation), outputs((5, 4))
    np.testing.assert_allclose(code(given), by_hand(given.numpy()), rtol=1e-5, atol=1e-6)
    assert code.in_unit_interval is unit


def test_bits_are_hard_forwards_and_the_sigmoid_backwards():
    code = CODES["binary"]()
    given = tf.concat([outputs((6, 50)) * 5.0, tf.zeros((6, 1))], axis=1)
    bits = code(given).numpy()
    np.testing.assert_array_equal(bits, (given.numpy() > 0).astype(np.float32))
    assert 0.3 < bits.mean() < 0.7
    found, weights = gradient(code, given)
    soft = 1.0 / (1.0 + np.exp(-given.numpy().astype(np.float64)))
    np.testing.assert_allclose(found, weights * soft * (1.0 - soft), rtol=1e-4, atol=1e-7)
    assert code.in_unit_interval


@pytest.mark.parametrize("shape", [(7, 12), (3, 2, 2, 12)])
def test_k_sparse_keeps_the_k_largest_as_they_are(shape):
    code, given = CODES["k_sparse"](k=4), outputs(shape)
    kept = code(given).numpy()
    order = np.sort(given.numpy(), axis=-1)[..., -4:]
    np.testing.assert_array_equal((kept != 0).sum(axis=-1), np.full(shape[:-1], 4))
    for row, wanted in zip(kept.reshape(-1, 12), order.reshape(-1, 4), strict=True):
        np.testing.assert_array_equal(np.sort(row[row != 0]), wanted)
    found, weights = gradient(code, given)
    np.testing.assert_array_equal(found, weights * (kept != 0))


def test_k_sparse_keeps_all_that_tie_for_the_last_place():
    given = tf.constant([[3.0, 1.0, 1.0, 0.5]])
    np.testing.assert_array_equal(CODES["k_sparse"](k=2)(given), [[3.0, 1.0, 1.0, 0.0]])


def test_k_sparse_refuses_more_than_there_are():
    with pytest.raises(ValueError, match="k=5: a code of 4 numbers has no more"):
        CODES["k_sparse"](k=5)(outputs((2, 4)))
    with pytest.raises(SettingError, match="k=0: expected int at least 1"):
        CODES["k_sparse"](k=0)


@pytest.mark.parametrize("shape", [(16, 2), (2, 3, 3, 2)])
def test_each_place_gets_the_nearest_vector_of_the_book(shape):
    code, given = book(), outputs(shape)
    vectors = code.book.numpy()
    distances = ((given.numpy()[..., None, :] - vectors) ** 2).sum(axis=-1)
    nearest = distances.argmin(axis=-1)
    assert len(np.unique(nearest)) == 3
    np.testing.assert_array_equal(code.indices(given), nearest)
    np.testing.assert_array_equal(code.quantised(given), vectors[nearest])
    np.testing.assert_allclose(code(given), vectors[nearest], atol=1e-6)


def test_gradients_pass_the_book_unchanged_and_do_not_move_it():
    code, given = book(), outputs((6, 2))
    found, weights = gradient(code, given)
    np.testing.assert_array_equal(found, weights)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(code(given))
    assert tape.gradient(loss, code.book.value) is None


def test_the_book_s_loss_and_both_its_gradients_by_hand():
    beta, code = 0.3, book(commitment=0.3)
    given = outputs((5, 2, 2))  # two places an example
    vectors, o = code.book.numpy().astype(np.float64), given.numpy().astype(np.float64)
    chosen = ((o[..., None, :] - vectors) ** 2).sum(axis=-1).argmin(axis=-1)
    with tf.GradientTape() as tape:
        tape.watch(given)
        loss = code.loss(given)
    to_outputs, to_book = tape.gradient(loss, [given, code.book.value])
    apart = o - vectors[chosen]
    assert float(loss) == pytest.approx((1.0 + beta) * (apart**2).sum() / 5, rel=1e-5)
    # 5 examples in the mean; the encoder is pulled by beta, the book by 1
    np.testing.assert_allclose(to_outputs, 2.0 * beta * apart / 5, rtol=1e-4, atol=1e-6)
    by_hand = np.zeros((3, 2))
    for index, row in zip(chosen.reshape(-1), apart.reshape(-1, 2), strict=True):
        by_hand[index] -= 2.0 * row / 5
    np.testing.assert_allclose(to_book, by_hand, rtol=1e-4, atol=1e-6)
    assert np.abs(by_hand).sum(axis=-1).min() > 0


def test_the_book_starts_from_different_outputs_of_the_encoder():
    code, given = book(num_codes=12), outputs((4, 3, 2)).numpy()
    code.adapt(given, seed=1)
    first = code.book.numpy().copy()
    assert {tuple(row) for row in first} == {tuple(row) for row in given.reshape(-1, 2)}
    code.adapt(given, seed=1)
    np.testing.assert_array_equal(code.book.numpy(), first)
    code.adapt(given, seed=2)
    assert not np.array_equal(code.book.numpy(), first)
    with pytest.raises(ValueError, match="num_codes=12: the training set gives 11 outputs only"):
        code.adapt(given.reshape(-1, 2)[:11], seed=1)


def test_only_the_book_adds_to_the_loss():
    for name in ("continuous", "binary"):
        assert float(CODES[name]().loss(outputs((3, 4)))) == 0.0


@pytest.mark.parametrize("name", list(CODES))
def test_codes_decide_in_full_precision_whatever_the_networks_compute_in(name):
    given = outputs((40, 30))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        code = CODES[name]()
        code.build((None, 30))
    finally:
        keras.config.set_dtype_policy(before)
    if name == "vector_quantised":
        code.adapt(outputs((200, 30), seed=3).numpy(), seed=0)
    codes = code(given)
    assert codes.dtype == tf.float32 and code.loss(given).dtype == tf.float32
    full = CODES[name].from_config(code.get_config())
    full.build((None, 30))
    full.set_weights(code.get_weights())
    np.testing.assert_array_equal(codes, full(given))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("continuous", {"activation": "tanh"}),
        ("k_sparse", {"k": 3}),
        ("binary", {}),
        ("vector_quantised", {"num_codes": 7, "commitment": 0.5}),
    ],
)
def test_options_are_kept_and_are_all_that_settings_see(name, options):
    code = CODES[name](**options)
    again = CODES[name].from_config(code.get_config())
    for key, value in options.items():
        assert getattr(again, key) == value
    assert set(CODES.options(name)) == set(options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("continuous", {"activation": "softsign"}),
        ("vector_quantised", {"num_codes": 0}),
        ("vector_quantised", {"commitment": -1.0}),
    ],
)
def test_options_outside_their_range_are_refused(name, options):
    ((key, value),) = options.items()
    with pytest.raises(SettingError, match=f"{key}={value}: expected"):
        CODES[name](**options)
