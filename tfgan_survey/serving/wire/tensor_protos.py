"""TensorProtos to arrays and back, at the speed of a memory copy where the wire format allows it.

A packed repeated field of floats, doubles, bools or complex numbers has the very bytes of the
array, so answers are put together as bytes, without a Python number an element.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from tfgan_survey.serving.wire.interface import Interface, Tensor
from tfgan_survey.serving.wire.limits import Limits, check_shape, filled_bytes
from tfgan_survey.serving.wire.status import invalid

_FIELDS = {
    tf.float32: ("float_val", np.dtype("<f4")),
    tf.float64: ("double_val", np.dtype("<f8")),
    tf.bool: ("bool_val", np.dtype(np.bool_)),
    tf.complex64: ("scomplex_val", np.dtype("<f4")),
    tf.complex128: ("dcomplex_val", np.dtype("<f8")),
    tf.int8: ("int_val", np.dtype(np.int8)),
    tf.int16: ("int_val", np.dtype(np.int16)),
    tf.int32: ("int_val", np.dtype(np.int32)),
    tf.uint8: ("int_val", np.dtype(np.uint8)),
    tf.uint16: ("int_val", np.dtype(np.uint16)),
    tf.int64: ("int64_val", np.dtype(np.int64)),
    tf.uint32: ("uint32_val", np.dtype(np.uint32)),
    tf.uint64: ("uint64_val", np.dtype(np.uint64)),
    tf.half: ("half_val", np.dtype(np.uint16)),
    tf.bfloat16: ("half_val", np.dtype(np.uint16)),
    tf.string: ("string_val", np.dtype(object)),
}
_PACKED = (tf.float32, tf.float64, tf.bool, tf.complex64, tf.complex128)
_COMPLEX = (tf.complex64, tf.complex128)
_HALF = (tf.half, tf.bfloat16)


def predict_request_inputs(request, signature: Interface, limits: Limits) -> dict[str, np.ndarray]:
    """Read the tensors of a `PredictRequest`.

    Fewer values than a shape needs are followed by the last one, and none at all stand for zeros,
    as TensorFlow reads a `TensorProto`.

    Args:
        request: the message.
        signature: whose inputs they are.
        limits: what the request may make.

    Raises:
        ServingError: INVALID_ARGUMENT for a missing, extra, ill-typed or malformed tensor, and
            for one that would be filled beyond the limits.
    """
    given = request.inputs
    extra = sorted(name for name in given if name not in signature.inputs)
    if extra:
        raise invalid(
            f"unknown input {', '.join(map(repr, extra))}; signature {signature.name!r} takes "
            f"{', '.join(sorted(signature.inputs)) or 'none'}"
        )
    missing = signature.inputs.keys() - set(given) - signature.defaults.keys()
    if missing:
        raise invalid(f"missing input {', '.join(map(repr, sorted(missing)))}")
    flats, made = {}, 0
    for name in given:
        flats[name], count = _values(given[name], signature.inputs[name])
        made += filled_bytes(count, flats[name])
    # Counted over all inputs before any is filled: many small ones make a large sum.
    limits.check_made(made, "filling the inputs")
    return {
        name: _filled(flat, tuple(dim.size for dim in given[name].tensor_shape.dim))
        for name, flat in flats.items()
    }


def _values(proto, tensor: Tensor) -> tuple[np.ndarray, int]:
    """Return the values that came, one after the other, and how many the shape needs."""
    if proto.dtype != tensor.dtype.as_datatype_enum:
        given = types_pb2.DataType.Name(proto.dtype) if proto.dtype in _names() else proto.dtype
        raise invalid(
            f"input {tensor.name!r} is {given}, expected {_names()[tensor.dtype.as_datatype_enum]}"
        )
    shape = _shape(proto.tensor_shape, tensor.name)
    count = math.prod(shape)
    field, dtype = _FIELDS.get(tensor.dtype, (None, None))
    if field is None:
        raise invalid(f"input {tensor.name!r}: {tensor.dtype.name} is not served")
    if proto.tensor_content:
        return _from_content(proto.tensor_content, tensor, shape, count), count
    values = getattr(proto, field)
    if tensor.dtype == tf.string:
        flat = np.empty(len(values), object)
        flat[:] = values
    else:
        try:
            flat = _numbers(values, field, dtype)
        except (OverflowError, ValueError) as error:
            raise invalid(f"input {tensor.name!r}: {error}") from None
        if tensor.dtype in _COMPLEX:
            if flat.size % 2:
                raise invalid(f"input {tensor.name!r} has half a complex number in {field}")
            flat = flat.view(tensor.numpy_dtype)
        elif tensor.dtype in _HALF:
            flat = flat.view(tensor.numpy_dtype)
    if flat.size > count:
        raise invalid(
            f"input {tensor.name!r} has {flat.size} values in {field}, its shape {list(shape)} "
            f"holds {count}"
        )
    return flat, count


def _filled(flat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    count = math.prod(shape)
    if flat.size == count:
        return flat.reshape(shape)
    if flat.size == 0:
        return np.full(shape, b"" if flat.dtype == np.object_ else 0, flat.dtype)
    whole = np.full(count, flat[-1], flat.dtype)
    whole[: flat.size] = flat
    return whole.reshape(shape)


def _names() -> dict[int, str]:
    return {value.number: value.name for value in types_pb2.DataType.DESCRIPTOR.values}


def _shape(proto, name: str) -> tuple[int, ...]:
    if proto.unknown_rank:
        raise invalid(f"input {name!r} has a shape of unknown rank; send the shape")
    shape = tuple(dim.size for dim in proto.dim)
    check_shape(shape, name)
    return shape


def _from_content(content: bytes, tensor: Tensor, shape, count: int) -> np.ndarray:
    if tensor.dtype == tf.string:
        raise invalid(f"input {tensor.name!r}: strings are read from string_val alone, "
                      "tensor_content came")  # fmt: skip
    dtype = np.dtype(tensor.numpy_dtype)
    if len(content) != count * dtype.itemsize:
        raise invalid(
            f"input {tensor.name!r} has {len(content)} bytes of tensor_content, its shape "
            f"{list(shape)} of {tensor.dtype.name} needs {count * dtype.itemsize}"
        )
    return np.frombuffer(content, dtype)


def _numbers(values, field: str, dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "f" and len(values) > 64:
        # The packed field, serialised alone, is a tag, a length, and the array itself.
        packed = tensor_pb2.TensorProto()
        getattr(packed, field).MergeFrom(values)
        size = len(values) * dtype.itemsize
        return np.frombuffer(packed.SerializeToString()[-size:], dtype)
    return np.array(values[:], dtype)


def predict_response(
    signature: Interface, outputs: Mapping[str, np.ndarray], model: str, version: int
) -> bytes:
    """Write a `PredictResponse` with typed fields.

    Args:
        signature: whose outputs they are.
        outputs: arrays by output name.
        model: name for `model_spec`.
        version: version for `model_spec`.
    """
    parts = []
    for name, array in outputs.items():
        tensor = tensor_bytes(array, signature.outputs[name])
        key = name.encode("utf-8")
        entry_head = b"\x0a" + _varint(len(key)) + key + b"\x12" + _varint(_size(tensor))
        parts += [b"\x0a", _varint(len(entry_head) + _size(tensor)), entry_head, *tensor]
    key, signature_key = model.encode("utf-8"), signature.name.encode("utf-8")
    spec = b"\x0a" + _varint(len(key)) + key
    wrapped = b"\x08" + _varint(version) if version else b""
    spec += b"\x12" + _varint(len(wrapped)) + wrapped
    spec += b"\x1a" + _varint(len(signature_key)) + signature_key
    parts += [b"\x12", _varint(len(spec)), spec]
    return b"".join(parts)


def tensor_bytes(array: np.ndarray, tensor: Tensor) -> list[bytes | memoryview]:
    """Return the pieces of a serialised `TensorProto` with the values in their typed field.

    Args:
        array: values of an output, in its dtype.
        tensor: that output.
    """
    head = tensor_pb2.TensorProto(dtype=tensor.dtype.as_datatype_enum)
    for size in array.shape:
        head.tensor_shape.dim.add(size=size)
    if not array.shape:
        head.tensor_shape.SetInParent()
    field, dtype = _FIELDS[tensor.dtype]
    if tensor.dtype in _PACKED:
        raw = (
            np.ascontiguousarray(array).view(dtype) if array.ndim else array.reshape(1).view(dtype)
        )
        number = tensor_pb2.TensorProto.DESCRIPTOR.fields_by_name[field].number
        data = raw.reshape(-1).view(np.uint8).data
        tag = _varint(number << 3 | 2) + _varint(data.nbytes)
        return [head.SerializeToString(), tag, data] if data.nbytes else [head.SerializeToString()]
    flat = np.ascontiguousarray(array).reshape(-1)
    if tensor.dtype in _HALF:
        flat = flat.view(np.uint16)
    getattr(head, field).extend(flat.tolist())
    return [head.SerializeToString()]


def _size(parts) -> int:
    return sum(part.nbytes if isinstance(part, memoryview) else len(part) for part in parts)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
