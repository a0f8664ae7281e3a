"""HTTP/1.1 with limits: what a client may send before it says what it wants, and how slowly.

uvicorn's parser keeps headers and trailers as long as they come and waits for them as long as the
connection stays; its own limits belong to another parser, which is slower.
"""

from __future__ import annotations

import asyncio
import http

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tfgan_survey.serving.api.answers import error_body

MAX_HEAD_BYTES = 2**16
"""Most bytes of request line and headers, of trailers, and between two pieces of a body."""
MAX_HEADERS = 100
MAX_URL_BYTES = 2**13
MAX_CONNECTIONS = 512
"""Most open connections; beyond them the one that has kept the server waiting longest is closed."""
_FRAMING = 16  # bytes around each byte of a chunked body; chunks of one byte need 5
_SLOWEST = 2**14  # bytes a second that a client must read of its answer
_GRACE = 1.0  # seconds in which the application may answer a late body first


class LimitedHttp(HttpToolsProtocol):
    """One connection.

    Args:
        seconds: longest time from the first byte of a request to its last, and longest time that
            a connection may stay without one.
        most_connections: most open connections of the server.
        **uvicorn: what uvicorn gives every protocol.
    """

    def __init__(self, seconds: float, most_connections: int = MAX_CONNECTIONS, **uvicorn):
        super().__init__(**uvicorn)
        self._seconds = seconds
        self._most_connections = most_connections
        self._watch: asyncio.TimerHandle | None = None
        self._drain: asyncio.TimerHandle | None = None
        self._refusal: tuple[int, str] | None = None
        self._in_message = self._in_head = False
        self._gap = self._framing = self._body_bytes = 0
        self._head_bytes = self._head_count = 0
        self._waiting_since: float | None = None

    # --- the connection -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take a connection, in place of one that waits where there are too many."""
        super().connection_made(transport)
        self._wait_for_client(self._seconds, self._close_idle)
        if len(self.connections) <= self._most_connections:
            return
        waiting = [c for c in self.connections if c is not self and c._waiting_since is not None]
        if waiting:
            min(waiting, key=lambda other: other._waiting_since).transport.abort()
        else:
            self._refuse(503, "all connections are in use; try again later")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._cancel_watch()
        if self._drain is not None:
            self._drain.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count what of it is neither a body nor a whole head."""
        if self.transport.is_closing():
            return
        self._gap += len(data)
        self._framing += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_message:
            if self._gap > MAX_HEAD_BYTES:
                self._refuse(431, f"more than {MAX_HEAD_BYTES} bytes of headers or trailers came")
            elif self._framing > MAX_HEAD_BYTES + _FRAMING * self._body_bytes:
                self._refuse(400, "the chunks of the body are mostly framing")
        else:
            self._gap = self._framing = 0
            done = self.cycle is None or self.cycle.response_complete
            if done and self._watch is None and self.timeout_keep_alive_task is None:
                self._wait_for_client(self.timeout_keep_alive, self._close_idle)

    # --- the parser's events ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Start the clock of a request."""
        super().on_message_begin()
        self._in_message = self._in_head = True
        self._gap = self._framing = self._body_bytes = 0
        self._head_bytes = self._head_count = 0
        self._wait_for_client(self._seconds, self._close_slow)

    def on_url(self, url: bytes) -> None:
        """Take a piece of the path."""
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            self._stop_parsing(414, f"the path is longer than {MAX_URL_BYTES} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is counted and passed over."""
        self._head_bytes += len(name) + len(value)
        self._head_count += 1
        if self._head_bytes > MAX_HEAD_BYTES:
            self._stop_parsing(431, f"more than {MAX_HEAD_BYTES} bytes of headers came")
        if self._head_count > MAX_HEADERS:
            self._stop_parsing(431, f"more than {MAX_HEADERS} headers came")
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request to the application."""
        self._in_head = False
        self._gap = self._framing = 0
        self._head_bytes = self._head_count = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._gap = 0
        self._framing -= len(body)
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock: from here on it is the server that is waited for."""
        self._in_message = False
        self._cancel_watch()
        super().on_message_complete()

    # --- the writing side ---------------------------------------------------------------------

    def pause_writing(self) -> None:
        """Watch a client that does not read its answer as fast as it is written."""
        super().pause_writing()
        self._watch_reading()

    def on_response_complete(self) -> None:
        """Let the next request come, and see that the answer is read."""
        super().on_response_complete()
        self._watch_reading()

    def _watch_reading(self) -> None:
        if self._drain is None and (left := self.transport.get_write_buffer_size()):
            self._drain = self.loop.call_later(self._seconds, self._check_reading, left)

    def _check_reading(self, before: int) -> None:
        self._drain = None
        left = self.transport.get_write_buffer_size()
        if left and before - left < min(before, _SLOWEST * self._seconds):
            self.transport.abort()
        else:
            self._watch_reading()

    # --- refusals -----------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, or what was found wrong while it was parsed."""
        self._refuse(*(self._refusal or (400, msg)))

    def _stop_parsing(self, code: int, message: str) -> None:
        self._refusal = (code, message)
        raise httptools.HttpParserError(message)  # comes back as send_400_response

    def _refuse(self, code: int, message: str) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # what the application still says is not sent
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.abort()
                return
        body = error_body(message)
        head = (
            f"HTTP/1.1 {code} {http.HTTPStatus(code).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()

    # --- the clock ----------------------------------------------------------------------------

    def _wait_for_client(self, seconds: float, then) -> None:
        self._cancel_watch()
        self._waiting_since = self.loop.time()
        self._watch = self.loop.call_later(seconds, then)

    def _cancel_watch(self) -> None:
        self._waiting_since = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _close_idle(self) -> None:
        self.transport.close()

    def _close_slow(self) -> None:
        if self._in_head:
            self._refuse(408, f"the headers did not come within {self._seconds:g} s")
        else:
            self._watch = self.loop.call_later(_GRACE, self.transport.abort)
