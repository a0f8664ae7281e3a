"""Several processes as one training: they meet, compare what they were asked, and watch each other.

TensorFlow waits long for a worker that never comes and says little of one that is asked for another
training. So before its own servers start, all workers come to the chief's address, with what they
were asked and which versions they have; whoever differs, or is missing, is named. The connections
stay: when a process dies its connection closes, and the others stop instead of waiting for it.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tfgan_survey.errors import RunError, SettingError

# A worker that comes later than this is missing.
WAIT_SECONDS = 50.0
# A machine that vanishes closes nothing; TCP then asks this often, and gives up after so many.
_KEEPALIVE_SECONDS, _KEEPALIVE_PROBES = 5, 4
_LINE_BYTES = 2**20


class Cluster(NamedTuple):
    """The processes of a training, and which of them this one is.

    Args:
        addresses: `host:port` of each; the first is the chief's.
        number: this process's place among them.
    """

    addresses: tuple[str, ...]
    number: int

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes."""
        return self.number == 0


def read_cluster(text: str | None) -> Cluster:
    """Read the variable TF_CONFIG, as `tf.distribute` has it.

    Args:
        text: JSON with `cluster` (`worker`, and `chief` if there is one) and `task`.

    Raises:
        SettingError: it is missing, is no JSON, or names a task that is not in it.

    Example:
        >>> read_cluster('{"cluster": {"worker": ["a:1", "b:1"]}, '
        ...              '"task": {"type": "worker", "index": 1}}').number
        1
    """
    example = (
        '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    if not text:
        raise SettingError(
            "strategy multi_worker reads the cluster from the environment variable TF_CONFIG, "
            f"which is not set; expected JSON such as {example}."
        )
    try:
        config = json.loads(text)
        jobs = {job: list(map(str, found)) for job, found in config["cluster"].items()}
        kind, index = config["task"]["type"], int(config["task"]["index"])
        wrong = sorted({*jobs} - {"chief", "worker"})
        if wrong or len(jobs.get("chief", ())) > 1:
            raise ValueError(f"jobs are {', '.join(jobs)}: expected workers, and at most one chief")
        if not 0 <= index < len(jobs.get(kind, ())):
            raise ValueError(f"task {kind} {index} is not in the cluster")
        addresses = (*jobs.get("chief", ()), *jobs.get("worker", ()))
        for address in addresses:
            host, _, port = address.rpartition(":")
            if not host or not 0 < int(port) < 2**16:
                raise ValueError(f"address {address!r} is no host:port")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingError(
            f"TF_CONFIG cannot be read ({type(error).__name__}: {error}); expected JSON such as "
            f"{example}."
        ) from error
    before = len(jobs.get("chief", ())) if kind == "worker" else 0
    return Cluster(addresses, before + index)


class Meeting:
    """Where the processes of a cluster come together and stay in touch.

    Args:
        cluster: who belongs to it.
        asked: what this process was asked to train and its versions; JSON values by name.
        log: called with each line of news.
        seconds: how long the others are waited for.
        on_loss: called once, from another thread, when a process is lost meanwhile.
    """

    def __init__(
        self,
        cluster: Cluster,
        asked: Mapping[str, Any],
        log: Callable[[str], None] = print,
        seconds: float = WAIT_SECONDS,
        on_loss: Callable[[], None] = lambda: None,
    ):
        self.cluster, self.log, self.seconds, self.on_loss = cluster, log, seconds, on_loss
        self.asked = json.loads(json.dumps(dict(asked), default=str))
        self.lost: str | None = None
        self._knows = threading.Event()
        self._peers: dict[int, socket.socket] = {}
        self._told = False
        self._closing = threading.Event()

    def __enter__(self) -> Meeting:
        try:
            self._gather() if self.cluster.chief else self._join()
        except BaseException as error:
            self._close(error)
            raise
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._close(error)

    # ------------------------------------------------------------------ coming together

    def _gather(self) -> None:
        """Wait, as the chief, for all others; refuse those who are asked for something else."""
        count, until = len(self.cluster.addresses), time.monotonic() + self.seconds
        port = int(self.cluster.addresses[0].rpartition(":")[2])
        try:
            server = socket.create_server(("", port))
        except OSError as error:
            raise RunError(
                f"the chief cannot listen on port {port} ({error.strerror}): another training may "
                "be running; end it, or name another port in TF_CONFIG."
            ) from error
        self.log(f"waiting for {count - 1} workers on port {port}")
        with server:
            while len(self._peers) < count - 1:
                missing = [i for i in range(1, count) if i not in self._peers]
                server.settimeout(max(0.01, until - time.monotonic()))
                try:
                    peer, _ = server.accept()
                except TimeoutError:
                    named = ", ".join(f"{i} ({self.cluster.addresses[i]})" for i in missing)
                    raise RunError(
                        f"worker {named} did not come within {self.seconds:g} s; start all "
                        f"{count} processes of TF_CONFIG."
                    ) from None
                if (hello := _receive(peer, 5.0)) is None or hello.get("number") not in missing:
                    peer.close()  # a stranger, or a process that is here already
                    continue
                self._peers[hello["number"]] = peer
                self._check(hello)

    def _check(self, hello: Mapping[str, Any]) -> None:
        theirs = hello.get("asked", {}) | {"addresses": hello.get("addresses")}
        ours = self.asked | {"addresses": list(self.cluster.addresses)}
        if (wrong := _difference(theirs, ours)) is not None:
            name, their, our = wrong
            raise RunError(
                f"worker {hello['number']} has {name} {their!r}, the chief {our!r}: start every "
                "process with the same command and versions."
            )

    def _join(self) -> None:
        """Come to the chief."""
        host, _, port = self.cluster.addresses[0].rpartition(":")
        until = time.monotonic() + self.seconds
        hello = {"number": self.cluster.number, "addresses": self.cluster.addresses}
        while True:
            try:
                chief = socket.create_connection((host.strip("[]"), int(port)), 2.0)
                if chief.getsockname() != chief.getpeername():
                    break
                chief.close()  # TCP met itself on a port that nobody listens on yet
                raise ConnectionRefusedError("nobody listens there")
            except OSError as error:
                if time.monotonic() > until:
                    raise RunError(
                        f"the chief at {self.cluster.addresses[0]} did not answer within "
                        f"{self.seconds:g} s ({error}); start it, or correct TF_CONFIG."
                    ) from error
                time.sleep(0.2)
        self._peers[0] = chief
        _send(chief, hello | {"asked": self.asked})

    def tell(self, decision: Mapping[str, Any]) -> None:
        """Let all others go, with what the chief decided; all watch each other from here.

        Args:
            decision: JSON values by name.
        """
        for peer in self._peers.values():
            _send(peer, {"decision": dict(decision)})
        self._told = True
        self._watch()

    def hear(self) -> dict[str, Any]:
        """Wait for the chief's decision.

        Raises:
            RunError: the chief refused, failed, or said nothing in time.
        """
        # Others may come as late as they are allowed to.
        answer = _receive(self._peers[0], 2.0 * self.seconds)
        if answer is None or "decision" not in answer:
            reason = (answer or {}).get("failed", "it is gone, or has not been heard of in time")
            raise RunError(f"the chief starts no training: {reason}")
        self._told = True
        self._watch()
        return answer["decision"]

    # ------------------------------------------------------------------ staying in touch

    def _watch(self) -> None:
        waiting = selectors.DefaultSelector()
        for number, peer in self._peers.items():
            _keep_alive(peer)
            waiting.register(peer, selectors.EVENT_READ, number)
        threading.Thread(target=self._listen, args=[waiting], name="cluster", daemon=True).start()

    def _listen(self, waiting: selectors.BaseSelector) -> None:
        with waiting:
            while not self._closing.is_set() and waiting.get_map():
                for key, _ in waiting.select(0.5):
                    answer = None if self._closing.is_set() else _receive(key.fileobj, 5.0)
                    waiting.unregister(key.fileobj)
                    if self._closing.is_set() or (answer or {}).get("done"):
                        continue
                    who = "the chief" if key.data == 0 else f"worker {key.data}"
                    reason = (answer or {}).get("failed", "it is gone")
                    self.lost = (
                        f"{who} ({self.cluster.addresses[key.data]}) stopped: {reason}. The "
                        "training stops here; start all processes again with resume."
                    )
                    self._knows.set()
                    self.on_loss()
                    return

    def loss_within(self, seconds: float) -> str | None:
        """Return who was lost, None if nobody is known to be until then.

        TensorFlow may notice a closed connection a moment before this does.

        Args:
            seconds: to wait for the news.
        """
        self._knows.wait(seconds)
        return self.lost

    def _close(self, error: BaseException | None) -> None:
        """Tell the others how it ended, and leave."""
        self._closing.set()
        word = {"done": True} if error is None else {"failed": str(error) or type(error).__name__}
        for peer in self._peers.values():
            with contextlib.suppress(OSError):  # it left before
                _send(peer, word)
            peer.close()


def _difference(theirs: Any, ours: Any, name: str = "") -> tuple[str, Any, Any] | None:
    """Return the first thing in which two records differ: its name, theirs and ours."""
    if not (isinstance(theirs, dict) and isinstance(ours, dict)):
        return None if theirs == ours else (name, theirs, ours)
    for key in {**ours, **theirs}:
        inside = f"{name}.{key}" if name else key
        if found := _difference(theirs.get(key), ours.get(key), inside):
            return found
    return None


def _send(peer: socket.socket, words: Mapping[str, Any]) -> None:
    peer.settimeout(10.0)
    peer.sendall(json.dumps(words).encode() + b"\n")


def _receive(peer: socket.socket, seconds: float) -> dict[str, Any] | None:
    """Return the next line's words; None where the other left, is silent, or is a stranger."""
    until, line = time.monotonic() + seconds, b""
    while not line.endswith(b"\n") and len(line) < _LINE_BYTES:
        peer.settimeout(max(0.01, until - time.monotonic()))
        try:
            # Byte by byte: what follows belongs to the next call. Lines are few and short.
            byte = peer.recv(1)
        except OSError:
            return None
        if not byte:
            return None
        line += byte
    try:
        words = json.loads(line)
    except ValueError:
        return None
    return words if isinstance(words, dict) else None


def _keep_alive(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", _KEEPALIVE_SECONDS),
        ("TCP_KEEPINTVL", _KEEPALIVE_SECONDS),
        ("TCP_KEEPCNT", _KEEPALIVE_PROBES),
    ):
        if hasattr(socket, name):  # Windows and macOS name some of them otherwise
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
