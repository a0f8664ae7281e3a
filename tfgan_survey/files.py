"""Writing that loses nothing: aside first, then renamed into place."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Nothing that starts so is ever read back; see `sweep`.
_ASIDE = ".writing-"


@contextlib.contextmanager
def written_aside(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path` and rename it to `path` when the block succeeds.

    The temporary name keeps the suffix, which decides the format for Keras and Pillow. A file is
    flushed to the disk before the rename, so after a power cut there is the old file or the new
    one. On any error the temporary file or folder is removed and `path` is as before.

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
        folder = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=path.parent))
    except OSError as error:
        raise _explained(error, path) from error
    aside = folder / path.name
    try:
        yield aside
        if aside.is_file():
            with open(aside, "rb+") as file:
                os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: str | os.PathLike) -> None:
    """Remove what killed writers left in `folder`."""
    for leftover in Path(folder).glob(f"{_ASIDE}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write JSON, indented, keys in the order given."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write UTF-8 text."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def _explained(error: OSError, path: Path) -> OSError:
    reason = error.strerror or str(error)
    message = (
        f"cannot write {path}: {reason}. Free space or choose a folder that can be written to; "
        "what was there before is untouched."
    )
    explained = type(error)(message)
    explained.errno = error.errno
    return explained
