"""How much one request may make the server hold, whatever few bytes it was asked with."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import numpy as np

from tfgan_survey.serving.wire.interface import Interface
from tfgan_survey.serving.wire.status import invalid

MAX_RANK = 32
"""Most dimensions of a tensor; no op has a kernel for more."""
MAX_ELEMENTS = 2**31
"""Most elements of a tensor, sizes of 0 left out of the product: a message cannot carry more."""
_MAX_JOINT = 2**58  # ops that broadcast count elements and bytes in int64, and abort beyond it


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one request may ask the server to make.

    Args:
        rows: most rows of a request, which are the sizes of the batch dimension.
        made_bytes: most bytes that its inputs may be filled to from fewer values, and most bytes
            of its answer by the declared shapes of the outputs.
    """

    rows: int = 4096
    made_bytes: int = 64 * 2**20

    def check_rows(self, rows: int) -> None:
        """Raise INVALID_ARGUMENT for more rows than a request may have.

        Args:
            rows: rows of the request.
        """
        if rows > self.rows:
            raise invalid(
                f"the request has {rows} rows, at most {self.rows} are answered; send fewer rows a "
                "request, or start the server with a larger --max-request-rows"
            )

    def check_made(self, made: int, what: str) -> None:
        """Raise INVALID_ARGUMENT when `made` bytes are more than a request may make.

        Args:
            made: bytes that would be made.
            what: what would take them, for the message.
        """
        if made > self.made_bytes:
            raise invalid(
                f"{what} would take {made} bytes, at most {self.made_bytes} are made for a "
                "request; ask for less, or start the server with a larger --max-made-bytes"
            )

    def check_run(self, interface: Interface, arrays: Iterable[np.ndarray]) -> None:
        """Check the inputs of a run, and what their rows make by the outputs' declared shapes.

        Args:
            interface: of the signature.
            arrays: one an input, in the order of `interface.inputs`.

        Raises:
            ServingError: INVALID_ARGUMENT.
        """
        arrays = list(arrays)
        rows = 0
        for tensor, array in zip(interface.inputs.values(), arrays, strict=True):
            if array.ndim and tensor.shape and tensor.shape[0] == -1:
                rows = max(rows, array.shape[0])
        self.check_rows(rows)
        check_empty(array.shape for array in arrays)
        made = 0
        for tensor in interface.outputs.values():
            if tensor.shape and tensor.shape[0] == -1 and tensor.dtype.size:
                made += rows * tensor.dtype.size * _nonzero(max(n, 1) for n in tensor.shape[1:])
        self.check_made(made, "the answer")


def check_shape(shape: tuple[int, ...], name: str) -> None:
    """Refuse a shape that no tensor may have.

    Args:
        shape: sizes as they came.
        name: of the input, for the message.

    Raises:
        ServingError: INVALID_ARGUMENT for a negative size, more than `MAX_RANK` dimensions, or
            sizes whose product, zeros left out, is above `MAX_ELEMENTS`.
    """
    if len(shape) > MAX_RANK:
        raise invalid(f"input {name!r} has {len(shape)} dimensions, at most {MAX_RANK} are read")
    if any(size < 0 for size in shape):
        raise invalid(f"input {name!r} has the shape {list(shape)}; sizes must be >= 0")
    if _nonzero(shape) > MAX_ELEMENTS:
        raise invalid(
            f"input {name!r} has the shape {list(shape)}; the product of its sizes, zeros left "
            f"out, must be at most {MAX_ELEMENTS}"
        )


def check_empty(shapes: Iterable[tuple[int, ...]]) -> None:
    """Refuse inputs without elements whose sizes an op could multiply beyond int64.

    Such a product costs no memory, so nothing but TensorFlow's own CHECK stops it, and that ends
    the process: `[2^31, 0]` beside `[2^31, 1, 0]` and a third of the kind.

    Args:
        shapes: one an input of the request.
    """
    shapes = list(shapes)
    if all(0 not in shape for shape in shapes):
        return
    if math.prod(map(_nonzero, shapes)) > _MAX_JOINT:
        raise invalid(
            f"the inputs have the shapes {[list(shape) for shape in shapes][:8]}: with an empty "
            "one among them, the product of all their sizes, zeros left out, must be at most 2^58"
        )


def filled_bytes(count: int, values: np.ndarray) -> int:
    """Return the bytes that a tensor of `count` elements takes beyond the values that came.

    Args:
        count: elements that the tensor's shape has.
        values: `(n,)`, those that came.
    """
    more = count - values.size
    if more <= 0:
        return 0
    if values.dtype != np.object_:
        return more * values.dtype.itemsize
    # Every element costs TensorFlow a string object of 24 bytes, and a long one its bytes.
    return more * (24 + (len(values[-1]) if values.size else 0))


def _nonzero(shape: Iterable[int]) -> int:
    return math.prod(size for size in shape if size)
