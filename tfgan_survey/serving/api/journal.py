"""What is kept of each request: a count, its time, and a line in the log."""

from __future__ import annotations

import itertools
import logging
import re
import time

from tfgan_survey.serving.api.prometheus import Metrics
from tfgan_survey.serving.runtime.inference import Call
from tfgan_survey.serving.runtime.repository import Repository

REQUEST_LOG = logging.getLogger("tfgan_survey.serving.requests")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Journal:
    """Opens and closes the account of each request.

    Args:
        repository: tells which model names are known.
        metrics: where requests are counted.
        log_requests: whether each request leaves a line.
    """

    def __init__(self, repository: Repository, metrics: Metrics, log_requests: bool):
        self.metrics = metrics
        self._repository = repository
        self._log_requests = log_requests
        self._ids = itertools.count(1)

    def begin(self, api: str, entrypoint: str, identity: str | None) -> Call:
        """Begin a request; an id of the caller's is kept when it is harmless in a log.

        Args:
            api: the method, such as `Predict`.
            entrypoint: `REST` or `GRPC`.
            identity: id that came, 1 to 64 of `A-Za-z0-9._-`; a running number replaces others.
        """
        if not identity or not _REQUEST_ID.fullmatch(identity):
            identity = str(next(self._ids))
        return Call(api, entrypoint, identity)

    def finish(self, call: Call, code: str) -> None:
        """Count and log a request that is answered.

        Args:
            call: what `begin` returned.
            code: name of the gRPC status code that was answered.
        """
        seconds = time.perf_counter() - call.start
        known = call.model if self._repository.knows(call.model) else ""
        self.metrics.request(known, call.api, call.entrypoint, code, seconds)
        if self._log_requests:
            REQUEST_LOG.info(
                "id=%s %s %s model=%r version=%s rows=%d status=%s ms=%.2f",
                call.identity, call.entrypoint, call.api, call.model[:100],
                call.version if call.version is not None else "-", call.rows, code, seconds * 1e3,
            )  # fmt: skip
