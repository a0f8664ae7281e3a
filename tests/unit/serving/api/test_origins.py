"""Under which names a server answers, and the pages of which origins it obeys."""

import socket

import httpx
import pytest

from tfgan_survey.serving.api.origins import is_loopback, split_authority

BODY = '{"instances": [1.0]}'
PATHS = ["/v1/models/half:predict", "/v1/models/half", "/", "/cards/half",
         "/monitoring/prometheus/metrics"]  # fmt: skip


@pytest.fixture(scope="module")
def loopback(start):
    return start(cors_origins=("http://page.example",), allowed_hosts=("models.example",))


@pytest.fixture(scope="module")
def anywhere(start, toys):
    return start(models=(toys / "half",), host="0.0.0.0")


def ask(server, path="/v1/models/half:predict", method=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"http://127.0.0.1:{server.rest_port}{path}"
    method = method or ("POST" if path.endswith("predict") else "GET")
    return httpx.request(method, url, content=BODY if method == "POST" else None, headers=headers)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost:8501", "localhost.:80", "127.0.0.1", "127.0.0.1:1", "127.8.8.8",
     "[::1]", "[::1]:8501", "[0:0:0:0:0:0:0:1]", "me.localhost", "models.example:443",
     "MODELS.EXAMPLE"],
)  # fmt: skip
def test_names_of_this_machine(loopback, host):
    assert ask(loopback, host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8501", "localhost.evil.example", "evil-localhost",
     "127.0.0.1.evil.example", "192.168.0.1", "0.0.0.0", "[::2]", "[::1", "::1", "localhost:x",
     "user@localhost", "localhost/x", "localhost, evil.example", "", "2130706433x"],
)  # fmt: skip
@pytest.mark.parametrize("path", PATHS)
def test_other_names_are_refused_on_loopback(loopback, host, path):
    response = ask(loopback, path, host=host)
    assert response.status_code == 403 and "predictions" not in response.text
    if path.startswith("/v1"):
        assert list(response.json()) == ["error"] and "--allowed-host" in response.text


def test_a_server_for_other_machines_answers_to_any_name(anywhere):
    assert ask(anywhere, host="serve.example:8501").status_code == 200


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_request_without_a_name(loopback, version):
    with socket.create_connection(("127.0.0.1", loopback.rest_port)) as sock:
        sock.sendall(f"GET /v1/models/half HTTP/{version}\r\nConnection: close\r\n\r\n".encode())
        assert sock.recv(12).split()[1] == (b"200" if version == "1.0" else b"400")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://evil.example", "null", "http://localhost.evil.example",
     "http://127.0.0.1:1", "file://", "http://page.example.evil.example", "http://page.example:8",
     "https://page.example", "chrome-extension://abc", "x", "http://", "http://[::1",
     "http://user@page.example"],
)  # fmt: skip
@pytest.mark.parametrize("path", PATHS)
def test_pages_of_other_origins_are_refused(loopback, origin, path):
    response = ask(loopback, path, origin=origin, content_type="text/plain")
    assert response.status_code == 403 and "predictions" not in response.text
    assert not [name for name in response.headers if name.startswith("access-control")]
    preflight = {"access_control_request_method": "POST"}
    response = ask(loopback, path, "OPTIONS", origin=origin, **preflight)
    assert response.status_code == 403
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", PATHS)
def test_the_own_page_and_the_named_origin_may_ask(loopback, path):
    served = [404] if path.startswith("/cards") else [200]  # the toy has no card
    port = loopback.rest_port
    for origin in (f"http://127.0.0.1:{port}", "http://page.example"):
        assert ask(loopback, path, origin=origin).status_code in served
    own = {"host": "models.example", "origin": "https://models.example"}  # behind a TLS proxy
    assert ask(loopback, path, **own).status_code in served


def test_an_own_page_of_another_name_or_port_is_foreign(anywhere):
    same = {"host": "serve.example:8501", "origin": "http://serve.example:8501"}
    assert ask(anywhere, **same).status_code == 200
    for origin in (
        "http://serve.example",
        "http://serve.example:8502",
        "http://other.example:8501",
    ):
        assert ask(anywhere, **{**same, "origin": origin}).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_a_star_allows_all_origins_but_no_foreign_name(digit_server, origin):
    path = "/v1/models/plain"
    assert ask(digit_server, path, origin=origin).status_code == 200
    assert ask(digit_server, path, origin=origin, host="evil.example").status_code == 403


def test_authorities():
    assert split_authority("A.example.:81", 80) == ("a.example", 81)
    assert split_authority("[::1]", 443) == ("::1", 443)
    assert split_authority("a:99999", 80)[0] is None
    assert [is_loopback(n) for n in ("::1", "127.1.2.3", "localhost", "0.0.0.0", "a")] == [
        True, True, True, False, False,
    ]  # fmt: skip
