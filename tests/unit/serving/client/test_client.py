"""The client: images of `generate`, whole calls in parts, patience with limits, exact errors."""

import http.server
import io
import json
import subprocess
import sys
import threading
from concurrent import futures

import grpc
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

from tfgan_survey.cli import cli
from tfgan_survey.errors import SettingError, UnknownNameError
from tfgan_survey.pictures import grid, to_uint8
from tfgan_survey.serving import Client
from tfgan_survey.serving.client import RequestError

STATUS = {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": {}}]}
PROTOCOLS = ("http", "grpc")


def url(server, protocol):
    port = server.rest_port if protocol == "http" else server.grpc_port
    return f"{protocol}://127.0.0.1:{port}"


@pytest.fixture(scope="module", params=PROTOCOLS)
def client(request, digit_server):
    with Client(url(digit_server, request.param), rows_per_request=16) as client:
        yield client


@pytest.fixture(scope="module")
def toy_server(start):
    return start()


@pytest.fixture(scope="module", params=PROTOCOLS)
def toy_url(request, toy_server):
    return url(toy_server, request.param)


@pytest.fixture
def waits(monkeypatch):
    """Record the waits between attempts instead of waiting."""
    seen = []
    monkeypatch.setattr("tfgan_survey.serving.client.client.time.sleep", seen.append)
    return seen


@pytest.fixture
def answering():
    """Return a function that starts an HTTP server giving the listed (code, body) in turn."""
    servers = []

    def start_one(*answers, delay=0.0, port=0):
        left, paths = list(answers), []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                paths.append(self.path)
                threading.Event().wait(delay)  # time.sleep may be recorded instead
                code, body = left.pop(0) if len(left) > 1 else left[0]
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(code)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.paths = paths
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server, f"http://127.0.0.1:{server.server_port}"

    yield start_one
    for server in servers:
        server.shutdown()
        server.server_close()


# --- the calls --------------------------------------------------------------------------------


def test_samples_are_the_images_of_generate_however_they_are_split(client, digits):
    wanted = digits[0]["cgan_mnist"].generate(37, labels=[7, 3], seed=5)
    found = client.sample([7, 3], num=37, seed=5)
    assert found.dtype == np.float32 and found.shape == (37, 28, 28, 1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert np.abs(wanted[0] - wanted[2]).max() > 1e-3, "images that do not differ prove nothing"


def test_pngs_are_the_same_images(client, digits):
    files = client.sample_png(4, num=18, seed=2)
    found = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])[..., None]
    wanted = to_uint8(digits[0]["cgan_mnist"].generate(18, labels=4, seed=2))
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize(
    ("labels", "num", "count"),
    [(None, None, 10), (7, None, 1), ([1, 2, 3], None, 3), (None, 12, 12)],
)
def test_num_is_the_number_of_labels_and_no_labels_are_all_in_turn(
    client, digits, labels, num, count
):
    wanted = digits[0]["cgan_mnist"].generate(count, labels=labels, seed=0)
    np.testing.assert_allclose(client.sample(labels, num), wanted, atol=1e-6)


def test_latents_and_scores(client, digits):
    gan = digits[0]["cgan_mnist"]
    latent = np.random.default_rng(0).uniform(-1, 1, (20, 8))
    images = client.generate(latent, labels=3)
    labels = np.full(20, 3, np.int32)
    wanted = gan.pair.to_unit(gan.pair.generate(latent.astype(np.float32), labels)).numpy()
    np.testing.assert_allclose(images, wanted, atol=1e-6)
    scores = gan.pair.score(gan.pair.from_unit(wanted), labels).numpy()
    answer = client.score(images, labels=3)
    np.testing.assert_allclose(answer["scores"], scores, atol=1e-5)
    np.testing.assert_allclose(answer["probabilities"], 1 / (1 + np.exp(-scores)), atol=1e-5)
    pixels = to_uint8(images)
    np.testing.assert_allclose(
        client.score(pixels, 3)["scores"], client.score(pixels / 255.0, 3)["scores"], atol=1e-5
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_without_labels(protocol, digit_server, digits):
    with Client(url(digit_server, protocol), "plain") as client:
        wanted = digits[0]["plain"].generate(3, seed=1)
        np.testing.assert_allclose(client.sample(num=3, seed=1), wanted, atol=1e-6)
        assert len(client.sample_png()) == 1
        assert set(client.score(wanted)) == {"scores", "probabilities"}
        with pytest.raises(ValueError, match="trained without labels"):
            client.sample(7)


def test_both_protocols_tell_the_same_state_and_signatures(digit_server):
    rest, rpc = (Client(url(digit_server, protocol)) for protocol in PROTOCOLS)
    assert rest.status() == rpc.status()
    assert rest.status()[0]["state"] == "AVAILABLE"
    assert rest.metadata() == rpc.metadata()


def test_versions_and_labels_are_asked_for(toy_url):
    def half(**which):
        with Client(toy_url, "half", **which) as client:
            return client.predict("serving_default", {"x": [4.0]})["y"].tolist()

    assert half() == half(version=3) == half(label="canary") == [4.0]
    assert half(version=2) == half(label="stable") == [3.0]
    with pytest.raises(SettingError, match="exclude each other"):
        half(version=2, label="stable")


def test_every_type_goes_there_and_back(toy_url):
    values = {
        "int8": [-128, 127], "int16": [-(2**15), 5], "int32": [-(2**31), 2**31 - 1],
        "int64": [-(2**63), 2**63 - 1], "uint8": [0, 255], "uint32": [0, 2**32 - 1],
        "uint64": [0, 2**64 - 1], "bool": [True, False], "float64": [0.1, -1e300],
    }  # fmt: skip
    with Client(toy_url, "echo") as client:
        for name, pair in values.items():
            spec = client.metadata_of(name)
            (given,), (made,) = spec["inputs"], spec["outputs"]
            found = client.predict(name, {given: np.array(pair, name)})[made]
            assert found.dtype == np.dtype(name) and found.tolist() == pair, name
        spec = client.metadata_of("float64")
        (given,), (made,) = spec["inputs"], spec["outputs"]
        found = client.predict("float64", {given: [np.nan, np.inf, -np.inf]})[made]
        np.testing.assert_array_equal(found, [np.nan, np.inf, -np.inf])


# --- what is refused here ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda c: c.sample(10), ValueError, "labels 10..10: expected 0 to 9; .*num_classes"),
        (lambda c: c.sample([], num=2), ValueError, "expected one class id"),
        (lambda c: c.sample(1.5), ValueError, "expected one class id"),
        (lambda c: c.sample(num=0), ValueError, "num=0"),
        (lambda c: c.predict("sampel", {}), UnknownNameError, "did you mean sample"),
        (lambda c: c.predict("sample", {"sedes": [1]}), UnknownNameError, "did you mean seeds"),
        (lambda c: c.predict("sample", {"seeds": [0.5], "labels": [1]}), ValueError, "int64"),
        (lambda c: c.predict("sample", {"seeds": [1], "labels": [2**31]}), ValueError, "int32"),
        (lambda c: c.score(np.zeros((1, 28, 28, 1))), ValueError, "pass labels"),
    ],
)
def test_misuse_is_refused_with_its_remedy(client, call, error, words):
    with pytest.raises(error, match=words):
        call(client)


@pytest.mark.parametrize(
    "arguments",
    [{"url": "ftp://x"}, {"retries": -1}, {"timeout": 0}, {"rows_per_request": 0}],
)
def test_settings_out_of_range(arguments):
    with pytest.raises(SettingError, match="expected"):
        Client(**arguments)


@pytest.mark.parametrize(("protocol", "status"), [("http", "404"), ("grpc", "NOT_FOUND")])
def test_an_error_is_one_line_with_place_status_words_and_remedy(digit_server, protocol, status):
    with pytest.raises(RequestError) as caught:
        Client(url(digit_server, protocol), "nobody").sample(7)
    assert caught.value.status == status
    text = str(caught.value)
    assert "\n" not in text
    for part in (url(digit_server, protocol), status, "Servable not found", "check the model's"):
        assert part in text


# --- patience ---------------------------------------------------------------------------------


def test_a_busy_server_is_asked_again_after_growing_random_waits(answering, waits):
    busy = (503, {"error": "the batching queue is full"})
    server, where = answering(busy, busy, busy, (200, STATUS))
    assert Client(where).status() == STATUS["model_version_status"]
    assert len(server.paths) == 4
    for attempt, wait in enumerate(waits):
        assert 0.05 * 2**attempt <= wait <= 0.15 * 2**attempt
    assert len(waits) == 3


def test_patience_ends(answering, waits):
    server, where = answering((503, {"error": "full"}))
    with pytest.raises(RequestError, match="503: full; the server is overloaded"):
        Client(where, retries=9).status()
    assert len(server.paths) == 10
    assert max(waits) <= 7.5, "waits are bounded"


@pytest.mark.parametrize("code", [400, 404, 413, 500, 504])
def test_other_answers_are_final(answering, waits, code):
    server, where = answering((code, {"error": "no"}))
    with pytest.raises(RequestError, match=f"{code}: no; "):
        Client(where).status()
    assert len(server.paths) == 1 and not waits


def test_a_refused_connection_is_tried_again(answering, monkeypatch):
    server, where = answering((200, STATUS))
    port = server.server_port
    server.shutdown()
    server.server_close()
    comes_up = []

    def wait(seconds):
        if not comes_up:
            comes_up.append(answering((200, STATUS), port=port))

    monkeypatch.setattr("tfgan_survey.serving.client.client.time.sleep", wait)
    assert Client(where).status() == STATUS["model_version_status"]
    assert comes_up


def test_nobody_there(answering, waits):
    server, where = answering((200, STATUS))
    server.shutdown()
    server.server_close()
    with pytest.raises(RequestError, match=r"no connection: .*refused; is the server running\?"):
        Client(where, retries=2).status()
    assert len(waits) == 2


def test_a_slow_server_is_not_waited_for(answering, waits):
    server, where = answering((200, STATUS), delay=1.0)
    with pytest.raises(RequestError, match=r"no answer in time: .*raise timeout"):
        Client(where, timeout=0.1).status()
    assert len(server.paths) == 1 and not waits


def test_something_else_at_the_port(answering):
    _, where = answering((200, b"<html>"))
    with pytest.raises(RequestError, match=r"not JSON: '<html>'; is this the REST port"):
        Client(where).status()


def test_grpc_patience(waits):
    class Busy(model_service_pb2_grpc.ModelServiceServicer):
        calls = 0

        def GetModelStatus(self, request, context):
            self.calls += 1
            if self.calls < 3 or request.model_spec.name == "full":
                context.abort(grpc.StatusCode.UNAVAILABLE, "queue is full")
            return get_model_status_pb2.GetModelStatusResponse()

    busy, server = Busy(), grpc.server(futures.ThreadPoolExecutor(1))
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(busy, server)
    where = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        assert Client(where).status() == []
        assert busy.calls == 3 and len(waits) == 2
        with pytest.raises(RequestError, match="UNAVAILABLE: queue is full"):
            Client(where, "full", retries=4).status()
        assert busy.calls == 8
    finally:
        server.stop(0)


# --- light, and the command -------------------------------------------------------------------


def test_rest_needs_no_tensorflow(digit_server):
    code = f"""
import sys
from tfgan_survey.serving import Client
assert Client({url(digit_server, "http")!r}).sample(7, num=2).shape == (2, 28, 28, 1)
heavy = {{"tensorflow", "keras", "grpc", "scipy", "sklearn", "matplotlib"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_command_writes_what_sample_writes(digit_server, digits, tmp_path, protocol):
    images = to_uint8(digits[0]["cgan_mnist"].generate(6, labels=[7, 1], seed=3))

    def run(*extra):
        arguments = ["request", "--url", url(digit_server, protocol), "--labels", "7,1"]
        arguments += ["--num", "6", "--seed", "3", *extra]
        result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output

    run("--output", str(tmp_path / "x.npz"))
    with np.load(tmp_path / "x.npz") as found:
        assert found["images"].dtype == np.uint8 and found["labels"].dtype == np.int32
        assert found["labels"].tolist() == [7, 1] * 3
        assert np.abs(found["images"].astype(int) - images).max() <= 1
    run("--output", str(tmp_path / "x.png"), "--columns", "3")
    picture = np.asarray(Image.open(tmp_path / "x.png")).astype(int)
    assert np.abs(picture - np.asarray(grid(images, 3))).max() <= 1
