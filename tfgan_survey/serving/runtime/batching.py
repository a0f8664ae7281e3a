"""Runs requests on a fixed set of threads, joining concurrent ones into batches when asked to.

Requests join when they go to the same signature of the same version with equal inner shapes (and,
dtypes being fixed by the signature, equal dtypes). A batch is run when it is full, or when its
first request has waited `batch_timeout_micros` and a thread is free; while all threads are busy it
goes on filling, which is where the gain comes from. Results are handed back to the event loop of
the requests once a batch, not once a request.
"""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from tfgan_survey.serving.runtime.batch_work import (
    Arrays,
    Batch,
    Piece,
    Request,
    abandoned,
    common_rows,
    deliver,
    expire,
    late,
    pad_inner,
)
from tfgan_survey.serving.runtime.saved_model import Signature
from tfgan_survey.serving.runtime.versions import Version
from tfgan_survey.serving.wire.config_files import BatchingParameters
from tfgan_survey.serving.wire.status import ServingError, invalid


class Scheduler:
    """Runs requests, one by one or in batches.

    Args:
        parameters: batching parameters; None runs each request alone.
        threads: threads that run unbatched requests, default twice the cores.
        on_run: called with (version, seconds) after each run.
        most_padded_bytes: requests of variable length that would be padded to more run alone.
    """

    def __init__(
        self,
        parameters: BatchingParameters | None = None,
        threads: int = 4,
        on_run: Callable[[Version, float], None] | None = None,
        most_padded_bytes: int = 64 * 2**20,
    ):
        self._parameters = parameters
        self._most_padded_bytes = most_padded_bytes
        self._on_run = on_run or (lambda version, seconds: None)
        self._condition = threading.Condition()
        self._alone: collections.deque[Request] = collections.deque()
        self._queues: collections.OrderedDict[tuple, list[Batch]] = collections.OrderedDict()
        self._running: collections.Counter[tuple] = collections.Counter()
        self._stopping = False
        count = parameters.num_batch_threads if parameters else threads
        name = parameters.thread_pool_name if parameters else "run"
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{index}", daemon=True)
            for index in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def run(
        self, version: Version, signature: Signature, arrays: Arrays, deadline: float
    ) -> Arrays:
        """Run one request.

        Args:
            version: leased by the caller; the run keeps a lease of its own until it ends.
            signature: a signature of that version.
            arrays: one array an input, in the signature's order.
            deadline: `time.monotonic()` at which the caller stops waiting; may be infinite.

        Returns:
            One array an output, in the signature's order, of this request's rows alone.

        Raises:
            ServingError: INVALID_ARGUMENT when the request is larger than a batch may be,
                UNAVAILABLE when the queue is full, DEADLINE_EXCEEDED, or what the ops answered.
        """
        request = Request(version, signature, arrays, common_rows(arrays), deadline)
        self._submit(request)
        timer = None
        if deadline != float("inf"):
            wait = max(0.0, deadline - time.monotonic())
            timer = request.loop.call_later(wait, expire, request.future)
        try:
            return await request.future
        finally:
            if timer is not None:
                timer.cancel()

    def stop(self, seconds: float | None = None) -> bool:
        """Finish what is queued, then end the threads.

        Args:
            seconds: longest wait, None for as long as it takes.

        Returns:
            Whether all have ended; a run that hangs cannot be stopped from outside.
        """
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        end = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    # --- queueing -----------------------------------------------------------------------------

    def _submit(self, request: Request) -> None:
        joins = self._parameters is not None and request.rows > 0 and request.signature.batchable
        with self._condition:
            if self._stopping:
                raise ServingError("UNAVAILABLE", "the server is stopping; ask another one")
            if joins:
                wakes = self._enqueue(request)
            else:
                self._alone.append(request)
                wakes = True
            request.version.retain()
            if wakes:
                self._condition.notify()

    def _enqueue(self, request: Request) -> bool:
        """Place a request; answer whether a thread has something new to look at."""
        parameters, rows = self._parameters, request.rows
        limit = parameters.execution_size
        if rows > parameters.max_batch_size and not parameters.enable_large_batch_splitting:
            raise invalid(
                f"the request has {rows} rows, more than max_batch_size "
                f"{parameters.max_batch_size}; send fewer rows or enable_large_batch_splitting"
            )
        if rows > limit * parameters.max_enqueued_batches:
            raise invalid(
                f"the request has {rows} rows, more than {parameters.max_enqueued_batches} "
                f"batches of {limit} that the queue ever holds; send fewer rows"
            )
        key = (request.version, request.signature.name)
        batches = self._queues.setdefault(key, [])
        variable = parameters.pad_variable_length_inputs
        shapes = tuple(a.ndim if variable else a.shape[1:] for a in request.arrays)
        last = next((b for b in reversed(batches) if not b.closed and b.shapes == shapes), None)
        room = limit - last.rows if last is not None else 0
        if room < rows and not parameters.enable_large_batch_splitting:
            if last is not None:
                last.closed = True
            room, last = 0, None
        new = -(-max(0, rows - room) // limit)
        if len(batches) + new > parameters.max_enqueued_batches:
            raise ServingError(
                "UNAVAILABLE",
                f"the batching queue is full: {len(batches)} batches wait, at most "
                f"{parameters.max_enqueued_batches} may; try again later",
            )
        due = time.monotonic() + parameters.batch_timeout_micros * 1e-6
        start, wakes = 0, new > 0
        while start < rows:
            if last is None or last.rows == limit:
                last = Batch(shapes, due)
                batches.append(last)
            stop = min(rows, start + limit - last.rows)
            last.pieces.append(Piece(request, start, stop))
            last.rows += stop - start
            if last.rows == limit:
                last.closed = wakes = True
            start = stop
        return wakes

    def _next(self) -> tuple[tuple, list[Piece]] | Request | None:
        """Wait for work; None when the scheduler stops and nothing is left.

        A batch that is not full waits while another one of its signature runs, whatever its
        timeout: the run's thread takes it next. Two threads that each took what had just come in
        would run many small batches, at the cost of a whole run each.
        """
        with self._condition:
            while True:
                if self._alone:
                    return self._alone.popleft()
                now, earliest = time.monotonic(), None
                for key, batches in self._queues.items():
                    first = batches[0]
                    ready = next((b for b in batches if b.closed), None)
                    busy = self._running[key] > 0
                    if ready is None and ((first.due <= now and not busy) or self._stopping):
                        ready = first
                    if ready is not None:
                        batches.remove(ready)
                        if batches:
                            self._queues.move_to_end(key)
                        else:
                            del self._queues[key]
                        self._running[key] += 1
                        return key, ready.pieces
                    if not busy:
                        earliest = first.due if earliest is None else min(earliest, first.due)
                if self._stopping:
                    return None
                self._condition.wait(None if earliest is None else max(0.0, earliest - now))

    # --- running ------------------------------------------------------------------------------

    def _work(self) -> None:
        while (work := self._next()) is not None:
            if isinstance(work, Request):
                self._run_alone(work)
            else:
                key, pieces = work
                try:
                    self._run_batch(pieces)
                finally:
                    self._ran(key)
                del key, pieces
            del work  # keep neither the request nor its version while waiting

    def _ran(self, key: tuple) -> None:
        with self._condition:
            self._running[key] -= 1
            if self._running[key] == 0:
                del self._running[key]

    def _run_alone(self, request: Request) -> None:
        if abandoned(request):
            request.error = late()
        else:
            try:
                request.parts[0] = self._call(request, request.arrays)
            except Exception as error:
                request.error = error
        request.missing = 0
        deliver([request])

    def _run_batch(self, pieces: list[Piece]) -> None:
        done = []
        live = []
        for piece in pieces:
            if abandoned(piece.request) or piece.request.error is not None:
                self._finish(piece, None, piece.request.error or late(), done)
            else:
                live.append(piece)
        if live:
            try:
                self._run_joint(live, done)
            except Exception as error:
                if len({id(piece.request) for piece in live}) == 1:
                    for piece in live:
                        self._finish(piece, None, error, done)
                else:
                    # One bad row must not fail its neighbours.
                    for piece in live:
                        self._run_batch([piece])
        deliver(done)

    def _run_joint(self, pieces: list[Piece], done: list[Request]) -> None:
        rows = sum(piece.stop - piece.start for piece in pieces)
        first = pieces[0].request
        size = self._parameters.padded(rows)
        columns = []
        for index in range(len(first.arrays)):
            parts = [piece.request.arrays[index][piece.start : piece.stop] for piece in pieces]
            if self._parameters.pad_variable_length_inputs:
                parts = pad_inner(parts, self._most_padded_bytes)
            if size > rows:  # a copy of a real row is a valid row, zeros may not be
                parts.append(np.repeat(parts[0][:1], size - rows, axis=0))
            columns.append(np.concatenate(parts) if len(parts) > 1 else parts[0])
        outputs = self._call(first, columns)
        if any(output.ndim == 0 or output.shape[0] != size for output in outputs):
            first.signature.batchable = False
            if len(pieces) == 1 and pieces[0].stop - pieces[0].start == first.rows:
                outputs = outputs if size == rows else self._call(first, first.arrays)
                self._finish(pieces[0], outputs, None, done)
                return
            self._run_whole(pieces, done)
            return
        start = 0
        for piece in pieces:
            stop = start + piece.stop - piece.start
            self._finish(piece, [output[start:stop] for output in outputs], None, done)
            start = stop

    def _run_whole(self, pieces: list[Piece], done: list[Request]) -> None:
        """Run each request alone and unsplit: its outputs do not carry the batch."""
        for request in {id(piece.request): piece.request for piece in pieces}.values():
            mine = [piece for piece in pieces if piece.request is request]
            error = outputs = None
            if mine[0].start == 0:
                try:
                    outputs = self._call(request, request.arrays)
                except Exception as caught:
                    error = caught
            for piece in mine:
                self._finish(piece, outputs if piece.start == 0 else [], error, done)

    def _call(self, request: Request, arrays: Sequence[np.ndarray]) -> Arrays:
        start = time.perf_counter()
        outputs = request.signature.run(arrays)
        self._on_run(request.version, time.perf_counter() - start)
        return outputs

    def _finish(self, piece: Piece, outputs, error, done: list[Request]) -> None:
        request = piece.request
        with self._condition:
            if error is not None:
                request.error = request.error or error
            else:
                request.parts[piece.start] = outputs
            request.missing -= piece.stop - piece.start
            if request.missing == 0:
                done.append(request)
