"""Counters and histograms under TensorFlow Serving's names, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator

import prometheus_client
from prometheus_client.utils import floatToGoString

REQUEST_COUNT = ":tensorflow:serving:request_count"
REQUEST_LATENCY = ":tensorflow:serving:request_latency"
RUNTIME_LATENCY = ":tensorflow:serving:runtime_latency"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = tuple(10 * 1.8**power for power in range(33))
"""Upper bounds in microseconds: TensorFlow Serving's exponential buckets."""


class Metrics:
    """What a server counts.

    The label `model_name` is empty for models that the server does not know, so that requests
    cannot make the table grow.
    """

    def __init__(self):
        self._registry = prometheus_client.CollectorRegistry()
        self._requests = prometheus_client.Counter(
            REQUEST_COUNT, "The total number of requests.", ["model_name", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._latency = prometheus_client.Histogram(
            REQUEST_LATENCY, "Time to answer a request, in microseconds.",
            ["model_name", "API", "entrypoint"], buckets=_BUCKETS, registry=self._registry,
        )  # fmt: skip
        self._runtime = prometheus_client.Histogram(
            RUNTIME_LATENCY, "Time of one run of the graph, in microseconds.",
            ["model_name", "API", "runtime"], buckets=_BUCKETS, registry=self._registry,
        )  # fmt: skip

    def request(self, model: str, api: str, entrypoint: str, code: str, seconds: float) -> None:
        """Count one answered request.

        Args:
            model: name of the model, empty where the server does not know it.
            api: the method, such as `Predict`.
            entrypoint: `REST` or `GRPC`.
            code: name of the gRPC status code.
            seconds: time to answer; counted in microseconds.
        """
        self._requests.labels(model, code).inc()
        self._latency.labels(model, api, entrypoint).observe(seconds * 1e6)

    def run(self, model: str, seconds: float) -> None:
        """Count one run of a graph, which may have answered several requests.

        Args:
            model: name of the model.
            seconds: time of the run; counted in microseconds.
        """
        self._runtime.labels(model, "Predict", "TF").observe(seconds * 1e6)

    def text(self) -> bytes:
        """Return all metrics in the text format."""
        return "".join(self._lines()).encode("utf-8")

    def _lines(self) -> Iterator[str]:
        # prometheus_client appends "_total" to a counter's name and adds "_created" samples;
        # TensorFlow Serving has neither, and dashboards are made for its names.
        for family in self._registry.collect():
            yield f"# HELP {family.name} {family.documentation}\n"
            yield f"# TYPE {family.name} {family.type}\n"
            for sample in family.samples:
                if sample.name.endswith("_created"):
                    continue
                name = sample.name.removesuffix("_total")
                labels = ",".join(f'{key}="{_escape(v)}"' for key, v in sample.labels.items())
                yield f"{name}{{{labels}}} {floatToGoString(sample.value)}\n"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
