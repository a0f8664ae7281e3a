"""Arrays to JSON, by the rules of TensorFlow Serving's REST API.

orjson writes straight from NumPy, with the shortest digits that give the same float32 back and
always a point or an exponent, some thirty times faster than `json` does.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import tensorflow as tf

from tfgan_survey.serving.wire.interface import Interface, Tensor
from tfgan_survey.serving.wire.json_requests import FLOATS, INTEGERS, unsupported
from tfgan_survey.serving.wire.status import invalid

_WRITE = orjson.OPT_SERIALIZE_NUMPY


def predict_answer(signature: Interface, outputs: Mapping[str, np.ndarray], rows: bool) -> bytes:
    """Write the answer to a predict request.

    Args:
        signature: whose outputs they are.
        outputs: arrays by output name.
        rows: whether the request came in row form.

    Returns:
        `{"predictions": [...]}` in row form, else `{"outputs": ...}`; the bare value for one
        output, named values for several.

    Raises:
        ServingError: INVALID_ARGUMENT in row form when the outputs do not share dimension 0,
            UNIMPLEMENTED for a dtype that JSON cannot carry.
    """
    if not rows:
        if len(outputs) == 1:
            (name,) = outputs
            return b'{"outputs":%b}' % encode(outputs[name], signature.outputs[name])
        columns = {
            name: orjson.Fragment(encode(array, signature.outputs[name]))
            for name, array in outputs.items()
        }
        return orjson.dumps({"outputs": columns})
    sizes = {array.shape[0] if array.ndim else None for array in outputs.values()}
    if None in sizes or len(sizes) != 1:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        raise invalid(
            f"the outputs do not share dimension 0 ({shapes}); send 'inputs' instead of 'instances'"
        )
    if len(outputs) == 1:
        (name,) = outputs
        return b'{"predictions":%b}' % encode(outputs[name], signature.outputs[name])
    encoded = {
        name: _encode_rows(array, signature.outputs[name]) for name, array in outputs.items()
    }
    table = [
        dict(zip(encoded, values, strict=True)) for values in zip(*encoded.values(), strict=True)
    ]
    return orjson.dumps({"predictions": table}, option=_WRITE)


def encode(array: np.ndarray, tensor: Tensor) -> bytes:
    """Write one array as JSON.

    Args:
        array: values of an output, any shape.
        tensor: that output; its strings are b64 objects where its name ends in `_bytes`, and where
            they are no UTF-8.
    """
    if tensor.dtype == tf.string:
        return orjson.dumps(_strings(array, tensor.name.endswith("_bytes")))
    if tensor.dtype not in FLOATS and tensor.dtype not in INTEGERS and tensor.dtype != tf.bool:
        raise unsupported(tensor)
    if array.ndim == 0:
        return encode_numbers(array.reshape(1))[1:-1]
    return encode_numbers(array)


def _encode_rows(array: np.ndarray, tensor: Tensor) -> list:
    """Return one value a row that orjson writes."""
    numeric = tensor.dtype in FLOATS or tensor.dtype in INTEGERS
    if numeric and (tensor.dtype in INTEGERS or np.isfinite(array).all()):
        array = np.ascontiguousarray(array)
        return list(array)
    return [orjson.Fragment(encode(np.asarray(row), tensor)) for row in array]


def encode_numbers(array: np.ndarray) -> bytes:
    """Write an array of numbers or bools of rank 1 or more.

    Args:
        array: NaN and infinities are written as `NaN`, `Infinity`, `-Infinity`.
    """
    array = np.ascontiguousarray(array)
    text = orjson.dumps(array, option=_WRITE)
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return text
    # orjson writes null for what JSON lacks; the nulls stand in the order of the odd values.
    odd = array[~np.isfinite(array)]
    tokens = np.where(np.isnan(odd), b"NaN", np.where(odd > 0, b"Infinity", b"-Infinity"))
    pieces = text.split(b"null")
    return b"".join(
        itertools.chain.from_iterable(zip(pieces, [*tokens.tolist(), b""], strict=True))
    )


def _strings(array: np.ndarray, as_base64: bool) -> Any:
    def leaf(value: bytes):
        if not as_base64:
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                pass  # bytes that are no text are carried as b64 rather than altered
        return {"b64": base64.b64encode(value).decode("ascii")}

    if array.ndim == 0:
        return leaf(array.item())
    flat = [leaf(value) for value in array.ravel()]
    for size in reversed(array.shape[1:]):
        if size == 0:
            return np.empty(array.shape).tolist()
        flat = [flat[i : i + size] for i in range(0, len(flat), size)]
    return flat
