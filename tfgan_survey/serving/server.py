"""The local model server: repository, scheduler, REST and gRPC put together, and their life.

It is the embedded default for development, tests and small use. It keeps the wire contract of
TensorFlow Serving, which is the way to many machines, so files and clients move there unchanged.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import logging
import logging.handlers
import os
import queue
import signal
import socket
import sys
import threading
from pathlib import Path

from tfgan_survey.errors import SettingError

LOG = logging.getLogger(__name__)
_ROOT_LOG = "tfgan_survey.serving"


@dataclasses.dataclass(frozen=True)
class ServerOptions:
    """Everything that can be chosen about a server; names and defaults follow TensorFlow Serving's.

    Args:
        models: folders that hold numbered versions; a model's name is its folder's.
        rest_port: port of the REST API, 0 for any free one, None for no REST.
        grpc_port: port of the gRPC API, 0 for any free one, None for no gRPC.
        host: address to bind; the default is reachable from this machine alone.
        model_config_file: text proto with `model_config_list`, beside or instead of `models`.
        model_roots: further folders inside which a reloaded configuration may point.
        enable_batching: whether concurrent requests share runs.
        batching_parameters_file: text proto of batching parameters; needs `enable_batching`.
        monitoring_config_file: text proto that enables the metrics page.
        file_system_poll_wait_seconds: seconds between looks for new versions, 0 for one look.
        rest_api_timeout_in_ms: longest time of a REST request.
        enable_model_warmup: whether warm-up records are replayed before a version is AVAILABLE.
        cors_origins: origins from which browsers may send requests, `("*",)` for all.
        max_request_bytes: longest REST body, and most bytes that one filled tensor may expand to.
        intra_op_threads: threads inside one op, 0 for one per core.
        inter_op_threads: ops run at once, 0 for one per core.
        run_threads: requests run at once without batching, 0 for twice the cores.
        log_requests: whether every request leaves a log line.
    """

    models: tuple[str | os.PathLike, ...] = ()
    rest_port: int | None = 8501
    grpc_port: int | None = 8500
    host: str = "127.0.0.1"
    model_config_file: str | os.PathLike | None = None
    model_roots: tuple[str | os.PathLike, ...] = ()
    enable_batching: bool = False
    batching_parameters_file: str | os.PathLike | None = None
    monitoring_config_file: str | os.PathLike | None = None
    file_system_poll_wait_seconds: float = 1.0
    rest_api_timeout_in_ms: int = 30_000
    enable_model_warmup: bool = True
    cors_origins: tuple[str, ...] = ()
    max_request_bytes: int = 64 * 2**20
    intra_op_threads: int = 0
    inter_op_threads: int = 0
    run_threads: int = 0
    log_requests: bool = True

    def __post_init__(self):
        if not self.models and not self.model_config_file:
            raise SettingError("nothing to serve; name a model folder or a model config file")
        if self.batching_parameters_file and not self.enable_batching:
            raise SettingError(
                "a batching parameters file was given without batching; add --enable-batching"
            )
        if self.rest_port is None and self.grpc_port is None:
            raise SettingError("neither a REST nor a gRPC port was given; give at least one")
        for name in ("rest_port", "grpc_port"):
            port = getattr(self, name)
            if port is not None and not 0 <= port <= 65535:
                raise SettingError(f"{name} must be in 0..65535, got {port}")
        for name in ("rest_api_timeout_in_ms", "max_request_bytes"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("file_system_poll_wait_seconds", "intra_op_threads", "inter_op_threads",
                     "run_threads"):  # fmt: skip
            if getattr(self, name) < 0:
                raise SettingError(f"{name} must not be negative, got {getattr(self, name)}")


class ModelServer:
    """A server that is started and stopped; `serve` is the same with signals.

    Args:
        options: what to serve and how.

    Example:
        >>> options = ServerOptions(models=("saved_models/cgan_mnist",), rest_port=0, grpc_port=0)
        >>> with ModelServer(options) as server:
        ...     print(server.rest_port, server.grpc_port)
    """

    def __init__(self, options: ServerOptions):
        _require_extra()
        from tfgan_survey.serving.batching import Scheduler
        from tfgan_survey.serving.inference import Engine
        from tfgan_survey.serving.metrics import Metrics
        from tfgan_survey.serving.repository import Repository
        from tfgan_survey.serving.text_config import (
            BatchingParameters,
            MonitoringConfig,
            read_batching_parameters,
            read_monitoring_config,
        )
        from tfgan_survey.serving.warmup import Loader

        self.options = options
        self.rest_port: int | None = None
        self.grpc_port: int | None = None
        self._configs = _model_configs(options)
        batching = None
        if options.enable_batching:
            file = options.batching_parameters_file
            batching = read_batching_parameters(file) if file else BatchingParameters()
        file = options.monitoring_config_file
        self._monitoring = read_monitoring_config(file) if file else MonitoringConfig()
        metrics = Metrics()
        self._repository = Repository(
            Loader(options.enable_model_warmup, options.intra_op_threads, options.inter_op_threads),
            [config.base_path for config in self._configs] + [Path(p) for p in options.model_roots],
            options.file_system_poll_wait_seconds,
        )
        self._scheduler = Scheduler(
            batching,
            options.run_threads or 2 * (os.cpu_count() or 1),
            lambda version, seconds: metrics.run(version.model_name, seconds),
        )
        self.engine = Engine(self._repository, self._scheduler, metrics, options.log_requests)
        self._fronts: list[_Front] = []

    def start(self) -> ModelServer:
        """Load the models, then open the ports.

        Raises:
            ServingError: a model that cannot be served at all.
            OSError: a port that is taken.
        """
        try:
            self._repository.apply(self._configs)
            if self.options.rest_port is not None:
                front = _RestFront(self.options, self.engine, self._monitoring)
                self._fronts.append(front)
                self.rest_port = front.port
            if self.options.grpc_port is not None:
                front = _GrpcFront(self.options, self.engine)
                self._fronts.append(front)
                self.grpc_port = front.port
            for front in self._fronts:
                front.start()
        except BaseException:
            self.stop()
            raise
        self._repository.start()
        return self

    def stop(self) -> None:
        """Stop accepting, finish what is in flight, unload the models."""
        for front in self._fronts:
            front.begin_stop()
        for front in self._fronts:
            front.join()
        self._fronts.clear()
        self._scheduler.stop()
        self._repository.stop()

    def poll(self) -> None:
        """Look for new and removed versions now."""
        self._repository.poll()

    def __enter__(self) -> ModelServer:
        return self.start()

    def __exit__(self, *exc_info) -> None:
        self.stop()


def serve(options: ServerOptions) -> None:
    """Serve until SIGTERM or SIGINT, then stop gracefully: the command `tfgan-survey serve`.

    Args:
        options: what to serve and how.

    Raises:
        ServingError: a model or a configuration file that cannot be served.
        OSError: a port that is taken.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with _LoggingOffTheHotPath():
        server = ModelServer(options).start()
        LOG.info(
            "serving on %s: REST port %s, gRPC port %s; the embedded default for development, "
            "tests and small use", options.host, server.rest_port, server.grpc_port,
        )  # fmt: skip
        stopping.wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)  # a second signal ends at once
        LOG.info("stopping: finishing the requests in flight")
        server.stop()


def _require_extra() -> None:
    needed = ("grpc", "httptools", "orjson", "prometheus_client", "starlette", "uvicorn",
              "tensorflow_serving")  # fmt: skip
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingError(
            f"the server needs {', '.join(missing)}: pip install 'tfgan-survey[serving]'"
        )


def _model_configs(options: ServerOptions) -> list:
    from tfgan_survey.serving.text_config import ModelConfig, check_names, read_model_configs

    configs = []
    for model in options.models:
        path = Path(os.path.abspath(model))
        configs.append(ModelConfig(path.name, path))
    if options.model_config_file:
        configs += read_model_configs(options.model_config_file)
    check_names(configs)
    return configs


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


class _Front:
    """One protocol: a port, and a thread with an event loop that answers on it."""

    port: int

    def __init__(self, name: str):
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()

    def begin_stop(self) -> None:
        raise NotImplementedError

    def _run(self) -> None:
        raise NotImplementedError


class _RestFront(_Front):
    def __init__(self, options: ServerOptions, engine, monitoring):
        import uvicorn

        from tfgan_survey.serving.rest import build_app

        super().__init__("rest")
        timeout = options.rest_api_timeout_in_ms / 1000
        app = build_app(
            engine, timeout, options.max_request_bytes, monitoring, options.cors_origins
        )
        self._socket = _bind(options.host, options.rest_port)
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http="httptools",
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


class _GrpcFront(_Front):
    def __init__(self, options: ServerOptions, engine):
        super().__init__("grpc")
        self._options = options
        self._engine = engine
        # gRPC opens the port itself; binding it first finds a free one and reports a taken one.
        probe = _bind(options.host, options.grpc_port)
        self.port = probe.getsockname()[1]
        probe.close()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()

    def begin_stop(self) -> None:
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
        from tfgan_survey.serving.grpc_server import build_server

        options = self._options
        host = f"[{options.host}]" if ":" in options.host else options.host
        server = build_server(self._engine, options.max_request_bytes)
        server.add_insecure_port(f"{host}:{self.port}")
        await server.start()
        self._ready.set()
        await self._stopping.wait()
        await server.stop(options.rest_api_timeout_in_ms / 1000)


class _QueueHandler(logging.handlers.QueueHandler):
    """Hands records over unformatted, so that the request's thread pays for an append only."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


class _LoggingOffTheHotPath:
    """Within the block the package's log goes to stderr through a thread of its own."""

    def __enter__(self):
        stream = logging.StreamHandler()
        stream.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        records: queue.SimpleQueue = queue.SimpleQueue()
        self._handler = _QueueHandler(records)
        self._listener = logging.handlers.QueueListener(records, stream)
        self._listener.start()
        logger = logging.getLogger(_ROOT_LOG)
        self._before = (logger.level, logger.propagate)
        logger.addHandler(self._handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        return self

    def __exit__(self, *exc_info) -> None:
        logger = logging.getLogger(_ROOT_LOG)
        logger.removeHandler(self._handler)
        logger.level, logger.propagate = self._before
        self._listener.stop()
