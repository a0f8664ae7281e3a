"""Over raw sockets: what no library sends. The server refuses, and answers the next one."""

import contextlib
import gzip
import json
import socket
import threading
import time

import httpx
import pytest

from tfgan_survey.serving.api import http_limits

SECONDS = 1.0
HALF = "POST /v1/models/half:predict HTTP/1.1\r\nHost: localhost\r\n"
BODY = b'{"instances": [1.0]}'


@pytest.fixture(scope="module")
def port(start):
    """The REST port of a server with short times and a small body."""
    return start(
        rest_api_timeout_in_ms=int(1000 * SECONDS), max_request_bytes=2**20, log_requests=False
    ).rest_port


@pytest.fixture
def connect(port):
    """Return a function that connects; the server must answer an honest request afterwards."""
    with contextlib.ExitStack() as stack:

        def connect_one():
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=15))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock

        yield connect_one
    honest(port)


def honest(port):
    url = f"http://127.0.0.1:{port}/v1/models/half:predict"
    answer = httpx.post(url, content=BODY, timeout=15)
    assert answer.status_code == 200 and answer.json() == {"predictions": [2.5]}


def answer(sock):
    """Read to the end of the connection; return the status, 0 for none, and the whole text."""
    parts = []
    try:
        while data := sock.recv(2**16):
            parts.append(data)
    except ConnectionResetError:
        pass
    text = b"".join(parts)
    return (int(text.split()[1]) if text else 0), text.decode("latin-1")


def pour(sock, piece, most_bytes):
    """Send until the server has had enough; return the bytes that it took."""
    sent = 0
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while sent < most_bytes:
            sock.sendall(piece)
            sent += len(piece)
    return sent


MUCH = 64 * 2**20


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (HALF, b"a: " + b"x" * 1000 + b"\r\n"),
        (HALF, b"a:\r\n" * 200),
        (HALF + "a: ", b"x" * 2**16),
        ("GET /", b"x" * 2**16),
        (HALF + "Transfer-Encoding: chunked\r\n\r\n0\r\n", b"t: " + b"x" * 1000 + b"\r\n"),
        (HALF + "Transfer-Encoding: chunked\r\n\r\n0\r\nt: ", b"x" * 2**16),
        (HALF + "Transfer-Encoding: chunked\r\n\r\n1;", b"x" * 2**16),
        (HALF + "Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 2000 + b"\r\n{\r\n"),
    ],
    ids=["headers", "empty headers", "one header", "path", "trailers", "one trailer",
         "one extension", "extensions"],
)  # fmt: skip
def test_endless_heads_and_trailers_are_cut_off(connect, begin, piece):
    sock = connect()
    sock.sendall(begin.encode())
    assert pour(sock, piece, MUCH) < MUCH // 4
    assert answer(sock)[0] in (0, 400, 413, 414, 431)


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("a: b\r\n" * (http_limits.MAX_HEADERS - 10), 200),
        ("a: b\r\n" * (http_limits.MAX_HEADERS + 1), 431),
        (f"a: {'x' * 30_000}\r\n", 200),
        (f"a: {'x' * http_limits.MAX_HEAD_BYTES}\r\n", 431),
        ("host: localhost\r\n", 400),
    ],
    ids=["many", "too many", "long", "too long", "two hosts"],
)
def test_the_limits_of_headers(connect, head, code):
    sock = connect()
    length = f"Connection: close\r\nContent-Length: {len(BODY)}\r\n\r\n"
    sock.sendall((HALF + head + length).encode() + BODY)
    status, text = answer(sock)
    assert status == code, text[:500]
    if code != 200:
        assert "error" in json.loads(text.partition("\r\n\r\n")[2])


def test_a_long_path_is_414(connect):
    sock = connect()
    sock.sendall(b"GET /v1/" + b"x" * (http_limits.MAX_URL_BYTES + 1) + b" HTTP/1.1\r\n")
    assert answer(sock)[0] == 414


def test_small_chunks_extensions_and_trailers_are_read_all_the_same(connect):
    sock = connect()
    chunks = b"".join(b"1;e=1\r\n%c\r\n" % byte for byte in BODY)
    tail = b"0\r\ncontent-encoding: gzip\r\nhost: evil.example\r\n\r\n"
    head = HALF + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    sock.sendall(head.encode() + chunks + tail)
    status, text = answer(sock)
    assert status == 200 and "2.5" in text


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("", 0),
        ("\r\n", 0),
        ("POST /v1/mod", 408),
        (HALF, 408),
        (HALF + "a: b", 408),
        (HALF + "Content-Length: 20\r\n\r\n{", 408),
        (HALF + "Transfer-Encoding: chunked\r\n\r\n5\r\n{", 408),
    ],
    ids=["nothing", "an empty line", "path", "headers", "header", "body", "chunk"],
)
def test_who_says_no_more_is_not_waited_for(connect, sent, code):
    sock, begin = connect(), time.monotonic()
    sock.sendall(sent.encode())
    assert answer(sock)[0] == code
    # An empty line leaves the connection to uvicorn's five seconds between requests.
    assert 0.5 * SECONDS < time.monotonic() - begin < 8 * SECONDS


@pytest.mark.parametrize(
    "begin",
    [HALF + "a: ", HALF + "Content-Length: 1000\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\n"
     "Content-Length: 1000\r\n\r\n"],
    ids=["header", "body", "body of the page"],
)  # fmt: skip
def test_dripping_bytes_do_not_win_time(connect, begin):
    sock, start = connect(), time.monotonic()
    sock.sendall(begin.encode())
    with contextlib.suppress(ConnectionError):
        while time.monotonic() - start < 10 * SECONDS:
            sock.sendall(b" ")
            time.sleep(0.1)
    assert time.monotonic() - start < 6 * SECONDS


def test_a_connection_is_closed_after_its_requests_even_when_an_empty_line_follows(connect):
    sock, begin = connect(), time.monotonic()
    sock.sendall(b"GET /v1/models/half HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(0.2)
    sock.sendall(b"\r\n")
    status, _ = answer(sock)
    assert status == 200 and time.monotonic() - begin < 9


def test_an_answer_that_is_not_read_is_given_up(start, toys):
    server = start(models=(toys / "wide",), rest_api_timeout_in_ms=2000)
    body = json.dumps({"signature_name": "images", "inputs": [123456789] * 2000}).encode()
    head = HALF.replace("half", "wide") + f"Content-Length: {len(body)}\r\n\r\n"
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**12)
        sock.connect(("127.0.0.1", server.rest_port))
        sock.sendall(head.encode() + body)
        assert sock.recv(12) == b"HTTP/1.1 200"
        time.sleep(5)  # 17 MB of which nothing is taken
        left = 0
        with contextlib.suppress(ConnectionResetError):
            while data := sock.recv(2**20):
                left += len(data)
    assert left < 10 * 2**20


def test_many_pipelined_requests_are_answered_in_order(connect):
    sock = connect()
    one = HALF + "Content-Length: {}\r\n\r\n{}"
    bodies = [json.dumps({"instances": [float(i)]}) for i in range(50)]
    text = "".join(one.format(len(body), body) for body in bodies)
    text += "GET /v1/models/half HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    sock.sendall(text.encode())
    _, got = answer(sock)
    places = [got.index(f'{{"predictions":[{2 + i / 2}]}}') for i in range(50)]
    assert places == sorted(places) and got.count("HTTP/1.1 200") == 51


def test_idle_connections_give_way(port):
    """Nobody keeps others out by holding connections open."""
    with contextlib.ExitStack() as stack:
        for _ in range(http_limits.MAX_CONNECTIONS + 20):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        honest(port)


@pytest.mark.parametrize(
    ("codings", "code"),
    [
        (["gzip"], 200), (["GZIP"], 200), (["identity, gzip"], 200), (["gzip", "identity"], 200),
        (["gzip, gzip"], 400), (["gzip", "gzip"], 400), (["identity", "br"], 400),
        (["deflate"], 400), (["gzip", "x" * 1000], 400),
    ],
)  # fmt: skip
def test_content_encoding_may_be_repeated_but_packs_once(port, codings, code):
    url = f"http://127.0.0.1:{port}/v1/models/half:predict"
    headers = [("content-encoding", coding) for coding in codings]
    found = httpx.post(url, content=gzip.compress(BODY), headers=headers)
    assert found.status_code == code, found.text
    assert len(found.content) < 1000


def test_bytes_after_gzip_are_counted(port):
    url = f"http://127.0.0.1:{port}/v1/models/half:predict"

    def chunks():
        yield gzip.compress(BODY)
        for _ in range(40):
            yield b"x" * 2**16

    found = httpx.post(url, content=chunks(), headers={"content-encoding": "gzip"}, timeout=30)
    assert found.status_code == 413
    inner = gzip.compress(b" " * 2**20)
    assert len(inner) < 2**11
    bomb = httpx.post(url, content=gzip.compress(b" " * (2**20 + 1)),
                      headers={"content-encoding": "gzip"})  # fmt: skip
    assert bomb.status_code == 413


def test_bodies_together_take_bounded_memory(start, toys):
    """Five bodies of the largest size: four are held, the fifth is told to come later."""
    size = 2**20
    server = start(models=(toys / "half",), max_request_bytes=size, rest_api_timeout_in_ms=20_000)
    head = HALF + f"Content-Length: {size}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        socks = []
        for _ in range(5):
            sock = socket.create_connection(("127.0.0.1", server.rest_port), timeout=15)
            socks.append(stack.enter_context(sock))
            sock.sendall(head.encode() + b" " * (size - 1))
            time.sleep(0.3)
        socks[4].shutdown(socket.SHUT_WR)
        assert answer(socks[4])[0] == 503
    time.sleep(0.5)
    honest(server.rest_port)


def test_a_large_body_does_not_hold_up_others(start, toys):
    server = start(models=(toys / "half",), log_requests=False)
    rows = ",".join(["[0.123456,1.5,-2.25]"] * 4000)
    row_sums = '{"signature_name": "row_sums", "inputs": [%s]}'
    wide = "[" + ",".join(["0.123456"] * 1_200_000) + "]"
    bodies = [row_sums % rows, row_sums % wide, (row_sums % wide).replace("0.123456", "NaN", 1)]
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/half:predict"
    codes, waits, stop = [], [], threading.Event()

    def ask_large():
        for body in bodies:
            codes.append(httpx.post(url, content=body, timeout=60).status_code)
        stop.set()

    thread = threading.Thread(target=ask_large)
    thread.start()
    with httpx.Client(timeout=30) as client:
        while not stop.is_set():
            begin = time.perf_counter()
            assert client.post(url, content=BODY).status_code == 200
            waits.append(time.perf_counter() - begin)
    thread.join()
    assert codes == [200] * 3 and len(waits) > 3
    assert max(waits) < 1.0
