"""What REST and gRPC share: find the version, run a signature on named arrays, off the loop."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import tensorflow as tf

from tfgan_survey.serving.runtime.batch_work import late
from tfgan_survey.serving.runtime.batching import Scheduler
from tfgan_survey.serving.runtime.repository import Repository
from tfgan_survey.serving.runtime.saved_model import Signature
from tfgan_survey.serving.runtime.versions import Version
from tfgan_survey.serving.wire.limits import Limits
from tfgan_survey.serving.wire.status import ServingError, invalid

SMALL_BYTES = 2**17
"""Messages up to this size are read and written where they arrive: handing over costs more."""
CARD_FILE = Path("assets.extra") / "card.json"
_Result = TypeVar("_Result")


@dataclasses.dataclass
class Call:
    """One request as the log line and the metrics see it.

    Args:
        api: the method, such as `Predict`.
        entrypoint: `REST` or `GRPC`.
        identity: id in the log line.
        start: `time.perf_counter()` at its beginning, by default now.
        model: name asked for, empty until it is read.
        version: number that answers, None until it is leased.
        rows: rows of the first input, 0 until it is run.
    """

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
        limits: how much one request may make.
    """

    def __init__(self, repository: Repository, scheduler: Scheduler, limits: Limits):
        self.repository = repository
        self.scheduler = scheduler
        self.limits = limits
        self._codec = ThreadPoolExecutor(2, "codec")

    async def convert(
        self, size: int, deadline: float, function: Callable[..., _Result], *arguments
    ) -> _Result:
        """Read or write a message without holding up the other requests of the event loop.

        Args:
            size: bytes of the message; small ones are converted at once.
            deadline: `time.monotonic()` at which to give up.
            function: the conversion.
            *arguments: passed to it.

        Raises:
            ServingError: DEADLINE_EXCEEDED, or what the conversion raises.
        """
        if size <= SMALL_BYTES:
            return function(*arguments)
        work = asyncio.get_running_loop().run_in_executor(self._codec, function, *arguments)
        wait = None if deadline == float("inf") else deadline - time.monotonic()
        try:
            return await asyncio.wait_for(work, wait)
        except asyncio.TimeoutError:
            raise late() from None

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
            ServingError: INVALID_ARGUMENT for a missing input or more than the limits allow, or
                what the scheduler raises.
        """
        arrays = signature.with_defaults(inputs)
        call.rows = arrays[0].shape[0] if arrays and arrays[0].ndim else 1
        self.limits.check_run(signature, arrays)
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
        """Run a signature whose one input takes serialised examples.

        Args:
            version: leased by the caller.
            signature: one of the version's.
            examples: object `(num,)` of serialised `tf.train.Example`.
            deadline: `time.monotonic()` at which to give up; may be infinite.
            call: told the number of rows.
        """
        if len(signature.inputs) != 1 or next(iter(signature.inputs.values())).dtype != tf.string:
            raise invalid(f"signature {signature.name!r} does not take serialised examples alone")
        inputs = {name: examples for name in signature.inputs}
        return await self.run(version, signature, inputs, deadline, call)

    def card(self, name: str, version: int | None, label: str | None) -> bytes:
        """Return the file `card.json` that an export of this package carries.

        Args:
            name: of the model.
            version: number, None for the largest that is loaded.
            label: version label instead of `version`, or None.

        Raises:
            ServingError: NOT_FOUND for a model without one, or what the look-up raises.
        """
        leased = self.repository.lease(name, version, label)
        try:
            return (leased.path / CARD_FILE).read_bytes()
        except OSError:
            raise ServingError(
                "NOT_FOUND", f"version {leased.number} of {name} has no {CARD_FILE}"
            ) from None
        finally:
            leased.release()

    def stop(self, seconds: float) -> bool:
        """Finish what is queued; answer whether all of it has ended within `seconds`.

        Args:
            seconds: longest wait.
        """
        self._codec.shutdown(wait=False, cancel_futures=True)
        return self.scheduler.stop(seconds)
