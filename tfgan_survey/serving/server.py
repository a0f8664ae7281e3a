"""The local model server: repository, scheduler, REST and gRPC put together, and their life.

It is the embedded default for development, tests and small use. It keeps the wire contract of
TensorFlow Serving, which is the way to many machines, so files and clients move there unchanged.
"""

from __future__ import annotations

import importlib.util
import logging
import logging.handlers
import os
import signal
import threading
from pathlib import Path

from tfgan_survey.errors import SettingError
from tfgan_survey.serving.fronts import GrpcFront, RestFront
from tfgan_survey.serving.options import ServerOptions
from tfgan_survey.serving.request_log import LoggingOffTheHotPath

LOG = logging.getLogger(__name__)


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
        self._fronts: list[RestFront | GrpcFront] = []

    def start(self) -> ModelServer:
        """Load the models, then open the ports.

        Raises:
            ServingError: a model that cannot be served at all.
            OSError: a port that is taken.
        """
        try:
            self._repository.apply(self._configs)
            if self.options.rest_port is not None:
                front = RestFront(self.options, self.engine, self._monitoring)
                self._fronts.append(front)
                self.rest_port = front.port
            if self.options.grpc_port is not None:
                front = GrpcFront(self.options, self.engine)
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
    with LoggingOffTheHotPath():
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
