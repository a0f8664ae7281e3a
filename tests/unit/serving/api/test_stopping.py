"""Ends in bounded time: with a run that hangs, with a load that hangs, and at a second signal."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import grpc
import httpx
import pytest
from tensorflow_serving.apis import (
    model_management_pb2,
    model_service_pb2_grpc,
)

from tfgan_survey.serving.api import grpc_api

FOREVER = 2**31 - 1  # steps of the toy's loop: hours
SERVING = r"serving REST at (\S+)"


@pytest.fixture
def hanging(toys, tmp_path):
    """A model folder whose only version hangs in its load: its variables are a pipe."""
    version = tmp_path / "hanging" / "1"
    shutil.copytree(toys / "half" / "2", version)
    (data,) = (version / "variables").glob("*.data*")
    data.unlink()
    os.mkfifo(data)
    yield version.parent
    with contextlib.suppress(OSError):  # let go whoever still waits for it
        os.close(os.open(data, os.O_WRONLY | os.O_NONBLOCK))


@pytest.fixture
def process():
    """Return a function that starts `serve`, waits for a line on stderr and returns its match."""
    started = []

    def start_one(model, line, *flags):
        command = [sys.executable, "-m", "tfgan_survey.cli", "serve", str(model)]
        command += ["--rest-port", "0", "--grpc-port", "0"]
        command += ["--rest-api-timeout-in-ms", "1500", *flags]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        found = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        started.append(found)
        matches = (re.search(line, got) for got in iter(found.stderr.readline, ""))
        match = next(filter(None, matches), None)
        assert match is not None, f"it ended without the line {line}"
        return found, match

    yield start_one
    for found in started:
        found.kill()
        found.communicate()


def ends_within(process, seconds):
    begin = time.monotonic()
    process.communicate(timeout=seconds + 20)
    assert time.monotonic() - begin < seconds
    return process.returncode


def hang(serving):
    """Send a request that runs for hours; return the thread that waits for it."""
    url = f"{serving[1]}/v1/models/half"
    body = {"signature_name": "slow", "instances": [FOREVER]}

    def ask():
        with contextlib.suppress(httpx.TransportError):
            httpx.post(f"{url}:predict", json=body, timeout=60)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.7)
    return thread


def test_sigterm_ends_while_a_run_hangs(process, toys):
    server, serving = process(toys / "half", SERVING)
    thread = hang(serving)
    server.send_signal(signal.SIGTERM)
    # The time limit of requests, uvicorn's two seconds more, and twice STOP_SECONDS.
    assert ends_within(server, 1.5 + 2 + 2 * 5 + 6) == 1
    thread.join()


def test_a_second_signal_ends_at_once(process, toys):
    server, serving = process(toys / "half", SERVING, "--rest-api-timeout-in-ms", "60000")
    thread = hang(serving)
    server.send_signal(signal.SIGTERM)
    time.sleep(0.7)
    assert server.poll() is None
    server.send_signal(signal.SIGTERM)
    assert ends_within(server, 3) == -signal.SIGTERM
    thread.join()


def test_sigterm_ends_while_a_load_hangs(process, hanging):
    server, _ = process(hanging, "hanging version 1 is being loaded")
    time.sleep(1)
    assert server.poll() is None
    server.send_signal(signal.SIGTERM)
    assert ends_within(server, 1.5 + 2 + 2 * 5 + 6) == 1


def reload(server, models, timeout):
    message = model_management_pb2.ReloadConfigRequest()
    for path in models:
        message.config.model_config_list.config.add(
            name=path.name, base_path=str(path), model_platform="tensorflow"
        )
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        stub.HandleReloadConfigRequest(message, timeout=timeout)


def answers(server, name):
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/{name}:predict"
    return httpx.post(url, json={"instances": [1.0]}, timeout=10).status_code == 200


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.05)


def test_a_load_that_hangs_holds_up_no_other_model_and_no_newer_version(
    start, toys, hanging, tmp_path, monkeypatch
):
    other, third = tmp_path / "other", tmp_path / "third"
    shutil.copytree(toys / "half" / "2", other / "1")
    shutil.copytree(toys / "half" / "2", third / "1")
    server = start(models=(other,), model_roots=(hanging, third), poll=0.1)
    with pytest.raises(grpc.RpcError) as caught:
        reload(server, [other, hanging], timeout=2)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert answers(server, "other") and not answers(server, "hanging")
    # A new version of the other model, by polling.
    shutil.copytree(toys / "half" / "00000003", other / ".2")
    (other / ".2").rename(other / "2")
    states = server.engine.repository.statuses
    wait_until(lambda: states("other")[0].number == 2 and states("other")[0].state == "AVAILABLE")
    # Another reload, which still names the model that hangs; many of them find room.
    monkeypatch.setattr(grpc_api, "RELOAD_SECONDS", 1.0)
    for _ in range(8):
        with pytest.raises(grpc.RpcError) as caught:
            reload(server, [other, hanging, third], timeout=20)
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert (
            "hanging" in caught.value.details() and "still being loaded" in caught.value.details()
        )
        if answers(server, "third"):
            break
    assert answers(server, "third")
    # A newer version of the very model.
    shutil.copytree(toys / "half" / "2", hanging / ".2")
    (hanging / ".2").rename(hanging / "2")
    wait_until(lambda: answers(server, "hanging"))
    begin = time.monotonic()
    reload(server, [other], timeout=20)  # lets the hanging one go
    assert time.monotonic() - begin < 5
    begin = time.monotonic()
    assert not server.stop()
    assert time.monotonic() - begin < 30 + 2 * 5 + 5
