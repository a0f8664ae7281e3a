"""The text-proto files of a server: models, batching, monitoring; each read strictly.

`tensorflow-serving-api` carries a message class for the model config file only; the other two are
described here with the field names and wrapped values of TensorFlow Serving, so that one file
serves both servers and a misspelt field is an error in both.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf import wrappers_pb2 as _wrappers
from tensorflow_serving.config import model_server_config_pb2

from tfgan_survey.serving.wire.status import ServingError, invalid

PLATFORM = "tensorflow"
_FIELD = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "tfgan_survey.serving"


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """One model to serve: where it lies, which versions of it, and their labels.

    Args:
        name: what requests call it.
        base_path: folder that holds numbered version folders.
        policy: which of them are served: `latest` (the default), `all` or `specific`.
        num_versions: how many of the largest numbers, for `latest`; 1 by default.
        versions: the numbers, for `specific`.
        labels: pairs of a label and a version number.
    """

    name: str
    base_path: Path
    policy: str = "latest"
    num_versions: int = 1
    versions: tuple[int, ...] = ()
    labels: tuple[tuple[str, int], ...] = ()


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """How concurrent requests share a run; the defaults are TensorFlow Serving's.

    Args:
        max_batch_size: most rows of a batch and, unless it is split, of a request; at least 1.
        batch_timeout_micros: microseconds that the first request of a batch waits for others.
        max_enqueued_batches: most batches of one signature that wait; at least 1.
        num_batch_threads: threads that run batches; by default one per core.
        thread_pool_name: what the names of these threads begin with.
        allowed_batch_sizes: sizes that batches are filled up to, increasing, the last one being the
            largest batch that is run; empty for any size.
        pad_variable_length_inputs: whether inner shapes that differ are padded to join.
        enable_large_batch_splitting: whether requests are split over several batches.
        max_execution_batch_size: most rows of one run, for splitting; 0 for `max_batch_size`.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = dataclasses.field(default_factory=lambda: os.cpu_count() or 1)
    thread_pool_name: str = "batch"
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 0

    def __post_init__(self):
        for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads"):
            if getattr(self, name) < 1:
                raise invalid(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.batch_timeout_micros < 0:
            raise invalid(f"batch_timeout_micros must be >= 0, got {self.batch_timeout_micros}")
        limit = self.max_execution_batch_size
        if limit and not self.enable_large_batch_splitting:
            raise invalid(
                "max_execution_batch_size needs enable_large_batch_splitting { value: true }"
            )
        if limit < 0 or limit > self.max_batch_size:
            raise invalid(
                f"max_execution_batch_size must be in 1..max_batch_size={self.max_batch_size}, "
                f"got {limit}"
            )
        sizes = self.allowed_batch_sizes
        if sizes and (sizes[0] < 1 or any(a >= b for a, b in itertools.pairwise(sizes))):
            raise invalid(f"allowed_batch_sizes must be positive and increasing, got {list(sizes)}")
        if sizes and sizes[-1] != self.execution_size:
            raise invalid(
                f"the last of allowed_batch_sizes must be {self.execution_size}, the largest batch "
                f"that is run, got {sizes[-1]}"
            )

    @property
    def execution_size(self) -> int:
        """Most rows of one run."""
        return self.max_execution_batch_size or self.max_batch_size

    def padded(self, rows: int) -> int:
        """Return the smallest allowed batch size that holds `rows`.

        Args:
            rows: rows that came together; returned as they are where no size is set.
        """
        return next((size for size in self.allowed_batch_sizes if size >= rows), rows)


@dataclasses.dataclass(frozen=True)
class MonitoringConfig:
    """Whether and where metrics are answered.

    Args:
        enable: whether there is a metrics page, by default not.
        path: of that page, from `/` on, outside of `/v1/`; the default is TensorFlow Serving's.
    """

    enable: bool = False
    path: str = "/monitoring/prometheus/metrics"


def read_model_configs(path: str | os.PathLike) -> list[ModelConfig]:
    """Read a model config file.

    Args:
        path: text proto of a `ModelServerConfig`.

    Raises:
        ServingError: INVALID_ARGUMENT for an unreadable file, an unknown field, a repeated name, a
            relative base path, a missing platform.
    """
    message = _parse(path, model_server_config_pb2.ModelServerConfig())
    if message.WhichOneof("config") != "model_config_list":
        raise invalid(f"{path}: expected one model_config_list {{ config {{ ... }} }}")
    return model_configs(message.model_config_list)


def model_configs(config_list) -> list[ModelConfig]:
    """Turn a `ModelConfigList` message into checked `ModelConfig`s.

    Args:
        config_list: the message.
    """
    configs = [_model_config(config) for config in config_list.config]
    check_names(configs)
    return configs


def check_names(configs: Iterable[ModelConfig]) -> None:
    """Raise INVALID_ARGUMENT when two models share a name.

    Args:
        configs: all models of a server.
    """
    names = [config.name for config in configs]
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"two models are named {name!r}; model names must be unique")


def _model_config(config) -> ModelConfig:
    name = config.name
    if not name or any(character in name for character in "/:"):
        raise invalid(f"a model needs a name without '/' and ':', got {name!r}")
    if config.model_platform != PLATFORM:
        raise invalid(
            f"model {name!r}: model_platform must be {PLATFORM!r}, got {config.model_platform!r}"
        )
    if not os.path.isabs(config.base_path):
        raise invalid(f"model {name!r}: base_path must be absolute, got {config.base_path!r}")
    policy, num_versions, versions = "latest", 1, ()
    choice = config.model_version_policy.WhichOneof("policy_choice")
    if choice == "latest":
        num_versions = config.model_version_policy.latest.num_versions or 1
    elif choice == "all":
        policy = "all"
    elif choice == "specific":
        policy = "specific"
        versions = tuple(config.model_version_policy.specific.versions)
        if not versions:
            raise invalid(f"model {name!r}: the policy specific needs at least one version")
    labels = tuple(sorted(config.version_labels.items()))
    return ModelConfig(name, Path(config.base_path), policy, num_versions, versions, labels)


def read_batching_parameters(path: str | os.PathLike) -> BatchingParameters:
    """Read a batching parameters file; fields left out keep TensorFlow Serving's defaults.

    Args:
        path: text proto of `BatchingParameters`.
    """
    message = _parse(path, _message_class("BatchingParameters")())
    given = {}
    for field, value in message.ListFields():
        if field.name == "allowed_batch_sizes":
            given[field.name] = tuple(value)
        else:
            given[field.name] = getattr(value, "value", value)
    try:
        return BatchingParameters(**given)
    except ServingError as error:
        raise invalid(f"{path}: {error.message}") from None


def read_monitoring_config(path: str | os.PathLike) -> MonitoringConfig:
    """Read a monitoring config file: `prometheus_config { enable: true path: "..." }`.

    Args:
        path: text proto of a `MonitoringConfig`.
    """
    message = _parse(path, _message_class("MonitoringConfig")()).prometheus_config
    where = message.path or MonitoringConfig.path
    if not where.startswith("/") or where == "/" or where.startswith("/v1/"):
        raise invalid(f"{path}: path must start with '/' and lie outside /v1/, got {where!r}")
    return MonitoringConfig(message.enable, where)


def _parse(path: str | os.PathLike, message):
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise invalid(f"cannot read {path}: {error}") from None
    try:
        return text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise invalid(f"{path} is not a {message.DESCRIPTOR.name} text proto: {error}") from None


def _message_class(name: str):
    """Describe the messages that the stubs lack, in a pool of their own."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_wrappers.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name="tfgan_survey/serving/files.proto", package=_PACKAGE, syntax="proto3"
    )
    file.dependency.append(_wrappers.DESCRIPTOR.name)
    int64, string, boolean = (f".google.protobuf.{t}Value" for t in ("Int64", "String", "Bool"))
    _describe(
        file,
        "BatchingParameters",
        [
            ("max_batch_size", int64),
            ("batch_timeout_micros", int64),
            ("max_enqueued_batches", int64),
            ("num_batch_threads", int64),
            ("thread_pool_name", string),
            ("allowed_batch_sizes", _FIELD.TYPE_INT64),
            ("pad_variable_length_inputs", _FIELD.TYPE_BOOL),
            ("enable_large_batch_splitting", boolean),
            ("max_execution_batch_size", int64),
        ],
        repeated=("allowed_batch_sizes",),
    )
    _describe(
        file, "PrometheusConfig", [("enable", _FIELD.TYPE_BOOL), ("path", _FIELD.TYPE_STRING)]
    )
    _describe(file, "MonitoringConfig", [("prometheus_config", f".{_PACKAGE}.PrometheusConfig")])
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def _describe(file, name: str, fields: Sequence, repeated: Sequence[str] = ()) -> None:
    message = file.message_type.add(name=name)
    for number, (field, kind) in enumerate(fields, start=1):
        label = _FIELD.LABEL_REPEATED if field in repeated else _FIELD.LABEL_OPTIONAL
        entry = message.field.add(name=field, number=number, label=label)
        if isinstance(kind, str):
            entry.type, entry.type_name = _FIELD.TYPE_MESSAGE, kind
        else:
            entry.type = kind
