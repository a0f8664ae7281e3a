"""What a signature takes and gives: names, dtypes and shapes, as the codecs need them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfgan_survey.serving.wire.status import ServingError, invalid

PREDICT = "tensorflow/serving/predict"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
METHODS = (PREDICT, CLASSIFY, REGRESS)


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One named input or output: tensor name in the graph, dtypes, shape with -1 for any size.

    Args:
        name: its key in the signature.
        tensor: its name in the graph, such as `x:0`.
        dtype: TensorFlow's.
        numpy_dtype: the same for NumPy; `object` for strings.
        shape: sizes, -1 for any; None for any rank.
    """

    name: str
    tensor: str
    dtype: tf.DType
    numpy_dtype: type
    shape: tuple[int, ...] | None


class Interface:
    """The names, dtypes and shapes of one entry of `signature_def`.

    Args:
        name: its key, for example `serving_default`.
        definition: the `SignatureDef` itself.
    """

    def __init__(self, name: str, definition):
        self.name = name
        self.method = definition.method_name
        self.runnable = self.method in METHODS
        self.refusal: ServingError | None = None
        self.inputs: dict[str, Tensor] = {}
        self.outputs: dict[str, Tensor] = {}
        if self.runnable:  # an initialiser's output is an op and has no dtype
            self._describe(definition)
        self.defaults = {
            key: tf.make_ndarray(value)
            for key, value in definition.defaults.items()
            if key in self.inputs
        }

    def _describe(self, definition) -> None:
        try:
            self.inputs = {key: _tensor(key, info) for key, info in definition.inputs.items()}
            self.outputs = {key: _tensor(key, info) for key, info in definition.outputs.items()}
        except ServingError as error:  # a sparse tensor in one signature must not stop the others
            self.refusal, self.runnable = error, False

    def with_defaults(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return one array an input, in the signature's order.

        Args:
            inputs: arrays by input name; the signature's defaults stand in for what is left out.

        Raises:
            ServingError: INVALID_ARGUMENT for a missing input.
        """
        try:
            return [inputs[name] if name in inputs else self.defaults[name] for name in self.inputs]
        except KeyError as error:
            raise invalid(f"missing input {error}") from None

    def require(self, *methods: str) -> None:
        """Raise INVALID_ARGUMENT unless the signature has one of the method names.

        Args:
            *methods: those that will do, of `METHODS`.
        """
        if self.refusal is not None:
            raise self.refusal
        if self.method not in methods:
            raise invalid(
                f"signature {self.name!r} has method_name {self.method!r}, expected "
                f"{' or '.join(methods)}"
            )


def _tensor(name: str, info) -> Tensor:
    if info.WhichOneof("encoding") not in ("name", None):
        raise ServingError(
            "UNIMPLEMENTED", f"{name!r} is a {info.WhichOneof('encoding')}; only dense tensors"
        )
    dtype = tf.as_dtype(info.dtype)
    shape = None
    if not info.tensor_shape.unknown_rank:
        shape = tuple(dim.size for dim in info.tensor_shape.dim)
    return Tensor(name, info.name, dtype, dtype.as_numpy_dtype, shape)
