"""JSON to arrays, by the rules of TensorFlow Serving's REST API.

Requests are read strictly (no number for a bool, no `1.0` for an integer, no ragged list) and with
the speed of C: the nesting is peeled level by level with `set(map(type, level))`. A repeated key
in an object counts with its last value.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import tensorflow as tf

from tfgan_survey.serving.wire.interface import Interface, Tensor
from tfgan_survey.serving.wire.limits import MAX_RANK
from tfgan_survey.serving.wire.status import ServingError, invalid

FLOATS = (tf.float32, tf.float64)
INTEGERS = (tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint32, tf.uint64)
MAX_CONTAINERS = 2**22
"""Most lists and objects in a body: 4,096 images of 28 x 28 nested to single values have 3.3 M."""
_SPACE = " \t\n\r"
_TOKENS = re.compile("NaN|Infinity")
_TRAILING = "unexpected content after document"  # orjson's words, with the place
_MAX_DIGITS = 20  # an integer of more digits fits no integer type, as a float it is as good


def parse(body: bytes | bytearray) -> dict[str, Any]:
    """Read a request body; what follows the object is passed over, as TensorFlow Serving does.

    Args:
        body: UTF-8 JSON whose top level is an object; NaN, Infinity and -Infinity are numbers.

    Raises:
        ServingError: INVALID_ARGUMENT for anything else, and for more lists and objects than any
            tensor needs, each of which takes some sixty times its two bytes in memory.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    containers = body.count(b"[") + body.count(b"{")
    if containers > MAX_CONTAINERS:
        raise invalid(
            f"the body has {containers} lists and objects, at most {MAX_CONTAINERS} are read"
        )
    document = _parse_first(body)
    if type(document) is not dict:
        raise invalid("JSON Parse error: expected an object at the top level")
    return document


def _parse_first(body: bytes | bytearray) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        failure: ValueError = error
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        text = body[: error.start].decode("utf-8")  # what is wrong may follow the object
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as shorter:
            failure = shorter if str(shorter).startswith(_TRAILING) else error
    try:
        if isinstance(failure, orjson.JSONDecodeError) and str(failure).startswith(_TRAILING):
            return orjson.loads(text[: failure.pos])
        if _TOKENS.search(text):
            return _parse_with_tokens(text)
    except (ValueError, RecursionError, TypeError) as error:
        failure = ValueError(str(error) or type(error).__name__)
    raise invalid(f"JSON Parse error: {failure}")


def _parse_with_tokens(text: str) -> Any:
    """Read the numbers that JSON lacks; several times slower, so only where they occur."""
    decoder = json.JSONDecoder(parse_float=_finite_float, parse_int=_bounded_integer)
    document, _ = decoder.raw_decode(text.lstrip(_SPACE))
    orjson.dumps(document)  # refuses lone surrogates, which no UTF-8 string holds
    return document


def _finite_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"number {text[:40]} is too large for a double")
    return value


def _bounded_integer(text: str) -> int | float:
    return int(text) if len(text) <= _MAX_DIGITS else _finite_float(text)


def signature_name(document: Mapping[str, Any]) -> str:
    """Return the requested signature, `serving_default` when none is named.

    Args:
        document: the parsed body.
    """
    name = document.get("signature_name", "serving_default")
    if type(name) is not str:
        raise invalid(f"'signature_name' must be a string, got {kind(name)}")
    return name or "serving_default"


def predict_inputs(
    document: Mapping[str, Any], signature: Interface
) -> tuple[dict[str, np.ndarray], bool]:
    """Read the tensors of a predict request.

    Args:
        document: the parsed body.
        signature: whose inputs they are.

    Returns:
        Arrays by input name, and whether the request came in row form.

    Raises:
        ServingError: INVALID_ARGUMENT for a body that does not fit the signature, UNIMPLEMENTED
            for a dtype that JSON cannot carry.
    """
    rows, columns = "instances" in document, "inputs" in document
    if rows == columns:
        given = "both" if rows else "none"
        raise invalid(f"expected exactly one of 'instances' and 'inputs', got {given} of them")
    if rows:
        return _from_rows(document["instances"], signature), True
    return _from_columns(document["inputs"], signature), False


def _from_rows(instances: Any, signature: Interface) -> dict[str, np.ndarray]:
    if type(instances) is not list:
        raise invalid(f"'instances' must be a list, got {kind(instances)}")
    if not instances:
        raise invalid("'instances' is empty; send at least one row")
    named = [type(row) is dict and not is_base64(row) for row in instances]
    if not any(named):
        tensor = _only_input(signature, "a row that is no object")
        return {tensor.name: to_array(instances, tensor)}
    if not all(named):
        raise invalid("'instances' mixes objects and plain values; use one form for all rows")
    names = instances[0].keys()
    _check_names(names, signature, exact=True)
    for index, row in enumerate(instances):
        if row.keys() != names:
            raise invalid(
                f"row {index} of 'instances' has the keys {sorted(row)}, expected {sorted(names)}"
            )
    return {
        name: to_array([row[name] for row in instances], signature.inputs[name]) for name in names
    }


def _from_columns(inputs: Any, signature: Interface) -> dict[str, np.ndarray]:
    if type(inputs) is dict and not is_base64(inputs):
        _check_names(inputs.keys(), signature, exact=False)
        return {
            name: to_array(inputs[name], tensor)
            for name, tensor in signature.inputs.items()
            if name in inputs
        }
    tensor = _only_input(signature, "'inputs' that is no object")
    return {tensor.name: to_array(inputs, tensor)}


def _only_input(signature: Interface, what: str) -> Tensor:
    if len(signature.inputs) != 1:
        raise invalid(
            f"{what} fits a signature with one input; {signature.name!r} has "
            f"{', '.join(sorted(signature.inputs)) or 'none'}: send an object with these keys"
        )
    return next(iter(signature.inputs.values()))


def _check_names(names, signature: Interface, exact: bool) -> None:
    missing = signature.inputs.keys() - names - signature.defaults.keys()
    if missing:
        raise invalid(f"missing input {', '.join(map(repr, sorted(missing)))}")
    unknown = names - signature.inputs.keys()
    if exact and unknown:
        raise invalid(
            f"unknown input {', '.join(map(repr, sorted(unknown)))}; "
            f"{signature.name!r} takes {', '.join(sorted(signature.inputs))}"
        )


def is_base64(value: Any) -> bool:
    """Answer whether a JSON value is `{"b64": "..."}`.

    Args:
        value: any parsed JSON.
    """
    return type(value) is dict and len(value) == 1 and type(value.get("b64")) is str


def to_array(value: Any, tensor: Tensor) -> np.ndarray:
    """Turn nested lists into an array of the tensor's dtype; the shape is what came.

    Args:
        value: lists of equal length at each depth, or a single value.
        tensor: the input that it is for.

    Raises:
        ServingError: INVALID_ARGUMENT for ragged lists, wrong JSON types and numbers out of range,
            UNIMPLEMENTED for a dtype that JSON cannot carry.
    """
    shape: list[int] = []
    level = [value]
    while level and type(level[0]) is list:
        lengths = set(map(len, level)) if set(map(type, level)) == {list} else set()
        if len(lengths) != 1:
            raise invalid(f"input {tensor.name!r} is ragged: its lists differ in depth or length")
        shape.append(lengths.pop())
        level = list(itertools.chain.from_iterable(level))
        if len(shape) > MAX_RANK:
            raise invalid(f"input {tensor.name!r} is nested deeper than {MAX_RANK} lists")
    return _leaves(level, tensor).reshape(shape)


def _leaves(flat: list, tensor: Tensor) -> np.ndarray:
    kinds = set(map(type, flat))
    dtype = tensor.dtype
    if dtype in FLOATS:
        _check_kinds(flat, kinds, {int, float}, tensor, "a number")
        with np.errstate(over="ignore"):  # a number beyond float32 is an infinity, as in C++
            return np.array(flat, tensor.numpy_dtype)
    if dtype in INTEGERS:
        _check_kinds(flat, kinds, {int}, tensor, "a whole number without point or exponent")
        limits = np.iinfo(tensor.numpy_dtype)
        if flat and not limits.min <= min(flat) <= max(flat) <= limits.max:
            raise invalid(
                f"input {tensor.name!r}: {dtype.name} holds {limits.min} to {limits.max}, got "
                f"{min(flat) if min(flat) < limits.min else max(flat)}"
            )
        return np.array(flat, tensor.numpy_dtype)
    if dtype == tf.bool:
        _check_kinds(flat, kinds, {bool}, tensor, "true or false")
        return np.array(flat, np.bool_)
    if dtype == tf.string:
        _check_kinds(flat, kinds, {str, dict}, tensor, 'a string or {"b64": "..."}')
        array = np.empty(len(flat), object)
        array[:] = [to_bytes(leaf, tensor.name) for leaf in flat]
        return array
    raise unsupported(tensor)


def _check_kinds(flat: list, kinds: set, allowed: set, tensor: Tensor, expected: str) -> None:
    if kinds <= allowed:
        return
    wrong = next(leaf for leaf in flat if type(leaf) not in allowed)
    if type(wrong) is list:
        raise invalid(f"input {tensor.name!r} is ragged: its lists differ in depth or length")
    raise invalid(
        f"input {tensor.name!r} ({tensor.dtype.name}): expected {expected}, got {kind(wrong)}"
    )


def to_bytes(leaf: str | dict, name: str) -> bytes:
    """Return the bytes of a JSON string or of a `{"b64": ...}` object.

    Args:
        leaf: a string, taken as UTF-8, or the object.
        name: of the input, for the message.
    """
    if type(leaf) is str:
        return leaf.encode("utf-8")
    if not is_base64(leaf):
        raise invalid(f'input {name!r}: expected a string or {{"b64": "..."}}, got an object')
    text = leaf["b64"].rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"input {name!r}: the b64 value is not base64: {error}") from None


def kind(value: Any) -> str:
    """Name the kind of a JSON value for an error message.

    Args:
        value: any parsed JSON.
    """
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in (int, float):
        return f"the number {value}"
    if is_base64(value):
        return "a b64 value"
    return {str: "a string", list: "a list", dict: "an object"}[type(value)]


def unsupported(tensor: Tensor) -> ServingError:
    """Return the UNIMPLEMENTED error for a dtype that JSON does not carry.

    Args:
        tensor: the input or output.
    """
    return ServingError(
        "UNIMPLEMENTED",
        f"{tensor.name!r} is {tensor.dtype.name}, which JSON does not carry; use gRPC",
    )
