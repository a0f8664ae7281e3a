"""The server as a process and as a whole: signals, ports, page, log, the package's own exports."""

import base64
import io
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tfgan_survey.serving import ModelServer, ServerOptions
from tfgan_survey.serving.api.rest import PAGE, build_app
from tfgan_survey.serving.wire.config_files import MonitoringConfig
from tfgan_survey.serving.wire.status import ServingError


def test_sigterm_finishes_what_is_in_flight(toys):
    process = subprocess.Popen(
        [sys.executable, "-c", "from tfgan_survey.cli import main; main()", "serve",
         str(toys / "half"), "--rest-port", "0", "--grpc-port", "0"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    try:
        lines = iter(process.stderr.readline, "")
        where = r"serving REST at (http://127\.0\.0\.1:\d+) and gRPC at (127\.0\.0\.1:\d+)$"
        serving = next(filter(None, (re.search(where, line.rstrip()) for line in lines)))
        url = f"{serving[1]}/v1/models/half"
        steps, answers = 600_000, []  # longer than the wait below
        body = {"signature_name": "slow", "instances": [steps]}
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = "half", "slow"
        request.inputs["steps"].CopyFrom(tf.make_tensor_proto([steps]))
        client = httpx.Client(timeout=120)
        assert client.get(url).status_code == 200  # the connection is open
        channel = grpc.insecure_channel(serving[2])
        grpc.channel_ready_future(channel).result(timeout=60)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

        def ask_rest():
            answers.append(client.post(f"{url}:predict", json=body).json()["predictions"])

        def ask_grpc():
            answers.append(list(stub.Predict(request).outputs["done"].int_val))

        threads = [threading.Thread(target=ask) for ask in (ask_rest, ask_grpc)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)  # both have arrived
        assert not answers
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        rest_of_log = process.communicate(timeout=60)[1]
        assert process.returncode == 0
        assert answers == [[steps]] * 2
        pattern = r"id=\S+ (REST|GRPC) Predict model='half' version=3 rows=1 status=OK ms=[\d.]+"
        assert {match[1] for match in re.finditer(pattern, rest_of_log)} == {"REST", "GRPC"}
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)
        client.close()
        channel.close()
    finally:
        process.kill()
        process.communicate()


def test_a_taken_port_and_a_missing_model_are_start_errors(toys, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for name in ("rest_port", "grpc_port"):
            ports = {"rest_port": 0, "grpc_port": 0, name: port}
            server = ModelServer(ServerOptions(models=(toys / "half",), **ports))
            with pytest.raises(OSError, match=f"{port}.*choose another port"):
                server.start()
    server = ModelServer(ServerOptions(models=(tmp_path / "none",), rest_port=0, grpc_port=0))
    with pytest.raises(ServingError, match="cannot read the model folder"):
        server.start()


def test_metrics_are_off_by_default_and_cors_too(toys):
    options = ServerOptions(models=(toys / "half",), rest_port=0, grpc_port=None)
    with ModelServer(options) as server:
        url = f"http://127.0.0.1:{server.rest_port}"
        assert server.grpc_port is None
        assert httpx.get(f"{url}/monitoring/prometheus/metrics").status_code == 404
        answer = httpx.get(f"{url}/v1/models/half", headers={"origin": "http://page.example"})
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_page_is_served_at_the_root_when_there_is_one(server, tmp_path):
    response = httpx.get(f"http://127.0.0.1:{server.rest_port}/")
    if PAGE.is_file():
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/html")
        assert response.content == PAGE.read_bytes()
    else:
        assert response.status_code == 404
    app = build_app(server.engine, None, server.options, MonitoringConfig(), page=tmp_path / "none")
    assert not [route for route in app.routes if route.path == "/"]


def test_one_log_line_a_request(rest, caplog):
    with caplog.at_level(logging.INFO, "tfgan_survey.serving.requests"):
        headers = {"x-request-id": "mine"}
        rest.post("/v1/models/half/versions/2:predict", json={"instances": [1, 2]}, headers=headers)
        rest.post("/v1/models/half:predict", content=b"{", headers={"x-request-id": "a\tb"})
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert re.fullmatch(
        r"id=mine REST Predict model='half' version=2 rows=2 status=OK ms=[\d.]+", lines[0]
    )
    assert re.match(r"id=\d+ REST Predict model='half' .* status=INVALID_ARGUMENT", lines[1])


def test_an_export_is_served_and_a_row_depends_on_its_seed_and_label_alone(start, tmp_path):
    """The signatures of an export, over REST, in other orders, company and batch sizes."""
    from tfgan_survey import build, export_savedmodel

    gan = build("survey_cgan", num_classes=10, seed=0, generator_widths=(16,),
                discriminator_widths=(16,))  # fmt: skip
    export_savedmodel(gan, tmp_path / "cgan")
    server = start(models=(str(tmp_path / "cgan"),), batching=True)
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/cgan:predict"

    def ask(signature, seeds, labels):
        rows = [{"seeds": s, "labels": n} for s, n in zip(seeds, labels, strict=True)]
        response = httpx.post(url, json={"signature_name": signature, "instances": rows})
        assert response.status_code == 200, response.text
        return response.json()["predictions"]

    seeds, labels = list(range(8)), [7, 7, 3, 0, 9, 1, 2, 5]
    images = np.array(ask("sample", seeds, labels), np.float32)
    np.testing.assert_allclose(images, gan.generate(8, labels=labels, seed=0), rtol=0, atol=1e-5)
    order = np.random.default_rng(0).permutation(8)
    mixed = np.array(ask("sample", order.tolist(), [labels[i] for i in order]), np.float32)
    np.testing.assert_allclose(mixed, images[order], rtol=0, atol=1e-6)
    for i in range(8):
        (alone,) = ask("sample", [seeds[i]], [labels[i]])
        np.testing.assert_allclose(alone, images[i], rtol=0, atol=1e-6)
    for png, image in zip(ask("sample_png", seeds, labels), images, strict=True):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png["b64"]))), np.float32)
        np.testing.assert_allclose(pixels / 255, image[..., 0], rtol=0, atol=1 / 255)
