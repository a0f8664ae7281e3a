"""200,000 requests over both protocols with reloads in the middle: none fails, nothing leaks."""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from tfgan_survey.export import export_savedmodel
from tfgan_survey.serving import Client
from tfgan_survey.zoo import build

pytestmark = pytest.mark.soak
ROOT = Path(__file__).parents[2]
GENERATOR = ROOT / "benchmarks" / "load_generator.py"
WARM_UP, REQUESTS, CLIENTS = 20_000, 200_000, 16
# The allocator's pools settle during the warm-up, which holds a reload too. A leak of one byte of
# every answer would be over 300 MB; the allowance is what pools still moved in quiet runs, doubled.
ALLOWED_GROWTH = 64 * 2**20
MINUTES = 60


def bodies(name):
    """Return requests of every signature as bytes, by protocol."""
    random = np.random.default_rng(0)
    found = {"grpc": [], "rest": []}
    for index in range(64):
        rows = 1 + index % 4
        labels = (np.arange(rows, dtype=np.int32) + index) % 10
        given = {
            "sample": {"seeds": np.arange(rows) + index},
            "sample_png": {"seeds": np.arange(rows) + index},
            "serving_default": {"latent": random.uniform(-1, 1, (rows, 8)).astype(np.float32)},
            "score": {"images": random.uniform(0, 1, (rows, 28, 28, 1)).astype(np.float32)},
        }
        # Images as JSON would make this a test of JSON.
        signature = list(given)[index % 4]
        for protocol in found:
            chosen = "sample_png" if (protocol, signature) == ("rest", "score") else signature
            inputs = {**given[chosen], "labels": labels}
            if protocol == "grpc":
                request = predict_pb2.PredictRequest()
                request.model_spec.name, request.model_spec.signature_name = name, chosen
                for key, value in inputs.items():
                    request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
                data = request.SerializeToString()
            else:
                columns = {key: value.tolist() for key, value in inputs.items()}
                data = json.dumps({"signature_name": chosen, "inputs": columns}).encode()
            found[protocol].append(base64.b64encode(data).decode())
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`tfgan-survey serve` on one model, in a process of its own."""

    def __init__(self, model, log):
        self.ports = {"rest": free_port(), "grpc": free_port()}
        command = [sys.executable, "-m", "tfgan_survey.cli", "serve", str(model)]
        command += ["--rest-port", str(self.ports["rest"]), "--grpc-port", str(self.ports["grpc"])]
        command += ["--enable-batching", "--file-system-poll-wait-seconds", "0.5"]
        for flag in ("batching-parameters-file", "monitoring-config-file"):
            file = ROOT / "deploy" / f"{flag.split('-')[0]}.config"
            command += [f"--{flag}", str(file)]
        self.log = open(log, "w")  # noqa: SIM115  closed by stop
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=self.log)
        self.url = f"http://127.0.0.1:{self.ports['rest']}"
        self.client = Client(self.url, model.name, retries=60)
        self.client.status()

    def served(self):
        """Return how many requests the metrics count."""
        text = httpx.get(f"{self.url}/monitoring/prometheus/metrics").text
        counts = re.findall(r"^:tensorflow:serving:request_count\{.*\} (\S+)$", text, re.MULTILINE)
        return sum(map(float, counts))

    def memory(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def wait(self, condition, what):
        for _ in range(MINUTES * 60 * 4):
            assert self.process.poll() is None, "the server died"
            if condition():
                return
            time.sleep(0.25)
        pytest.fail(f"waited {MINUTES} minutes for {what}")

    def states(self):
        return {int(entry["version"]): entry["state"] for entry in self.client.status()}

    def start_load(self, requests, prepared, name):
        """Start both generators, each with half of the requests."""
        running = []
        for protocol, port in self.ports.items():
            spec = {
                "protocol": protocol, "port": port, "path": f"/v1/models/{name}:predict",
                "bodies": prepared[protocol], "clients": CLIENTS, "requests": requests // 2,
                "seconds": MINUTES * 60, "minimum_bytes": 40,
            }  # fmt: skip
            process = subprocess.Popen(
                [sys.executable, str(GENERATOR)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            process.stdin.write(json.dumps(spec))
            process.stdin.close()
            running.append(process)
        return running

    def finish_load(self, running):
        return [json.loads(process.stdout.read()) for process in running if not process.wait()]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.log.close()
        return code


def add_version(source, target):
    """Copy a version as an export would: aside, then renamed."""
    aside = target.parent / f".aside-{target.name}"
    shutil.copytree(source, aside)
    os.rename(aside, target)


def test_soak(tmp_path):
    model = tmp_path / "digits"
    gan = build("survey_gan", (28, 28, 1), num_classes=10, latent_dim=8)
    first = export_savedmodel(gan, model)
    prepared = bodies(model.name)
    server = Server(model, tmp_path / "log")
    try:
        running = server.start_load(WARM_UP, prepared, model.name)
        server.wait(lambda: server.served() > WARM_UP / 2, "half of the warm-up")
        add_version(first, model / "2")
        warm = server.finish_load(running)
        server.wait(lambda: server.states() == {1: "END", 2: "AVAILABLE"}, "version 2")
        before, served = server.memory(), server.served()

        running = server.start_load(REQUESTS, prepared, model.name)
        server.wait(lambda: server.served() > served + REQUESTS / 2, "half of the requests")
        add_version(first, model / "3")
        server.wait(lambda: server.states().get(3) == "AVAILABLE", "version 3")
        assert all(process.poll() is None for process in running), "not in the middle of the load"
        (model / "4").mkdir()
        (model / "4" / "saved_model.pb").write_bytes(b"broken")
        done = server.finish_load(running)
        server.wait(lambda: server.states().get(3) == "AVAILABLE", "version 3")
        grown = server.memory() - before
        assert server.client.sample(7, num=3).shape == (3, 28, 28, 1)
    finally:
        code = server.stop()
    results = [*warm, *done]
    print(json.dumps({"grown_mb": grown / 2**20, "before_mb": before / 2**20, "loads": results}))
    assert len(results) == 4, "a generator failed"
    assert [result["errors"] for result in results] == [{}] * 4
    assert sum(result["requests"] for result in done) >= REQUESTS
    assert grown < ALLOWED_GROWTH, f"{grown / 2**20:.0f} MB more than after the warm-up"
    assert code == 0
