"""Everything that can be chosen about a server, checked once."""

from __future__ import annotations

import dataclasses
import os

from tfgan_survey.errors import SettingError


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
        rest_api_timeout_in_ms: longest time of a REST request, from its first byte on, and longest
            wait for the requests in flight when the server stops.
        enable_model_warmup: whether warm-up records are replayed before a version is AVAILABLE.
        cors_origins: origins whose pages may send requests, `("*",)` for all; the server's own
            page always may, any other is refused.
        allowed_hosts: further names by which a server on a loopback address may be asked, behind a
            proxy that passes the Host header on; a page cannot reach it under a name of its own.
        max_request_bytes: longest REST body.
        max_request_rows: most rows of one request.
        max_made_bytes: most bytes that one request's inputs are filled to from fewer values, and
            most bytes of its answer by the declared shapes of the outputs.
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
    allowed_hosts: tuple[str, ...] = ()
    max_request_bytes: int = 64 * 2**20
    max_request_rows: int = 4096
    max_made_bytes: int = 64 * 2**20
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
        for name in ("rest_api_timeout_in_ms", "max_request_bytes", "max_request_rows",
                     "max_made_bytes"):  # fmt: skip
            if getattr(self, name) < 1:
                raise SettingError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("file_system_poll_wait_seconds", "intra_op_threads", "inter_op_threads",
                     "run_threads"):  # fmt: skip
            if getattr(self, name) < 0:
                raise SettingError(f"{name} must not be negative, got {getattr(self, name)}")
