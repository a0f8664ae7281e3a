"""tf.Examples for classify and regress: from JSON, from `Input` messages, and the results back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, regression_pb2

from tfgan_survey.serving.wire import json_answers, json_requests
from tfgan_survey.serving.wire.interface import Interface
from tfgan_survey.serving.wire.limits import Limits
from tfgan_survey.serving.wire.status import invalid


def example_strings(message, limits: Limits) -> np.ndarray:
    """Serialise the examples of an `Input` message.

    Args:
        message: the `Input`.
        limits: what the request may make.

    Returns:
        Object array `(num,)` of bytes: each example, its context before it.

    Raises:
        ServingError: INVALID_ARGUMENT when there is no example, or more than the limits allow.
    """
    kind = message.WhichOneof("kind")
    examples, context = (), b""
    if kind == "example_list":
        examples = message.example_list.examples
    elif kind == "example_list_with_context":
        examples = message.example_list_with_context.examples
        # Serialised messages that follow each other merge, and the later entry of a key counts.
        context = message.example_list_with_context.context.SerializeToString()
    _check(len(examples), context, limits)
    return _array([context + example.SerializeToString() for example in examples])


def json_example_strings(document: Mapping[str, Any], limits: Limits) -> np.ndarray:
    """Serialise the `examples` of a classify or regress body, as `example_strings` does.

    Args:
        document: the parsed body, with `examples` and maybe `context`.
        limits: what the request may make.
    """
    examples = document.get("examples")
    if type(examples) is not list:
        raise invalid(f"'examples' must be a list of objects, got {json_requests.kind(examples)}")
    context = b""
    if "context" in document:
        context = _example(document["context"], "'context'").SerializeToString()
    _check(len(examples), context, limits)
    return _array(
        [
            context + _example(example, f"example {index}").SerializeToString()
            for index, example in enumerate(examples)
        ]
    )


def _check(num: int, context: bytes, limits: Limits) -> None:
    limits.check_rows(num)
    limits.check_made(num * len(context), "the context, repeated for every example,")


def _array(serialised: list[bytes]) -> np.ndarray:
    if not serialised:
        raise invalid("Input is empty: send at least one example")
    array = np.empty(len(serialised), object)
    array[:] = serialised
    return array


def _example(value: Any, where: str) -> tf.train.Example:
    if type(value) is not dict:
        raise invalid(f"{where} must be an object of features, got {json_requests.kind(value)}")
    example = tf.train.Example()
    for name, feature in value.items():
        values = feature if type(feature) is list else [feature]
        _fill(example.features.feature[name], values, f"feature {name!r} of {where}")
    return example


def _fill(feature: tf.train.Feature, values: list, where: str) -> None:
    kinds = set(map(type, values))
    if kinds <= {str, dict}:
        if values:
            feature.bytes_list.value.extend(json_requests.to_bytes(v, where) for v in values)
    elif kinds in ({int}, {bool}):
        if not -(2**63) <= min(values) <= max(values) < 2**63:
            raise invalid(f"{where} holds a number beyond int64")
        feature.int64_list.value.extend(map(int, values))
    elif kinds == {float}:
        with np.errstate(over="ignore"):
            feature.float_list.value.extend(np.array(values, np.float32).tolist())
    else:
        found = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise invalid(
            f"{where}: expected strings, whole numbers or floats of one kind, got {found}"
        )


def classification_result(signature: Interface, outputs: Mapping[str, np.ndarray], num: int):
    """Build a `ClassificationResult` from the outputs `classes` and `scores`.

    Args:
        signature: whose outputs they are.
        outputs: arrays by output name.
        num: examples of the request.

    Raises:
        ServingError: INVALID_ARGUMENT when the outputs are not of shape `(num, n)`.
    """
    result = classification_pb2.ClassificationResult()
    for row in classifications(signature, outputs, num):
        entry = result.classifications.add()
        for label, score in row:
            entry.classes.add(label=label, score=score)
    return result


def classifications(
    signature: Interface, outputs: Mapping[str, np.ndarray], num: int
) -> list[list[tuple[str, np.float32]]]:
    """Return (label, score) pairs a row; a missing output leaves labels empty or scores 0.

    Args:
        signature: whose outputs they are.
        outputs: `classes` strings and `scores` numbers, each `(num, n)`.
        num: examples of the request.
    """
    labels, scores = outputs.get("classes"), outputs.get("scores")
    if labels is None and scores is None:
        raise invalid(f"signature {signature.name!r} has neither 'classes' nor 'scores'")
    for name, array in (("classes", labels), ("scores", scores)):
        if array is not None and (array.ndim != 2 or array.shape[0] != num):
            raise invalid(f"{name!r} has the shape {list(array.shape)}, expected [{num}, classes]")
    if labels is not None and scores is not None and labels.shape != scores.shape:
        raise invalid(f"'classes' {list(labels.shape)} and 'scores' {list(scores.shape)} differ")
    shape = labels.shape if labels is not None else scores.shape
    if labels is None:
        labels = np.full(shape, b"", object)
    if scores is None:
        scores = np.zeros(shape, np.float32)
    return [
        [(label.decode("utf-8", "replace"), score) for label, score in zip(*row, strict=True)]
        for row in zip(labels, scores.astype(np.float32), strict=True)
    ]


def regressions(signature: Interface, outputs: Mapping[str, np.ndarray], num: int) -> np.ndarray:
    """Return the output `outputs`, of shape `(num,)` or `(num, 1)`, as float32 `(num,)`.

    Args:
        signature: whose outputs they are.
        outputs: arrays by output name.
        num: examples of the request.
    """
    values = outputs.get("outputs")
    if values is None:
        raise invalid(f"signature {signature.name!r} has no output 'outputs' to regress")
    if values.shape not in ((num,), (num, 1)):
        raise invalid(f"'outputs' has the shape {list(values.shape)}, expected [{num}]")
    return values.reshape(num).astype(np.float32)


def regression_result(signature: Interface, outputs: Mapping[str, np.ndarray], num: int):
    """Build a `RegressionResult` from the output `outputs`.

    Args:
        signature: whose outputs they are.
        outputs: arrays by output name.
        num: examples of the request.
    """
    result = regression_pb2.RegressionResult()
    for value in regressions(signature, outputs, num):
        result.regressions.add(value=value)
    return result


def json_results(method: str, signature: Interface, outputs, num: int) -> bytes:
    """Write the answer to a classify or regress request: `{"results": [...]}`.

    Args:
        method: `classify` or `regress`.
        signature: whose outputs they are.
        outputs: arrays by output name.
        num: examples of the request.
    """
    if method == "regress":
        return b'{"results":%b}' % json_answers.encode_numbers(regressions(signature, outputs, num))
    rows = [
        [[label, orjson.Fragment(json_answers.encode_numbers(np.array([score]))[1:-1])]
         for label, score in row]
        for row in classifications(signature, outputs, num)
    ]  # fmt: skip
    return orjson.dumps({"results": rows})
