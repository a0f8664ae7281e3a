"""What the scheduler runs: requests, their pieces in batches, and how answers are handed back."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence

import numpy as np

from tfgan_survey.serving.runtime.saved_model import Signature
from tfgan_survey.serving.runtime.versions import Version
from tfgan_survey.serving.wire.status import ServingError, invalid

Arrays = list[np.ndarray]


class Request:
    """One request in the scheduler: its arrays, its deadline and the future of its answer.

    Args:
        version: leased by the caller.
        signature: one of the version's.
        arrays: one an input, in the signature's order.
        rows: their shared dimension 0, 0 where there is none.
        deadline: `time.monotonic()` at which the caller stops waiting; may be infinite.
    """

    __slots__ = (
        "arrays", "deadline", "error", "future", "loop", "missing", "parts", "rows",
        "signature", "version",
    )  # fmt: skip

    def __init__(self, version: Version, signature: Signature, arrays, rows: int, deadline: float):
        self.version = version
        self.signature = signature
        self.arrays = arrays
        self.rows = rows
        self.deadline = deadline
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future = self.loop.create_future()
        self.parts: dict[int, Arrays] = {}
        self.missing = rows
        self.error: Exception | None = None


class Piece:
    """Rows `start` to `stop` of a request.

    Args:
        request: whose rows they are.
        start: first row, from 0.
        stop: the row after the last.
    """

    __slots__ = ("request", "start", "stop")

    def __init__(self, request: Request, start: int, stop: int):
        self.request = request
        self.start = start
        self.stop = stop


class Batch:
    """Pieces that are run together.

    Args:
        shapes: what its requests share, one an input: inner shape, or rank where they are padded.
        due: `time.monotonic()` from which it may run although it is not full.
    """

    __slots__ = ("closed", "due", "pieces", "rows", "shapes")

    def __init__(self, shapes, due: float):
        self.shapes = shapes
        self.due = due
        self.pieces: list[Piece] = []
        self.rows = 0
        self.closed = False


def common_rows(arrays: Sequence[np.ndarray]) -> int:
    """Return the shared dimension 0, or 0 when there is none (such a request runs alone).

    Args:
        arrays: the inputs of one request.
    """
    sizes = {array.shape[0] if array.ndim else -1 for array in arrays}
    rows = sizes.pop() if len(sizes) == 1 else 0
    return max(rows, 0)


def pad_inner(parts: Arrays, most_bytes: int) -> Arrays:
    """Pad each array to the largest inner sizes with its own first element.

    Args:
        parts: `(rows, ...)` of one input, equal in rank and dtype.
        most_bytes: most bytes of all parts together once padded.

    Raises:
        ServingError: INVALID_ARGUMENT when arrays that differ would take more than `most_bytes`.
    """
    inner = [int(size) for size in np.max([part.shape[1:] for part in parts], axis=0)]
    size = sum(len(part) for part in parts) * math.prod(inner) * parts[0].itemsize
    if size > most_bytes and len({part.shape[1:] for part in parts}) > 1:
        raise invalid(f"padding the batch to {inner} would take {size} bytes")
    padded = []
    for part in parts:
        if part.size and part.shape[1:] != tuple(inner):
            wider = np.empty((part.shape[0], *inner), part.dtype)
            wider[...] = part.flat[0]
            wider[tuple(slice(size) for size in part.shape)] = part
            part = wider
        padded.append(part)
    return padded


def abandoned(request: Request) -> bool:
    """Answer whether nobody waits for a request any more.

    Args:
        request: may be done, or past its deadline.
    """
    return request.future.done() or request.deadline <= time.monotonic()


def late() -> ServingError:
    """Return the error of a request whose time is over."""
    return ServingError("DEADLINE_EXCEEDED", "the request was not answered within its time limit")


def expire(future: asyncio.Future) -> None:
    """Answer a request whose time is over.

    Args:
        future: of the request's answer; one that is done is left alone.
    """
    if not future.done():
        future.set_exception(late())


def deliver(requests: list[Request]) -> None:
    """Hand finished requests back, waking each event loop once.

    Args:
        requests: with their outputs or error; each gives back its lease here.
    """
    for request in requests:
        request.version.release()
    for loop in {request.loop for request in requests}:
        mine = [request for request in requests if request.loop is loop]
        try:
            loop.call_soon_threadsafe(_resolve, mine)
        except RuntimeError:
            if not loop.is_closed():
                raise  # a closed loop has nobody left who waits


def _resolve(requests: list[Request]) -> None:
    for request in requests:
        if request.future.done():
            continue
        if request.error is not None:
            request.future.set_exception(request.error)
        elif len(request.parts) == 1:
            request.future.set_result(request.parts[0])
        else:
            ordered = [request.parts[start] for start in sorted(request.parts)]
            if not all(ordered):  # the outputs do not carry the batch: the whole is in part 0
                request.future.set_result(request.parts[0])
                continue
            columns = zip(*ordered, strict=True)
            request.future.set_result([np.concatenate(column) for column in columns])
