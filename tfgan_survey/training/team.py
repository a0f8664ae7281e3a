"""Which replicas train: one device, those of this machine, or those of a cluster."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf

from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.training.cluster import Cluster, Meeting, read_cluster

STRATEGIES = "mirrored, mirrored:N or multi_worker"
# A lost process is known to the meeting and to TensorFlow within so long of each other.
_NEWS_SECONDS = 5.0
# Collective operations of two strategies in one process must not share their keys.
_KEYS_APART = 100_000


class Team:
    """This process's place in a training, alone until told otherwise.

    Why:
        `strategy` is that of several replicas, None for one.

    Args:
        meeting: with the other processes; None for a training of one process.
    """

    def __init__(self, meeting: Meeting | None = None):
        self._meeting = meeting
        self.strategy: tf.distribute.Strategy | None = None

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes."""
        return self._meeting is None or self._meeting.cluster.chief

    @property
    def share(self) -> tuple[int, int]:
        """Which part of every batch this process reads, of how many."""
        if self._meeting is None:
            return 0, 1
        return self._meeting.cluster.number, len(self._meeting.cluster.addresses)

    @property
    def replicas(self) -> int:
        """How many share a batch."""
        return 1 if self.strategy is None else self.strategy.num_replicas_in_sync

    def agree(self, decide: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Return what the chief decides, in every process.

        Args:
            decide: called in the chief alone; JSON values by name.
        """
        if self._meeting is None:
            return decide()
        if not self.chief:
            decision = self._meeting.hear()
        else:
            self._meeting.tell(decision := decide())
        self.strategy = _multi_worker()
        return decision

    def scope(self) -> contextlib.AbstractContextManager:
        """Return the context in which the model is built."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()


@contextlib.contextmanager
def assembled(
    strategy: str | None, asked: Mapping[str, Any], log: Callable[[str], None]
) -> Iterator[Team]:
    """Assemble the replicas of a training.

    Args:
        strategy: `mirrored` for all devices of this machine, `mirrored:N` for N of them (without
            GPUs the processor is split into N), `multi_worker` for the cluster of TF_CONFIG, None
            for one device.
        asked: what every process must be asked alike.
        log: called with each line of news.

    Raises:
        SettingError: no such strategy, or none that can be had here.
        RunError: another process is missing, differs, or is lost meanwhile.
    """
    if strategy is None:
        yield Team()
    elif strategy == "multi_worker":
        cluster = read_cluster(os.environ.get("TF_CONFIG"))
        if len(cluster.addresses) == 1:
            log("TF_CONFIG names one worker: trains as without a strategy")
            yield Team()
        else:
            yield from _together(cluster, asked, log)
    elif match := re.fullmatch(r"mirrored(?::([1-9]\d*))?", strategy):
        team = Team()
        team.strategy = _mirrored(int(match[1]) if match[1] else None, log)
        yield team
    else:
        raise SettingError(f"strategy={strategy!r}: expected {STRATEGIES}.")


def _together(cluster: Cluster, asked, log) -> Iterator[Team]:
    with Meeting(cluster, asked, log, on_loss=_abort) as meeting:
        try:
            yield Team(meeting)
        except tf.errors.OpError as error:
            if (lost := meeting.loss_within(_NEWS_SECONDS)) is None:
                raise
            raise RunError(lost) from error


def _abort() -> None:
    """End what waits for a lost process; TensorFlow's own watch does the same, but later."""
    from tensorflow.python.eager import context

    context.context().abort_collective_ops(tf.errors.UNAVAILABLE, "another process is lost")


def _multi_worker() -> tf.distribute.Strategy:
    from tensorflow.python.eager import context

    try:
        # The meeting watches; TensorFlow's service would end the whole process at a loss, and wait
        # at the end for those who are done before the chief has written.
        context.context().configure_coordination_service(service_type="")
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise SettingError(
            f"strategy multi_worker must come before anything else of TensorFlow: {error}"
        ) from error


def _mirrored(count: int | None, log) -> tf.distribute.Strategy | None:
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU" and count is not None:
        (processor,) = tf.config.list_physical_devices("CPU")[:1]
        with contextlib.suppress(RuntimeError):  # split already, or too late: counted below
            if tf.config.get_logical_device_configuration(processor) is None:
                parts = [tf.config.LogicalDeviceConfiguration()] * count
                tf.config.set_logical_device_configuration(processor, parts)
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if count is not None and count > len(devices):
        raise SettingError(
            f"strategy mirrored:{count}: TensorFlow has {len(devices)} {kind} devices in this "
            "process; ask for fewer, or before anything else of TensorFlow."
        )
    devices = devices[:count]
    if len(devices) == 1:
        log(f"one {kind} device: trains as without a strategy")
        return None
    tf.distribute.MirroredStrategy._collective_key_base += _KEYS_APART
    return tf.distribute.MirroredStrategy(devices)
