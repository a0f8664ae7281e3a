"""What REST and gRPC share: find the version, run a signature on named arrays, account for it."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import re
import time
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfgan_survey.serving.batching import Scheduler
from tfgan_survey.serving.metrics import Metrics
from tfgan_survey.serving.repository import Repository
from tfgan_survey.serving.saved_model import Signature
from tfgan_survey.serving.status import invalid
from tfgan_survey.serving.versions import Version

REQUEST_LOG = logging.getLogger("tfgan_survey.serving.requests")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclasses.dataclass
class Call:
    """One request as the log line and the metrics see it."""

    api: str
    entrypoint: str
    identity: str
    start: float = dataclasses.field(default_factory=time.perf_counter)
    model: str = ""
    version: int | None = None
    rows: int = 0


class Engine:
    """Runs requests on the models of a repository.

    Args:
        repository: the loaded models.
        scheduler: runs them, joined or one by one.
        metrics: where they are counted.
        log_requests: whether each request leaves a line.
    """

    def __init__(
        self, repository: Repository, scheduler: Scheduler, metrics: Metrics, log_requests: bool
    ):
        self.repository = repository
        self.scheduler = scheduler
        self.metrics = metrics
        self._log_requests = log_requests
        self._ids = itertools.count(1)

    def call(self, api: str, entrypoint: str, identity: str | None) -> Call:
        """Begin a request; an id of the caller's is kept when it is harmless in a log."""
        if not identity or not _REQUEST_ID.fullmatch(identity):
            identity = str(next(self._ids))
        return Call(api, entrypoint, identity)

    def finish(self, call: Call, code: str) -> None:
        """Count and log a request that is answered."""
        seconds = time.perf_counter() - call.start
        known = call.model if self.repository.knows(call.model) else ""
        self.metrics.request(known, call.api, call.entrypoint, code, seconds)
        if self._log_requests:
            REQUEST_LOG.info(
                "id=%s %s %s model=%r version=%s rows=%d status=%s ms=%.2f",
                call.identity, call.entrypoint, call.api, call.model[:100],
                call.version if call.version is not None else "-", call.rows, code, seconds * 1e3,
            )  # fmt: skip

    async def run(
        self,
        version: Version,
        signature: Signature,
        inputs: Mapping[str, np.ndarray],
        deadline: float,
        call: Call,
    ) -> dict[str, np.ndarray]:
        """Run a signature.

        Args:
            version: leased by the caller.
            signature: one of the version's.
            inputs: arrays by input name, of the inputs' dtypes; inputs with a default in the
                signature may be left out.
            deadline: `time.monotonic()` at which to give up.
            call: told the number of rows.

        Returns:
            Arrays by output name.

        Raises:
            ServingError: INVALID_ARGUMENT for a missing input, or what the scheduler raises.
        """
        try:
            arrays = [
                inputs[name] if name in inputs else signature.defaults[name]
                for name in signature.inputs
            ]
        except KeyError as error:
            raise invalid(f"missing input {error}") from None
        call.rows = arrays[0].shape[0] if arrays and arrays[0].ndim else 1
        outputs = await self.scheduler.run(version, signature, arrays, deadline)
        return dict(zip(signature.outputs, outputs, strict=True))

    async def run_examples(
        self,
        version: Version,
        signature: Signature,
        examples: np.ndarray,
        deadline: float,
        call: Call,
    ) -> dict[str, np.ndarray]:
        """Run a signature whose one input takes serialised examples."""
        if len(signature.inputs) != 1 or next(iter(signature.inputs.values())).dtype != tf.string:
            raise invalid(f"signature {signature.name!r} does not take serialised examples alone")
        inputs = {name: examples for name in signature.inputs}
        return await self.run(version, signature, inputs, deadline, call)
