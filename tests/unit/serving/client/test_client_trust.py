"""What the client believes: the card's classes, and answers with as many rows as were asked."""

import http.server
import json
import threading

import numpy as np
import pytest
from click.testing import CliRunner

from tfgan_survey.cli import cli
from tfgan_survey.errors import SettingError
from tfgan_survey.serving import Client
from tfgan_survey.serving.client import RequestError


def tensor(dtype):
    return {"dtype": dtype, "tensor_shape": {"dim": []}, "name": "x:0"}


SIGNATURES = {
    "sample": {
        "inputs": {"seeds": tensor("DT_INT64"), "labels": tensor("DT_INT32")},
        "outputs": {"images": tensor("DT_FLOAT")},
    }
}


@pytest.fixture
def standing_in():
    """Return a function that starts a server without cards, as TensorFlow Serving has none.

    It answers `answered(rows)` rows of `sample`, or the whole body that `answered` returns.
    """
    servers = []

    def start_one(answered):
        bodies = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if not self.path.startswith("/v1/"):
                    self.reply(404, b"Not Found")
                else:
                    self.reply(200, {"metadata": {"signature_def": {"signature_def": SIGNATURES}}})

            def do_POST(self):
                length = int(self.headers["content-length"])
                bodies.append(json.loads(self.rfile.read(length)))
                found = answered(len(bodies[-1]["inputs"]["seeds"]))
                if isinstance(found, int):
                    found = {"outputs": [[[[0.5]]]] * found}
                self.reply(200, found)

            def reply(self, code, body):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(code)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", bodies

    yield start_one
    for server in servers:
        server.shutdown()
        server.server_close()


def url(server, protocol):
    port = server.rest_port if protocol == "http" else server.grpc_port
    return f"{protocol}://127.0.0.1:{port}"


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_the_number_of_classes_is_the_card_s(protocol, digit_server):
    with Client(url(digit_server, protocol)) as client:
        assert client.num_classes == 10
        assert client.card()["num_classes"] == 10 and client.card()["model"]
        with pytest.raises(ValueError, match=r"labels 10..10: expected 0 to 9"):
            client.sample(10)
    with Client(url(digit_server, protocol), num_classes=3) as client:
        assert client.num_classes == 3 and len(client.sample()) == 3
    with Client(url(digit_server, protocol), "plain") as client:
        assert client.num_classes is None and len(client.sample()) == 1
    with Client(url(digit_server, protocol), "nobody") as client:
        assert client.card() == {}


def test_three_classes_are_three_and_not_ten(start, tmp_path):
    from tfgan_survey import build, export_savedmodel

    gan = build("survey_cgan", (4, 4, 1), num_classes=3, generator_widths=(4,),
                discriminator_widths=(4,))  # fmt: skip
    export_savedmodel(gan, tmp_path / "three")
    server = start(models=(tmp_path / "three",))
    for protocol in ("http", "grpc"):
        with Client(url(server, protocol), "three") as client:
            assert len(client.sample()) == 3
            np.testing.assert_allclose(client.sample(), gan.generate(3, seed=0), atol=1e-6)
            with pytest.raises(ValueError, match=r"expected 0 to 2"):
                client.sample(3)
    output = tmp_path / "x.npz"
    arguments = ["request", "--url", url(server, "http"), "--model", "three"]
    done = CliRunner().invoke(cli, [*arguments, "--output", str(output)], catch_exceptions=False)
    assert done.exit_code == 0
    with np.load(output) as found:
        assert found["labels"].tolist() == [0, 1, 2] and len(found["images"]) == 3


def test_a_server_without_cards_is_not_guessed_about(standing_in):
    where, bodies = standing_in(lambda rows: rows)
    with Client(where) as client:
        with pytest.raises(SettingError, match=r"does not tell how many classes .* --classes"):
            client.sample()
        assert not bodies
        assert len(client.sample([0, 11])) == 2  # whether there is a class 11 the server knows
        with pytest.raises(ValueError, match=r"labels -1..-1"):
            client.sample(-1)
    with Client(where, num_classes=4) as client:
        assert len(client.sample()) == 4
    assert bodies[-1]["inputs"]["labels"] == [0, 1, 2, 3]


@pytest.mark.parametrize("came", [lambda n: n - 1, lambda n: n + 1, lambda n: 0, lambda n: 1])
def test_another_number_of_rows_than_asked_is_an_error(standing_in, came, tmp_path):
    where, _ = standing_in(came)
    with (
        Client(where, num_classes=10) as client,
        pytest.raises(
            RequestError, match=r"5 rows of sample were asked for, . rows of images came"
        ),
    ):
        client.sample(3, num=5)
    output = tmp_path / "x.npz"
    arguments = ["request", "--url", where, "--classes", "10", "--num", "5"]
    done = CliRunner().invoke(cli, [*arguments, "--output", str(output)])
    assert done.exit_code != 0 and isinstance(done.exception, RequestError)
    assert not output.exists()


def test_too_few_in_a_later_part_are_seen_as_well(standing_in):
    where, bodies = standing_in(lambda rows: rows if len(bodies) < 2 else rows - 1)
    with (
        Client(where, num_classes=10, rows_per_request=4) as client,
        pytest.raises(RequestError, match=r"2 rows of sample were asked for, 1 rows"),
    ):
        client.sample(3, num=6)


@pytest.mark.parametrize(
    "body", [{}, {"outputs": 0.5}, {"outputs": None}, {"outputs": {"x": [1]}}, {"predictions": []}]
)
def test_an_answer_without_the_images_is_an_error(standing_in, body):
    where, _ = standing_in(lambda rows: body)
    with (
        Client(where, num_classes=10) as client,
        pytest.raises(RequestError, match=r"wrong answer"),
    ):
        client.sample(3, num=2)
