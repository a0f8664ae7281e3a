"""The local model server: repository, scheduler, REST and gRPC put together, and their life.

It is the embedded default for development, tests and small use. It keeps the wire contract of
TensorFlow Serving, which is the way to many machines, so files and clients move there unchanged.
"""

from __future__ import annotations

import importlib.util
import logging
import logging.handlers
import os
import queue
import signal
import threading
import time
from pathlib import Path

from tfgan_survey.errors import SettingError
from tfgan_survey.serving.api.fronts import GrpcFront, RestFront
from tfgan_survey.serving.api.options import ServerOptions
from tfgan_survey.serving.api.request_log import LoggingOffTheHotPath

LOG = logging.getLogger(__name__)
STOP_SECONDS = 5.0
"""Longest wait for what still runs after the time limit of requests is over."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


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
        from tfgan_survey.serving.api.journal import Journal
        from tfgan_survey.serving.api.prometheus import Metrics
        from tfgan_survey.serving.runtime.batching import Scheduler
        from tfgan_survey.serving.runtime.inference import Engine
        from tfgan_survey.serving.runtime.repository import Repository
        from tfgan_survey.serving.runtime.warmup import Loader
        from tfgan_survey.serving.wire.config_files import (
            BatchingParameters,
            MonitoringConfig,
            read_batching_parameters,
            read_monitoring_config,
        )
        from tfgan_survey.serving.wire.limits import Limits

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
        limits = Limits(options.max_request_rows, options.max_made_bytes)
        metrics = Metrics()
        self._repository = Repository(
            Loader(options.enable_model_warmup, options.intra_op_threads, options.inter_op_threads),
            [config.base_path for config in self._configs] + [Path(p) for p in options.model_roots],
            options.file_system_poll_wait_seconds,
        )
        scheduler = Scheduler(
            batching,
            options.run_threads or 2 * (os.cpu_count() or 1),
            lambda version, seconds: metrics.run(version.model_name, seconds),
            options.max_made_bytes,
        )
        self.engine = Engine(self._repository, scheduler, limits)
        self._journal = Journal(self._repository, metrics, options.log_requests)
        self._stopping = threading.Event()
        self._fronts: list[RestFront | GrpcFront] = []

    def start(self) -> ModelServer:
        """Load the models, then open the ports.

        Raises:
            ServingError: a model that cannot be served at all.
            OSError: a port that is taken.
        """
        try:
            self._repository.apply(self._configs)
            if self._stopping.is_set():
                return self
            if self.options.rest_port is not None:
                front = RestFront(self.options, self.engine, self._journal, self._monitoring)
                self._fronts.append(front)
                self.rest_port = front.port
            if self.options.grpc_port is not None:
                front = GrpcFront(self.options, self.engine, self._journal)
                self._fronts.append(front)
                self.grpc_port = front.port
            for front in self._fronts:
                front.start()
        except BaseException:
            self.stop()
            raise
        self._repository.start()
        return self

    def stop(self) -> bool:
        """Stop accepting, finish what is in flight, unload the models; all in bounded time.

        Returns:
            Whether everything has ended. A run or a load that hangs cannot be stopped from
            outside: it is left behind after the REST time limit and `STOP_SECONDS`.
        """
        self._stopping.set()
        fronts, self._fronts = self._fronts, []
        for front in fronts:
            front.begin_stop()
        end = time.monotonic() + self.options.rest_api_timeout_in_ms / 1000 + STOP_SECONDS
        ended = [front.join(max(0.0, end - time.monotonic())) for front in fronts]
        end = time.monotonic() + STOP_SECONDS
        ended.append(self.engine.stop(STOP_SECONDS))
        ended.append(self._repository.stop(max(0.0, end - time.monotonic())))
        if not all(ended):
            LOG.warning("a request or a load hangs and is left behind")
        return all(ended)

    @property
    def addresses(self) -> str:
        """Where the server answers, in words."""
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        where = []
        if self.rest_port is not None:
            where.append(f"REST at http://{host}:{self.rest_port}")
        if self.grpc_port is not None:
            where.append(f"gRPC at {host}:{self.grpc_port}")
        return " and ".join(where)

    def poll(self) -> None:
        """Look for new and removed versions now."""
        self._repository.poll()

    def __enter__(self) -> ModelServer:
        return self.start()

    def __exit__(self, *exc_info) -> None:
        self.stop()


def serve(options: ServerOptions) -> None:
    """Serve until SIGTERM or SIGINT, then stop gracefully: the command `tfgan-survey serve`.

    A second signal ends the process at once, and so does, with code 1, a run or a load that still
    hangs when the time for stopping is over.

    Args:
        options: what to serve and how.

    Raises:
        ServingError: a model or a configuration file that cannot be served.
        OSError: a port that is taken.
    """
    # The models are loaded in another thread: this one must stay free for the signals.
    events: queue.SimpleQueue = queue.SimpleQueue()

    def on_signal(*_) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        events.put(None)

    for number in _SIGNALS:
        signal.signal(number, on_signal)
    with LoggingOffTheHotPath():
        server = ModelServer(options)

        def start() -> None:
            try:
                events.put(server.start())
            except BaseException as error:
                events.put(error)

        starting = threading.Thread(target=start, name="start", daemon=True)
        starting.start()
        event = events.get()
        if isinstance(event, BaseException):
            raise event
        if event is server:
            LOG.info("serving %s", server.addresses)
            events.get()
        LOG.info("stopping: finishing the requests in flight")
        ended = server.stop()
        starting.join(STOP_SECONDS)
        ended = ended and not starting.is_alive()
    if not ended:
        os._exit(1)  # an orderly end would wait for what hangs


def _require_extra() -> None:
    needed = ("grpc", "httptools", "orjson", "prometheus_client", "starlette", "uvicorn",
              "tensorflow_serving")  # fmt: skip
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingError(
            f"the server needs {', '.join(missing)}: pip install 'tfgan-survey[serving]'"
        )


def _model_configs(options: ServerOptions) -> list:
    from tfgan_survey.serving.wire.config_files import ModelConfig, check_names, read_model_configs

    configs = []
    for model in options.models:
        path = Path(os.path.abspath(model))
        configs.append(ModelConfig(path.name, path))
    if options.model_config_file:
        configs += read_model_configs(options.model_config_file)
    check_names(configs)
    return configs
