"""Arrays to JSON and back: exact, and readable by any parser that knows NaN."""

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tfgan_survey.serving.wire import json_answers, json_requests
from tfgan_survey.serving.wire.interface import Tensor

DTYPES = ["float32", "float64", "int8", "int64", "uint8", "uint64", "bool"]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)


def tensor(dtype, name="x"):
    kind = tf.as_dtype(dtype)
    return Tensor(name, f"{name}:0", kind, kind.as_numpy_dtype, None)


@settings(max_examples=120, deadline=None)
@given(data=st.data(), dtype=st.sampled_from(DTYPES))
def test_numbers_come_back_bit_for_bit(data, dtype):
    array = data.draw(hnp.arrays(dtype, SHAPES))
    text = json_answers.encode(array, tensor(dtype))
    tokens = []
    json.loads(text, parse_float=tokens.append, parse_int=tokens.append)
    if array.dtype.kind == "f":
        assert all("." in token or "e" in token for token in tokens)
    document = json_requests.parse(b'{"x": %b}' % text)
    if array.size or array.ndim < 2:
        returned = json_requests.to_array(document["x"], tensor(dtype))
        assert returned.shape == array.shape and returned.dtype == array.dtype
        np.testing.assert_array_equal(returned, array)
        if array.dtype.kind == "f":
            signs = np.signbit(returned) == np.signbit(array)
            assert np.all(signs | np.isnan(array))


@pytest.mark.parametrize("shape", [(), (2,), (2, 2), (0, 2), (2, 0), (1, 0, 3)])
def test_strings(shape):
    array = np.empty(shape, object)
    array.fill('a"b\n€'.encode())
    assert json.loads(json_answers.encode(array, tensor("string"))) == (
        np.full(shape, 'a"b\n€', object).tolist()
    )
    text = json_answers.encode(array, tensor("string", "x_bytes"))
    back = json_requests.to_array(json.loads(text), tensor("string"))
    assert back.shape == shape or array.size == 0
    assert back.ravel().tolist() == array.ravel().tolist()


def test_bytes_that_are_no_text_are_kept():
    array = np.array([b"\xff", b"a"], object)
    assert json.loads(json_answers.encode(array, tensor("string"))) == [{"b64": "/w=="}, "a"]


def test_parse_reads_odd_numbers_and_takes_the_last_of_a_repeated_key():
    document = json_requests.parse(b'{"a": NaN, "b": [-Infinity, 12345678901234567890123], "a": 1}')
    assert document == {"a": 1, "b": [-np.inf, 12345678901234567890123.0]}
    assert json_requests.parse(b'{"a": 2, "a": 1}') == {"a": 1}
