"""One version of a model and its life, and the folders in which versions lie.

A version goes START, LOADING, AVAILABLE, UNLOADING, END. Requests hold a lease, and a version is
closed when its last lease is returned.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tfgan_survey.files import version_folders
from tfgan_survey.serving.runtime.saved_model import LoadedModel
from tfgan_survey.serving.wire.config_files import ModelConfig
from tfgan_survey.serving.wire.status import ServingError

LOG = logging.getLogger(__name__)
START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"


class Version:
    """One version of one model, leased while requests run on it.

    Args:
        model: name of the model.
        number: number of the version, which its folder is named by; 0 or more.
        path: its folder.
    """

    def __init__(self, model: str, number: int, path: Path):
        self.model_name = model
        self.number = number
        self.path = path
        self.state = START
        self.error_code = "OK"
        self.error_message = ""
        self.loaded: LoadedModel | None = None
        self.fingerprint: tuple = ()
        self._leases = 0
        self._condition = threading.Condition()

    def acquire(self) -> bool:
        """Take a lease; False when the version is not AVAILABLE (any more)."""
        with self._condition:
            if self.state != AVAILABLE:
                return False
            self._leases += 1
            return True

    def retain(self) -> None:
        """Take one more lease while holding one, for work that may outlive its request."""
        with self._condition:
            self._leases += 1

    def release(self) -> None:
        """Give a lease back."""
        with self._condition:
            self._leases -= 1
            if not self._leases:
                self._condition.notify_all()

    def load(self, loader: Callable[[Path], LoadedModel]) -> bool:
        """Load and warm up; answer whether the version is AVAILABLE now.

        Args:
            loader: loads and warms up the model of a folder.
        """
        LOG.info("%s version %d is being loaded", self.model_name, self.number)
        self.state, self.error_code, self.error_message = LOADING, "OK", ""
        try:
            self.loaded = loader(self.path)
        except ServingError as error:
            self._fail(error.code, error.message)
        except Exception as error:
            # A model is foreign code: whatever loading it raises must not stop the server.
            self._fail("UNKNOWN", f"{type(error).__name__}: {error}")
        else:
            self.state = AVAILABLE
            LOG.info("%s version %d is AVAILABLE", self.model_name, self.number)
        return self.state == AVAILABLE

    def _fail(self, code: str, message: str) -> None:
        self.state, self.error_code, self.error_message = END, code, message
        LOG.error("%s version %d failed to load: %s", self.model_name, self.number, message)

    def unload(self) -> None:
        """Refuse new leases, wait for those given, then close."""
        with self._condition:
            if self.state != AVAILABLE:
                return
            self.state = UNLOADING
            while self._leases:
                self._condition.wait()
        loaded, self.loaded = self.loaded, None
        loaded.close()
        self.state = END
        LOG.info("%s version %d is unloaded", self.model_name, self.number)


class Model:
    """The versions of one model name.

    What is changed about it is changed while `changed` is held, and never while a version is
    loaded or unloaded: a load that hangs must not keep other versions from coming and going.

    Args:
        config: where it lies and which versions are wanted; a reload may replace it.
    """

    def __init__(self, config: ModelConfig):
        self.config = config
        self.versions: dict[int, Version] = {}
        self.wanted: set[int] = set()
        self.best: Version | None = None
        self.missing = False
        self.retired = False
        self.changed = threading.Condition(threading.RLock())

    def refresh(self) -> None:
        """Point `best` at the largest loaded version."""
        available = [v for v in self.versions.values() if v.state == AVAILABLE]
        self.best = max(available, key=lambda version: version.number, default=None)

    def loading(self) -> list[int]:
        """Return the numbers of the wanted versions whose load has not ended."""
        return [n for n in sorted(self.wanted) if self.versions[n].state in (START, LOADING)]

    def settle(self, deadline: float) -> list[int]:
        """Wait until no load is under way; return the versions whose load has not ended then.

        Args:
            deadline: `time.monotonic()` at which to stop waiting; may be infinite.
        """
        with self.changed:
            while (left := self.loading()) and (wait := deadline - time.monotonic()) > 0:
                self.changed.wait(min(wait, threading.TIMEOUT_MAX))
            return left

    def aspired(self) -> dict[int, Path]:
        """Return the version folders that the policy wants, by number."""
        found = found_versions(self.config.base_path)
        if self.config.policy == "latest":
            wanted = sorted(found)[-self.config.num_versions :]
        elif self.config.policy == "all":
            wanted = sorted(found)
        else:
            wanted = [number for number in self.config.versions if number in found]
        return {number: found[number] for number in wanted}


def found_versions(base_path: Path) -> dict[int, Path]:
    """Return the version folders under a base path, by number.

    Args:
        base_path: the model's folder.

    Raises:
        ServingError: NOT_FOUND when the base path is not a readable folder.
    """
    try:
        return version_folders(base_path)
    except OSError as error:
        raise ServingError(
            "NOT_FOUND", f"cannot read the model folder {base_path}: {error}"
        ) from None


def folder_fingerprint(path: Path) -> tuple:
    """Return sizes and times of the files of a version, so that a repaired one is tried again.

    Args:
        path: the version's folder.
    """
    entries = []
    for folder in (path, path / "variables", path / "assets.extra"):
        try:
            entries += [
                (entry.path, entry.stat().st_size, entry.stat().st_mtime_ns)
                for entry in os.scandir(folder)
                if entry.is_file()
            ]
        except OSError as error:
            entries.append((str(folder), type(error).__name__))
    return tuple(sorted(entries, key=repr))
