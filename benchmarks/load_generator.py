"""Send prepared requests to a model server on this machine and report how it went.

A process of its own that reads a JSON specification on stdin and writes a JSON result on stdout.
It shares the cores with the server it measures, so it is kept light: bodies come ready-made,
answers are counted by status and size and never parsed, no TensorFlow is imported. Requests go to
127.0.0.1 only.

Specification: protocol ("grpc" or "rest"), port, bodies (base64, sent in turn), clients, seconds,
warm_up (seconds not counted), requests (most in all), rate (requests a second at random times
instead of a closed loop; null), path (of REST), minimum_bytes (a shorter answer is an error), seed.
"""

from __future__ import annotations

import asyncio
import base64
import collections
import itertools
import json
import random
import sys
import time

HOST = "127.0.0.1"
_GRPC_METHOD = "/tensorflow.serving.PredictionService/Predict"
_LONGEST_WAIT = 60.0  # seconds for one answer over gRPC; the caller bounds the whole process
_MOST_WAITING = 4096  # open loop: requests in flight at once, those beyond are errors


class _Grpc:
    """One channel; messages pass as bytes."""

    def __init__(self, spec):
        import grpc

        self._errors = grpc.aio.AioRpcError
        unlimited = [("grpc.max_receive_message_length", -1)]
        self._channel = grpc.aio.insecure_channel(f"{HOST}:{spec['port']}", options=unlimited)
        self._call = self._channel.unary_unary(_GRPC_METHOD)

    async def ask(self, body: bytes) -> tuple[str, int]:
        try:
            return "OK", len(await self._call(body, timeout=_LONGEST_WAIT))
        except self._errors as error:
            return error.code().name, 0

    async def close(self):
        await self._channel.close()


class _Rest:
    """Kept-alive connections, as many as requests are in flight."""

    def __init__(self, spec):
        self._port = spec["port"]
        head = f"POST {spec['path']} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: "
        self._head = head.encode()
        self._free: list = []

    async def ask(self, body: bytes) -> tuple[str, int]:
        try:
            reader, writer = self._free.pop() if self._free else await self._connect()
            writer.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(size)
        except (OSError, asyncio.IncompleteReadError) as error:
            return type(error).__name__, 0
        self._free.append((reader, writer))
        status = head[9:12].decode()
        return ("OK" if status == "200" else status), size

    async def _connect(self):
        return await asyncio.open_connection(HOST, self._port, limit=2**22)

    async def close(self):
        for _, writer in self._free:
            writer.close()


class _Run:
    """Counts what happens after the warm-up."""

    def __init__(self, spec):
        self.spec = spec
        self.sender = {"grpc": _Grpc, "rest": _Rest}[spec["protocol"]](spec)
        self.bodies = itertools.cycle([base64.b64decode(body) for body in spec["bodies"]])
        self.left = spec.get("requests") or 10**9
        self.latencies: list[float] = []
        self.errors: collections.Counter = collections.Counter()
        self.bytes = 0
        self.start = self.last = self.cpu = 0.0

    def begin(self):
        self.latencies.clear()
        self.errors.clear()
        self.bytes, self.cpu = 0, time.process_time()
        self.start = self.last = time.perf_counter()

    async def one(self, due: float | None = None):
        begin = time.perf_counter() if due is None else due
        code, size = await self.sender.ask(next(self.bodies))
        self.last = time.perf_counter()
        if code == "OK" and size < self.spec.get("minimum_bytes", 1):
            code = "SHORT"
        if code != "OK":
            self.errors[code] += 1
        self.latencies.append(self.last - begin)
        self.bytes += size

    async def closed(self, until: float):
        """Each client asks again as soon as it is answered."""

        async def client():
            while time.perf_counter() < until and self.left > 0:
                self.left -= 1
                await self.one()

        await asyncio.gather(*(client() for _ in range(self.spec["clients"])))

    async def open(self, until: float):
        """Requests at random times, whether or not earlier ones are answered.

        Times count from when a request was due, so a stalled server is not flattered.
        """
        arrivals, waiting = random.Random(self.spec.get("seed", 0)), set()
        due = time.perf_counter()
        while due < until and self.left > 0:
            due += arrivals.expovariate(self.spec["rate"])
            if (ahead := due - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            self.left -= 1
            if len(waiting) >= _MOST_WAITING:
                self.errors["TOO_MANY_WAITING"] += 1
                continue
            task = asyncio.create_task(self.one(due))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        await asyncio.gather(*waiting)

    async def __call__(self) -> dict:
        load = self.open if self.spec.get("rate") else self.closed
        if warm_up := self.spec.get("warm_up", 0.0):
            await load(time.perf_counter() + warm_up)
        self.begin()
        await load(self.start + self.spec["seconds"])
        cpu = time.process_time() - self.cpu
        await self.sender.close()
        seconds = max(self.last - self.start, 1e-9)
        ordered = sorted(self.latencies)

        def percentile(share: float) -> float | None:
            return 1e3 * ordered[int(share * (len(ordered) - 1))] if ordered else None

        return {
            "requests": len(ordered),
            "errors": dict(self.errors),
            "seconds": seconds,
            "requests_per_second": (len(ordered) - sum(self.errors.values())) / seconds,
            "p50_ms": percentile(0.5),
            "p99_ms": percentile(0.99),
            "max_ms": percentile(1.0),
            "bytes": self.bytes,
            "generator_cpu_seconds": cpu,
        }


async def _generate(spec: dict) -> dict:
    return await _Run(spec)()  # built within the loop, which the channel belongs to


def main() -> None:
    spec = json.load(sys.stdin)
    if spec["protocol"] == "rest":
        import uvloop

        result = uvloop.run(_generate(spec))
    else:
        result = asyncio.run(_generate(spec))
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
