"""The package managers are stood in for by small programs on PATH, the server by a real one."""

import http.server
import io
import shutil
import socket
import tarfile
import threading
import time

import pytest

from tfgan_survey.data.origins import fetch
from tfgan_survey.data.origins.fetch import SourceError


def program(folder, name, script):
    """Write an executable shell script."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def bin_folder(tmp_path, monkeypatch):
    """Put an empty folder first on PATH, with the system's tools behind it."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "bin"


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def test_npm_package_is_packed_and_unpacked_by_bare_names(made, bin_folder, work, tmp_path):
    archive(tmp_path / "a.tgz", {"package/data/one": b"1", "../../escaped": b"2"})
    program(bin_folder, "npm", f'[ "$1" = view ] || cp {tmp_path}/a.tgz digits-1.0.0.tgz')
    unpacked = fetch.fetch_npm(made[0], work)
    assert {path.name: path.read_bytes() for path in unpacked.iterdir()} == {
        "one": b"1",
        "escaped": b"2",
    }
    assert not (tmp_path / "escaped").exists() and not list(work.glob("*.tgz"))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'npm error 404 Not Found' >&2; exit 1", "npm view digits.*404 Not Found"),
        ('[ "$1" = view ] || exit 3', "npm pack digits.*exit code 3: no message"),
        ("true", "left 0 archives, expected 1"),
        ('[ "$1" = view ] || echo nonsense > a.tgz', "a.tgz is truncated or altered"),
    ],
)
def test_npm_failures_are_told(made, bin_folder, work, script, message):
    program(bin_folder, "npm", script)
    with pytest.raises(SourceError, match=message):
        fetch.fetch_npm(made[0], work)


def test_cut_npm_archive_is_told(made, bin_folder, work, tmp_path):
    archive(tmp_path / "a.tgz", {"package/one": bytes(range(256)) * 4000})
    data = (tmp_path / "a.tgz").read_bytes()
    (tmp_path / "a.tgz").write_bytes(data[: len(data) // 2])
    program(bin_folder, "npm", f'[ "$1" = view ] || cp {tmp_path}/a.tgz .')
    with pytest.raises(SourceError, match=r"a.tgz is truncated or altered"):
        fetch.fetch_npm(made[0], work)


def test_an_archive_bomb_is_not_unpacked(made, bin_folder, work, tmp_path):
    """The made set has 360 images of 784 bytes: 64 MiB and four times that can be right."""
    most = 64 * 2**20 + 4 * 360 * 785
    for size in (most, most + 1):
        with tarfile.open(tmp_path / "a.tgz", "w:gz", compresslevel=1) as tar:
            for name, part in (("package/one", size - 5), ("package/two", 5)):
                entry = tarfile.TarInfo(name)
                entry.size = part
                with open("/dev/zero", "rb") as zeros:
                    tar.addfile(entry, zeros)
        program(bin_folder, "npm", f'[ "$1" = view ] || cp {tmp_path}/a.tgz .')
        if size == most:
            shutil.rmtree(fetch.fetch_npm(made[0], work))
        else:
            with pytest.raises(SourceError, match=f"more than the {most:,} bytes"):
                fetch.fetch_npm(made[0], work)


def test_full_disk_under_a_package_manager_is_an_os_error(made, bin_folder, work):
    program(bin_folder, "npm", "echo 'npm error ENOSPC: no space left on device, write'; exit 1")
    with pytest.raises(OSError, match="No space left"):
        fetch.fetch_npm(made[0], work)


def test_missing_and_slow_programs_are_told(work, bin_folder):
    with pytest.raises(SourceError, match="no-such-program is not installed"):
        fetch.run(["no-such-program"], work, 5)
    with pytest.raises(SourceError, match=r"`sleep 5` took more than 0.2 s"):
        fetch.run(["sleep", "5"], work, 0.2)


def test_debian_package_is_unpacked_after_a_private_update(made, bin_folder, work):
    # The first download finds no package list; the second is given a private one.
    program(
        bin_folder,
        "apt-get",
        'case "$*" in\n'
        "update*Dir::State::Lists=*) ;;\n"
        "download*Dir::State::Lists=*) echo content > digits.deb ;;\n"
        "*) echo 'E: Unable to locate package' >&2; exit 100 ;;\nesac",
    )
    program(bin_folder, "dpkg-deb", 'mkdir -p "$3/usr" && cp "$2" "$3/usr/data"')
    unpacked = fetch.fetch_debian(made[0], work)
    assert (unpacked / "usr" / "data").read_text() == "content\n"
    assert sorted(path.name for path in work.iterdir()) == ["debian"]


def test_debian_failures_tell_both_tries(made, bin_folder, work):
    program(bin_folder, "apt-get", 'echo "E: $1 refused" >&2; exit 100')
    with pytest.raises(SourceError, match=r"download refused; with fresh .* update refused"):
        fetch.fetch_debian(made[0], work)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_probe_accepts_a_server_that_gives_the_file(server):
    assert fetch.probe(f"{server}/200", 5) is None
    assert fetch.probe(f"{server}/405", 5) is None


def test_probe_takes_every_refusal_as_unreachable(server):
    with pytest.raises(SourceError, match="answered 403 Forbidden"):
        fetch.probe(f"{server}/403", 5)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(SourceError, match="is not reachable"):
            fetch.probe(f"http://127.0.0.1:{port}/", 5)


def test_probe_does_not_wait_for_a_slow_server():
    # Each byte comes within the time limit of the socket; only the limit of the whole ends it.
    asked = threading.Event()

    def trickle(server):
        connection, _ = server.accept()
        with connection:
            asked.set()
            for byte in b"HTTP/1.0 200 OK\r\nX-Slow: " + b"x" * 15:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        thread = threading.Thread(target=trickle, args=(server,))
        thread.start()
        with pytest.raises(SourceError, match=r"did not answer in 0.5 s"):
            fetch.probe(f"http://127.0.0.1:{server.getsockname()[1]}/", 0.5)
        thread.join()
    assert asked.is_set()
