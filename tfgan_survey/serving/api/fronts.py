"""The two protocols of a server: each a port, a thread and an event loop that answers on it."""

from __future__ import annotations

import asyncio
import functools
import socket
import sys
import threading
from abc import ABC, abstractmethod

from tfgan_survey.serving.api.options import ServerOptions


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(
            error.errno, f"cannot bind {host}:{port} ({error.strerror}); choose another port"
        ) from None
    return sock


class _Front(ABC):
    """One protocol: a port, and a thread with an event loop that answers on it."""

    port: int

    def __init__(self, name: str):
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Return once the port answers; raise what hindered it."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def join(self, seconds: float) -> bool:
        """Wait until the requests in flight are finished; answer whether the thread has ended."""
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    @abstractmethod
    def begin_stop(self) -> None:
        """Stop accepting."""

    @abstractmethod
    def _run(self) -> None:
        """Answer until stopped; runs in the front's own thread."""


class RestFront(_Front):
    """The REST API on uvicorn with httptools and uvloop.

    Args:
        options: of the server, for its address, limits and origins.
        engine: runs the requests.
        journal: keeps account of them.
        monitoring: whether and where metrics are answered.
    """

    def __init__(self, options: ServerOptions, engine, journal, monitoring):
        import uvicorn

        from tfgan_survey.serving.api.http_limits import LimitedHttp
        from tfgan_survey.serving.api.rest import build_app

        super().__init__("rest")
        timeout = options.rest_api_timeout_in_ms / 1000
        app = build_app(engine, journal, options, monitoring)
        self._socket = _bind(options.host, options.rest_port)
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=functools.partial(LimitedHttp, timeout),
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            # A request in flight ends by its own time limit at the latest.
            timeout_graceful_shutdown=int(timeout) + 2,
        )
        ready = self._ready

        class Server(uvicorn.Server):
            async def startup(self, sockets=None) -> None:
                await super().startup(sockets)
                ready.set()

        self._server = Server(config)

    def begin_stop(self) -> None:
        """Stop accepting."""
        self._server.should_exit = True
        if self._thread.ident is None:
            self._socket.close()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except BaseException as error:
            self._failure = error
        finally:
            self._socket.close()
            self._ready.set()


class GrpcFront(_Front):
    """The gRPC API on grpc.aio.

    Args:
        options: of the server, for its address and time limit.
        engine: runs the requests.
        journal: keeps account of them.
    """

    def __init__(self, options: ServerOptions, engine, journal):
        super().__init__("grpc")
        self._options = options
        self._engine, self._journal = engine, journal
        # gRPC opens the port itself; binding it first finds a free one and reports a taken one.
        probe = _bind(options.host, options.grpc_port)
        self.port = probe.getsockname()[1]
        probe.close()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()

    def begin_stop(self) -> None:
        """Stop accepting."""
        if self._thread.ident is None:
            self._loop.close()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    def _run(self) -> None:
        try:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self._main())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()
            self._loop.close()

    async def _main(self) -> None:
        from tfgan_survey.serving.api.grpc_api import build_server

        options = self._options
        host = f"[{options.host}]" if ":" in options.host else options.host
        timeout = options.rest_api_timeout_in_ms / 1000
        server = build_server(self._engine, self._journal, timeout)
        server.add_insecure_port(f"{host}:{self.port}")
        await server.start()
        self._ready.set()
        await self._stopping.wait()
        await server.stop(timeout)
