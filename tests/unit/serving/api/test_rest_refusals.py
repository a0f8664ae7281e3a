"""What the REST API refuses, each body for its own reason."""

import math
import re

import numpy as np
import pytest
from rest_calls import HALF, TWO, error_of, ok, post


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "document is empty"),
        ("{", "Parse error"),
        ("[]", "expected an object"),
        ("1", "expected an object"),
        ("null", "expected an object"),
        ('"text"', "expected an object"),
        (b"\xff\xfe", "utf-8"),
        (b'{"instances": ["\xff"]}', "utf-8"),
        ('{"instances": [1.0]', "Parse error"),
        ('{"instances": [1.0],}', "trailing comma"),
        ('x {"instances": [1.0]}', "Parse error"),
        ("{}", "exactly one of .* none"),
        ('{"signature_name": "serving_default"}', "exactly one of .* none"),
        ('{"instances": [1.0], "inputs": [1.0]}', "exactly one of .* both"),
        ('{"instances": 1.0}', "must be a list, got the number 1.0"),
        ('{"instances": {"x": 1.0}}', "must be a list, got an object"),
        ('{"instances": null}', "must be a list, got null"),
        ('{"instances": []}', "'instances' is empty"),
        ('{"instances": [1.0, [2.0]]}', "ragged"),
        ('{"instances": [[1.0], [2.0, 3.0]]}', "ragged"),
        ('{"instances": [[1.0], 2.0]}', "ragged"),
        ('{"instances": [{"x": 1.0}, 2.0]}', "mixes objects"),
        ('{"instances": [2.0, {"x": 1.0}]}', "mixes objects"),
        ('{"instances": ["a"]}', "expected a number, got a string"),
        ('{"instances": [true]}', "expected a number, got true"),
        ('{"instances": [null]}', "expected a number, got null"),
        ('{"instances": [{"b64": "YQ=="}]}', "expected a number, got a b64 value"),
        ('{"instances": [{"z": 1.0}]}', "missing input 'x'"),
        ('{"instances": [{"x": 1.0, "z": 1.0}]}', "unknown input 'z'"),
        ('{"instances": [{"x": 1.0}, {}]}', "row 1 .* has the keys"),
        ('{"instances": [{}]}', "missing input 'x'"),
        ('{"inputs": {}}', "missing input 'x'"),
        ('{"inputs": {"z": [1.0]}}', "missing input 'x'"),
        ('{"inputs": {"x": null}}', "expected a number, got null"),
        ('{"inputs": null}', "expected a number, got null"),
        ('{"instances": [1.0], "signature_name": "odd"}', "signature key 'odd' not found"),
        ('{"instances": [1.0], "signature_name": 1}', "must be a string, got the number 1"),
        ('{"instances": [1.0], "signature_name": null}', "must be a string, got null"),
        ('{"instances": [[1.0, 2.0]], "signature_name": "matrix"}', "MatMul|[Mm]atrix size"),
        ('{"instances": [1.0], "signature_name": "matrix"}', "MatMul|not a matrix|rank"),
        ('{"instances": [1.0], "signature_name": "__saved_model_init_op"}', "method_name ''"),
        ('{"instances": [-1.0], "signature_name": "checked"}', "x must not be negative"),
        ("[" * 100_000, "Parse error"),
        ('{"instances": ' + "[" * 900 + "1.0" + "]" * 900 + "}", "deeper than 32"),
        ('{"instances": [NaN' + "[" * 100_000, "Parse error"),
        ('{"instances": [NaN, ' + "[" * 100_000, "recursion"),
        ('{"instances": [NaN, ' + "1" * 5000 + "]}", "too large for a double"),
        ('{"instances": [NaN, 1e999]}', "too large for a double"),
        ('{"inputs": [NaN, "\\ud800"]}', "surrogates"),
        ('{"inputs": ["\\ud800"]}', "Parse error"),
    ],
)
def test_bad_bodies_are_400(rest, body, reason):
    message = error_of(post(rest, HALF, body), 400)
    assert re.search(reason, message), message
    assert ok(post(rest, HALF, {"instances": [1.0]})) == {"predictions": [2.5]}


@pytest.mark.parametrize(
    "rest_of_body", [" x", "}", "]]", " null", "{", '{"instances": [7.0]}', "\x00", " NaN", b"\xff"]
)
@pytest.mark.parametrize("value", ["1.0", "NaN"])
def test_text_after_the_object_is_passed_over(rest, rest_of_body, value):
    tail = rest_of_body if isinstance(rest_of_body, bytes) else rest_of_body.encode()
    body = b'{"more": "\xc3\xa9", "instances": [' + value.encode() + b"]}" + tail
    response = post(rest, HALF, body)
    assert response.status_code == 200, response.text
    expected = [2.5] if value == "1.0" else [math.nan]
    np.testing.assert_array_equal(response.json()["predictions"], expected)


@pytest.mark.parametrize("path", ["/v1/models/none", "/v1/models/half/versions/9"])
def test_the_body_is_read_before_the_model_is_looked_up(rest, path):
    assert "Parse error" in error_of(post(rest, f"{path}:predict", "{"), 400)
    assert "Servable not found" in error_of(post(rest, f"{path}:predict", "{}"), 404)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"instances": [[1.0, 2.0]]}, "no object fits a signature with one input"),
        ({"inputs": [[1.0, 2.0]]}, "no object fits a signature with one input"),
        ({"instances": [{"a": [1.0, 2.0]}]}, "missing input 'b'"),
        ({"instances": [{"a": [1.0, 2.0], "b": 1, "c": 1}]}, "unknown input 'c'"),
        ({"instances": [{"a": [1.0, 2.0], "b": 1}, {"a": [1.0], "b": 1}]}, "'a' is ragged"),
        ({"inputs": {"a": [[1.0, 2.0]]}}, "missing input 'b'"),
        ({"inputs": {"a": [[1.0, 2.0]], "b": [1.5]}}, "whole number"),
        ({"inputs": {"a": [[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]], "b": [1, 2]}}, "ncompatible"),
    ],
)
def test_bad_two_input_bodies_are_400(rest, body, reason):
    message = error_of(post(rest, TWO, body), 400)
    assert re.search(reason, message), message


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"examples": [{"x": 1.0}]}, "expected tensorflow/serving/classify"),
        ({"signature_name": "regress", "examples": [{"x": 1.0}]}, "expected tensorflow/serving/cl"),
        ({"signature_name": "odd", "examples": [{"x": 1.0}]}, "signature key 'odd' not found"),
        ({}, "must be a list of objects, got null"),
        ({"examples": []}, "at least one example"),
        ({"examples": {"x": 1.0}}, "must be a list of objects, got an object"),
        ({"examples": [1.0]}, "example 0 must be an object"),
        ({"examples": [{"x": None}]}, "got NoneType"),
        ({"examples": [{"x": [1.0, "a"]}]}, "got float and str"),
        ({"examples": [{"x": [[1.0]]}]}, "got list"),
        ({"examples": [{"x": 2**63}]}, "beyond int64"),
        ({"examples": [{"x": "text where a float is parsed"}]}, "Data types don't match"),
        ({"examples": [{}], "context": 1}, "'context' must be an object"),
    ],
)
def test_bad_classify_bodies_are_400(rest, body, reason):
    default = (
        {}
        if body.keys() == {"examples"} and body["examples"] == [{"x": 1.0}]
        else {"signature_name": "classify"}
    )
    message = error_of(post(rest, "/v1/models/examples:classify", default | body), 400)
    assert re.search(reason, message), message
