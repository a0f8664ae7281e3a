"""Writing that loses nothing: aside first, then renamed into place; and locks on folders."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    import fcntl
except ModuleNotFoundError:  # Windows has no such locks
    fcntl = None

# Nothing that starts so is ever read back; see `sweep`.
_ASIDE = ".writing-"
LARGEST_VERSION = 2**63 - 1
"""Largest version number of a model: TensorFlow Serving reads an int64."""
# Age at which an aside folder counts as left over where locks cannot tell.
_STALE_SECONDS = 3600


@contextlib.contextmanager
def written_aside(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path` and rename it to `path` when the block succeeds.

    The temporary name keeps the suffix, which decides the format for Keras and Pillow. What was
    written is flushed to the disk before the rename and the folder's entry after it, so after a
    power cut there is the old file or the new one, and after a return the new one. On any error
    the temporary file or folder is removed and `path` is as before.

    Args:
        path: the file or folder to be.

    Yields:
        Path to write to; not yet existing.

    Raises:
        OSError: the folder cannot be written to, or the disk is full; the message names `path`.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder, handle = _aside_folder(path.parent)
    except OSError as error:
        raise _explained(error, path) from error
    aside = folder / path.name
    try:
        yield aside
        _flush(aside)
        os.replace(aside, path)
        _flush_entry(path.parent)
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def sweep(folder: str | os.PathLike) -> None:
    """Remove what killed writers left in `folder`; a living writer's part is locked and stays.

    Args:
        folder: where files are written aside.
    """
    for leftover in Path(folder).glob(f"{_ASIDE}*"):
        try:
            handle = open_folder(leftover)
        except OSError:
            continue  # its writer has just finished, or it is another user's
        try:
            locked = None if handle is None else try_lock(handle)
            if locked or (locked is None and _age(leftover) > _STALE_SECONDS):
                shutil.rmtree(leftover, ignore_errors=True)
        finally:
            if handle is not None:
                os.close(handle)


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write JSON, indented, keys in the order given.

    Args:
        path: the file.
        value: what `json` can write.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write UTF-8 text.

    Args:
        path: the file; replaced at once, never half-written.
        text: its whole content.
    """
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def open_folder(folder: str | os.PathLike) -> int | None:
    """Return a descriptor of a folder to be locked, None where folders cannot be opened.

    Args:
        folder: an existing folder.
    """
    return None if fcntl is None else os.open(folder, os.O_RDONLY)


def try_lock(handle: int, wait: bool = False) -> bool | None:
    """Lock an open file or folder for this process alone; a kill releases it as a close does.

    Args:
        handle: its descriptor.
        wait: wait for the other process instead of giving up.

    Returns:
        True: locked; False: another process has it; None: this file system has no locks.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        # ENOLCK, EOPNOTSUPP, ...: network file systems; the callers say what they do without.
        return None
    return True


def _aside_folder(parent: Path) -> tuple[Path, int | None]:
    """Make a locked temporary folder; the lock tells `sweep` of other processes that it lives."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=parent))
        try:
            handle = open_folder(folder)
        except FileNotFoundError:
            continue
        if handle is not None:
            try_lock(handle, wait=True)
        if folder.is_dir():
            return folder, handle
        os.close(handle)  # swept between the two lines above


def _flush(written: Path) -> None:
    """Bring a file, or all files of a folder, to the disk."""
    if written.is_dir():
        for parent, _, names in os.walk(written):
            for name in names:
                _flush(Path(parent, name))
            _flush_entry(Path(parent))
        return
    with open(written, "rb+") as file:
        os.fsync(file.fileno())


def _flush_entry(folder: Path) -> None:
    """Bring the names in a folder to the disk: a rename alone may be lost by a power cut."""
    if (handle := open_folder(folder)) is None:
        return
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network and FUSE file systems know no flush of a folder.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def version_folders(base: str | os.PathLike) -> dict[int, Path]:
    """Return the version folders of a model as TensorFlow Serving finds them, by number, in order.

    Args:
        base: the model's folder. A version is a folder whose name is an int64 of digits; `007` is
            7, and of two names of one number the first by name counts.

    Raises:
        OSError: `base` is no folder that can be read.
    """
    names = sorted(entry.name for entry in os.scandir(base) if entry.is_dir())
    found: dict[int, Path] = {}
    for name in names:
        if name.isascii() and name.isdigit() and int(name) <= LARGEST_VERSION:
            found.setdefault(int(name), Path(base) / name)
    return dict(sorted(found.items()))


def _explained(error: OSError, path: Path) -> OSError:
    reason = error.strerror or str(error)
    message = (
        f"cannot write {path}: {reason}. Free space or choose a folder that can be written to; "
        "what was there before is untouched."
    )
    explained = type(error)(message)
    explained.errno = error.errno
    return explained
