"""Every flag of `serve` arrives where it acts: the caller's value is seen, not a default."""

import dataclasses

import httpx
import pytest
from click.testing import CliRunner

from tfgan_survey.cli import cli
from tfgan_survey.errors import SettingError
from tfgan_survey.serving import ModelServer, ServerOptions

FLAGS = {
    "rest_port": ("--rest-port", 1234), "grpc_port": ("--grpc-port", 2345),
    "host": ("--host", "::1"), "enable_batching": ("--enable-batching", True),
    "file_system_poll_wait_seconds": ("--file-system-poll-wait-seconds", 7.5),
    "rest_api_timeout_in_ms": ("--rest-api-timeout-in-ms", 4321),
    "enable_model_warmup": ("--disable-model-warmup", False),
    "cors_origins": ("--cors-origin", ("http://page.example",)),
    "allowed_hosts": ("--allowed-host", ("models.example",)),
    "max_request_bytes": ("--max-request-bytes", 12345),
    "max_request_rows": ("--max-request-rows", 77), "max_made_bytes": ("--max-made-bytes", 55555),
    "intra_op_threads": ("--intra-op-threads", 3), "inter_op_threads": ("--inter-op-threads", 5),
    "run_threads": ("--run-threads", 9), "log_requests": ("--no-log-requests", False),
}  # fmt: skip
DEFAULTS = {
    "rest_port": 8501, "grpc_port": 8500, "host": "127.0.0.1", "enable_batching": False,
    "file_system_poll_wait_seconds": 1.0, "rest_api_timeout_in_ms": 30_000,
    "enable_model_warmup": True, "cors_origins": (), "allowed_hosts": (),
    "max_request_bytes": 64 * 2**20, "max_request_rows": 4096, "max_made_bytes": 64 * 2**20,
    "intra_op_threads": 0, "inter_op_threads": 0, "run_threads": 0, "log_requests": True,
}  # fmt: skip
FILES = {"models", "model_config_file", "model_roots", "batching_parameters_file",
         "monitoring_config_file"}  # fmt: skip


@pytest.fixture
def parsed(monkeypatch, tmp_path):
    """Return a function that gives the options which a command line arrives as."""
    import tfgan_survey.serving.server

    seen = []
    monkeypatch.setattr(tfgan_survey.serving.server, "serve", seen.append)

    def parse(*arguments):
        done = CliRunner().invoke(cli, ["serve", str(tmp_path), *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return seen.pop()

    return parse


def test_the_defaults_are_those_of_the_options_and_of_the_documents(parsed, tmp_path):
    assert parsed() == ServerOptions(models=(tmp_path,), **DEFAULTS)
    assert ServerOptions(models=(tmp_path,)) == ServerOptions(models=(tmp_path,), **DEFAULTS)
    names = {field.name for field in dataclasses.fields(ServerOptions)}
    assert names == set(DEFAULTS) | FILES == set(FLAGS) | FILES


@pytest.mark.parametrize("name", FLAGS)
def test_each_flag_arrives(parsed, name):
    flag, value = FLAGS[name]
    texts = (
        [] if isinstance(value, bool) else [value[0] if isinstance(value, tuple) else str(value)]
    )
    assert getattr(parsed(flag, *texts), name) == value


@pytest.mark.parametrize(
    "name", ["rest_api_timeout_in_ms", "max_request_bytes", "max_request_rows", "max_made_bytes"]
)
def test_limits_below_one_are_refused(name):
    with pytest.raises(SettingError, match=f"{name} must be at least 1, got 0"):
        ServerOptions(models=("x",), **{name: 0})


def test_values_reach_the_parts_of_the_server(toys):
    server = ModelServer(
        ServerOptions(
            models=(toys / "half",), rest_port=0, grpc_port=0, run_threads=3, max_request_rows=11,
            max_made_bytes=1234, file_system_poll_wait_seconds=0.25, intra_op_threads=2,
            inter_op_threads=1, enable_model_warmup=False,
        )
    )  # fmt: skip
    assert (server.engine.limits.rows, server.engine.limits.made_bytes) == (11, 1234)
    assert len(server.engine.scheduler._threads) == 3
    assert server.engine.scheduler._most_padded_bytes == 1234
    assert server._repository._poll_seconds == 0.25
    loader = server._repository._loader
    assert (loader._warm_up, loader._threads) == (False, (2, 1))
    server.stop()


def test_the_address_is_told_for_both_families(toys):
    options = ServerOptions(models=(toys / "half",), rest_port=0, grpc_port=0, host="::1")
    with ModelServer(options) as server:
        where = server.addresses
        assert where == (
            f"REST at http://[::1]:{server.rest_port} and gRPC at [::1]:{server.grpc_port}"
        )
        assert httpx.get(f"http://[::1]:{server.rest_port}/v1/models/half").status_code == 200
