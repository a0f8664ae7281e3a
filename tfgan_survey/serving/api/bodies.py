"""The bodies of REST requests: read within limits of size, time and memory, then unpacked."""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from starlette.requests import Request

from tfgan_survey.serving.wire import json_requests
from tfgan_survey.serving.wire.status import ServingError, invalid

HELD_BODIES = 4
"""How many bodies of the largest size are held at once, over all requests."""
_MOST_DEFLATED = 1032  # bytes that one byte of gzip becomes at most


class Body:
    """A body as it came.

    Args:
        raw: its bytes.
        gzip: whether they are packed.
        most_bytes: longest body when unpacked.
    """

    def __init__(self, raw: bytearray, gzip: bool, most_bytes: int):
        self._raw, self._gzip, self._most_bytes = raw, gzip, most_bytes
        self.size = len(raw) * (_MOST_DEFLATED if gzip else 1)

    def document(self) -> dict[str, Any]:
        """Unpack and parse the body.

        Raises:
            ServingError: INVALID_ARGUMENT for what is no gzip or no JSON object.
        """
        return json_requests.parse(self._unpacked() if self._gzip else self._raw)

    def _unpacked(self) -> bytes:
        inflate = zlib.decompressobj(wbits=31)
        try:
            data = inflate.decompress(self._raw, self._most_bytes + 1)
        except zlib.error as error:
            raise invalid(f"the body is not gzip: {error}") from None
        if len(data) > self._most_bytes:
            raise too_large(self._most_bytes)
        if not inflate.eof:
            raise invalid("the gzip body is cut short")
        return data


class Bodies:
    """Reads bodies.

    Args:
        most_bytes: longest one, before and after unpacking.
    """

    def __init__(self, most_bytes: int):
        self._most_bytes = most_bytes
        self._most_held = HELD_BODIES * most_bytes
        self._held = 0

    @contextlib.asynccontextmanager
    async def read(self, request: Request, deadline: float) -> AsyncIterator[Body]:
        """Read a body, and count its bytes as held until the block ends.

        Args:
            request: whose body it is.
            deadline: `time.monotonic()` by which it must have come.

        Raises:
            ServingError: INVALID_ARGUMENT for a body that is too long or coded otherwise,
                DEADLINE_EXCEEDED for one that comes too slowly, UNAVAILABLE while other bodies
                take all the memory there is for them.
        """
        gzip = _is_gzip(request)
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._most_bytes:
            raise too_large(self._most_bytes)
        raw = bytearray()
        try:
            with _time_limit(deadline):
                await self._collect(request, raw)
            yield Body(raw, gzip, self._most_bytes)
        finally:
            self._held -= len(raw)

    async def _collect(self, request: Request, raw: bytearray) -> None:
        async for chunk in request.stream():
            if len(raw) + len(chunk) > self._most_bytes:
                raise too_large(self._most_bytes)
            if self._held + len(chunk) > self._most_held:
                raise ServingError(
                    "UNAVAILABLE",
                    f"the bodies of other requests take {self._held} bytes, at most "
                    f"{self._most_held} are held at once; try again later",
                )
            self._held += len(chunk)
            raw += chunk


@contextlib.contextmanager
def _time_limit(deadline: float) -> Iterator[None]:
    """Cancel the block at the deadline; unlike `asyncio.wait_for` it needs no task of its own."""
    task, late = asyncio.current_task(), []

    def cancel() -> None:
        late.append(True)
        task.cancel()

    wait = max(0.0, deadline - time.monotonic())
    timer = asyncio.get_running_loop().call_later(wait, cancel)
    try:
        yield
    except asyncio.CancelledError:
        if not late:
            raise
        raise ServingError(
            "DEADLINE_EXCEEDED", "the body did not come within the time limit", http=408
        ) from None
    finally:
        timer.cancel()


def _is_gzip(request: Request) -> bool:
    """Answer whether the body is packed once; the header may be repeated, as may its values."""
    listed = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    codings = [coding.strip() for coding in listed if coding.strip() not in ("", "identity")]
    if codings not in ([], ["gzip"]):
        raise invalid(
            f"Content-Encoding {', '.join(codings)[:100]!r} is not read; send gzip once, or none"
        )
    return bool(codings)


def too_large(most_bytes: int) -> ServingError:
    """Return the 413 error.

    Args:
        most_bytes: longest body that is read, for the message.
    """
    return ServingError(
        "INVALID_ARGUMENT",
        f"the body is larger than {most_bytes} bytes; send fewer rows, or start the "
        "server with a larger --max-request-bytes",
        http=413,
    )
