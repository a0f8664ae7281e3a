"""Text protos of models, batching and monitoring: read, defaulted, and refused."""

import pytest

from tfgan_survey.errors import SettingError
from tfgan_survey.serving import ModelServer, ServerOptions
from tfgan_survey.serving.wire.config_files import (
    BatchingParameters,
    MonitoringConfig,
    read_batching_parameters,
    read_model_configs,
    read_monitoring_config,
)
from tfgan_survey.serving.wire.status import ServingError

MODEL = 'config { name: "a" base_path: "/m/a" model_platform: "tensorflow" %s }'


def written(tmp_path, text):
    path = tmp_path / "file.txt"
    path.write_text(text, encoding="utf-8")
    return path


def models(tmp_path, *entries):
    return read_model_configs(written(tmp_path, f"model_config_list {{ {' '.join(entries)} }}"))


def test_model_config(tmp_path):
    (config,) = models(tmp_path, MODEL % "")
    assert (config.name, str(config.base_path)) == ("a", "/m/a")
    assert (config.policy, config.num_versions, config.labels) == ("latest", 1, ())
    (config,) = models(
        tmp_path,
        MODEL % 'model_version_policy { latest { num_versions: 3 } } '
        'version_labels { key: "s" value: 2 } version_labels { key: "c" value: 3 }',
    )  # fmt: skip
    assert config.num_versions == 3 and dict(config.labels) == {"s": 2, "c": 3}
    (config,) = models(tmp_path, MODEL % "model_version_policy { all {} }")
    assert config.policy == "all"
    policy = "model_version_policy { specific { versions: 4 versions: 2 } }"
    (config,) = models(tmp_path, MODEL % policy)
    assert (config.policy, config.versions) == ("specific", (4, 2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "model_config_list"),
        ("custom_model_config {}", "model_config_list"),
        ("model_config_list { config { nme: 1 } }", "no field named"),
        ("model_config_list {" + (MODEL % "") * 2 + "}", "unique"),
        ('model_config_list { config { name: "a" base_path: "/m" } }', "model_platform"),
        ("model_config_list {" + (MODEL % "").replace("/m/a", "m/a") + "}", "absolute"),
        ("model_config_list {" + (MODEL % "").replace('"a"', '""') + "}", "name"),
        ("model_config_list {" + (MODEL % "").replace('"a"', '"a/b"') + "}", "name"),
        ("model_config_list {" + MODEL % "model_version_policy { specific {} }" + "}", "specific"),
    ],
)
def test_bad_model_configs(tmp_path, text, message):
    with pytest.raises(ServingError, match=message):
        read_model_configs(written(tmp_path, text))


def test_batching_parameters(tmp_path):
    path = written(
        tmp_path,
        """max_batch_size { value: 16 } batch_timeout_micros { value: 500 }
        max_enqueued_batches { value: 7 } num_batch_threads { value: 3 }
        thread_pool_name { value: "mine" } enable_large_batch_splitting { value: true }
        max_execution_batch_size { value: 8 } pad_variable_length_inputs: true
        allowed_batch_sizes: 2 allowed_batch_sizes: 8""",
    )
    assert read_batching_parameters(path) == BatchingParameters(
        16, 500, 7, 3, "mine", (2, 8), True, True, 8
    )
    defaults = read_batching_parameters(written(tmp_path, "num_batch_threads { value: 2 }"))
    assert defaults == BatchingParameters(1000, 0, 10, 2)
    assert [BatchingParameters(allowed_batch_sizes=(2, 1000)).padded(n) for n in (1, 2, 3)] == [
        2, 2, 1000,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_size: 4", "max_batch_size|message"),
        ("max_batch { value: 4 }", "no field named"),
        ("max_batch_size { value: 0 }", "at least 1"),
        ("batch_timeout_micros { value: -1 }", ">= 0"),
        ("max_batch_size { value: 4 } allowed_batch_sizes: 2", "must be 4"),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: 4 allowed_batch_sizes: 2",
            "increasing",
        ),
        ("max_execution_batch_size { value: 4 }", "enable_large_batch_splitting"),
        (
            "max_batch_size { value: 4 } enable_large_batch_splitting { value: true } "
            "max_execution_batch_size { value: 5 }",
            "1..max_batch_size=4",
        ),
    ],
)
def test_bad_batching_parameters(tmp_path, text, message):
    with pytest.raises(ServingError, match=message):
        read_batching_parameters(written(tmp_path, text))


def test_monitoring_config(tmp_path):
    text = 'prometheus_config { enable: true path: "/m" }'
    assert read_monitoring_config(written(tmp_path, text)) == MonitoringConfig(True, "/m")
    off = read_monitoring_config(written(tmp_path, "prometheus_config {}"))
    assert off == MonitoringConfig(False, "/monitoring/prometheus/metrics")
    for path in ("metrics", "/", "/v1/x"):
        with pytest.raises(ServingError, match="path must"):
            read_monitoring_config(written(tmp_path, f'prometheus_config {{ path: "{path}" }}'))
    with pytest.raises(ServingError, match="cannot read"):
        read_monitoring_config(tmp_path / "none")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing to serve"),
        ({"models": ("m",), "batching_parameters_file": "f"}, "--enable-batching"),
        ({"models": ("m",), "rest_port": 70000}, "0..65535"),
        ({"models": ("m",), "rest_port": None, "grpc_port": None}, "at least one"),
        ({"models": ("m",), "rest_api_timeout_in_ms": 0}, "at least 1"),
        ({"models": ("m",), "file_system_poll_wait_seconds": -1}, "not be negative"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(SettingError, match=message):
        ServerOptions(**options)


def test_two_models_of_one_name(tmp_path):
    with pytest.raises(ServingError, match="unique"):
        ModelServer(ServerOptions(models=(tmp_path / "a", tmp_path / "b" / "a")))
