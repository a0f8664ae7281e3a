"""Models and versions on disk: which are loaded, in which state, and how they change.

A version goes START, LOADING, AVAILABLE, UNLOADING, END. A new version is loaded, and its warm-up
replayed, before an old one is let go; a version that fails ends with its error and leaves the old
one serving. Requests hold a lease, and a version is closed when its last lease is returned.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tfgan_survey.serving.saved_model import LoadedModel
from tfgan_survey.serving.status import ServingError, invalid
from tfgan_survey.serving.text_config import ModelConfig, check_names

LOG = logging.getLogger(__name__)
START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"
_MAX_VERSION = 2**63 - 1


class Version:
    """One version of one model, leased while requests run on it."""

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
        """Load and warm up; answer whether the version is AVAILABLE now."""
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
    """The versions of one model name."""

    def __init__(self, config: ModelConfig):
        self.config = config
        self.versions: dict[int, Version] = {}
        self.best: Version | None = None
        self.missing = False

    def refresh(self) -> None:
        """Point `best` at the largest loaded version."""
        available = [v for v in self.versions.values() if v.state == AVAILABLE]
        self.best = max(available, key=lambda version: version.number, default=None)

    def aspired(self) -> dict[int, Path]:
        """Return the version folders that the policy wants, by number."""
        found = version_folders(self.config.base_path)
        if self.config.policy == "latest":
            wanted = sorted(found)[-self.config.num_versions :]
        elif self.config.policy == "all":
            wanted = sorted(found)
        else:
            wanted = [number for number in self.config.versions if number in found]
        return {number: found[number] for number in wanted}


class Repository:
    """All models of a server.

    Args:
        loader: loads and warms up one version folder.
        roots: folders outside which no configuration may point, checked after symbolic links are
            resolved; the base paths given at the start belong to it.
        poll_seconds: seconds between looks at the disk; 0 looks once.
    """

    def __init__(
        self,
        loader: Callable[[Path], LoadedModel],
        roots: Sequence[Path] = (),
        poll_seconds: float = 1.0,
    ):
        self._loader = loader
        self._roots = [Path(os.path.realpath(root)) for root in roots]
        self._poll_seconds = poll_seconds
        self._models: dict[str, Model] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self._reconciling = threading.RLock()
        self._stopping = threading.Event()
        self._poller: threading.Thread | None = None
        self._unloaders: list[threading.Thread] = []

    # --- requests -----------------------------------------------------------------------------

    def lease(self, name: str, version: int | None = None, label: str | None = None) -> Version:
        """Return an AVAILABLE version, leased: the caller must `release` it.

        Raises:
            ServingError: INVALID_ARGUMENT for an empty name or an unknown label, NOT_FOUND for an
                unknown model, or a version that is not loaded.
        """
        if not name:
            raise invalid("Missing model name in request")
        model = self._models.get(name)
        if label is not None:
            version = self._label(name, label)
        while True:
            if version is None:
                found = model.best if model else None
            else:
                found = model.versions.get(version) if model else None
            if found is not None and found.acquire():
                return found
            if version is not None or found is None or model.best is found:
                break  # otherwise the version was replaced between the look and the lease
        which = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise ServingError("NOT_FOUND", f"Servable not found for request: {which}")

    def statuses(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> list[Version]:
        """Return the known versions of a model, newest first; END ones included."""
        if not name:
            raise invalid("Missing model name in request")
        model = self._models.get(name)
        if model is None:
            raise ServingError("NOT_FOUND", f"Could not find any versions of model {name}")
        if label is not None:
            version = self._label(name, label)
        if version is None:
            return [model.versions[number] for number in sorted(model.versions, reverse=True)]
        if version not in model.versions:
            raise ServingError("NOT_FOUND", f"Could not find version {version} of model {name}")
        return [model.versions[version]]

    def knows(self, name: str) -> bool:
        """Answer whether a model of that name is configured."""
        return name in self._models

    def _label(self, name: str, label: str) -> int:
        if name not in self._models:
            raise ServingError("NOT_FOUND", f"Servable not found for request: Latest({name})")
        try:
            return self._labels[name][label]
        except KeyError:
            raise invalid(f"Unrecognized servable version label: {label}") from None

    # --- changes ------------------------------------------------------------------------------

    def apply(self, configs: Iterable[ModelConfig]) -> None:
        """Serve exactly these models: load, change and unload what differs.

        Raises:
            ServingError: INVALID_ARGUMENT for a repeated name or a base path outside the roots,
                NOT_FOUND for a missing folder or one without versions, FAILED_PRECONDITION for a
                label of a version that is not loaded, or the load error of a model of which no
                version works. Nothing changes on INVALID_ARGUMENT.
        """
        configs = list(configs)
        check_names(configs)
        for config in configs:
            self._check_inside_roots(config)
        with self._reconciling:
            wanted = {config.name for config in configs}
            for name in [name for name in self._models if name not in wanted]:
                self._remove(name)
            failures = [self._change(config) for config in configs]
            failures += [self._set_labels(config) for config in configs]
        failures = [failure for failure in failures if failure is not None]
        if failures:
            raise ServingError(failures[0].code, "; ".join(f.message for f in failures))

    def poll(self) -> None:
        """Look at the disk once."""
        with self._reconciling:
            for model in list(self._models.values()):
                try:
                    self._reconcile(model)
                except ServingError as error:
                    if not model.missing:
                        LOG.warning("%s", error.message)
                    model.missing = True
                else:
                    model.missing = False

    def start(self) -> None:
        """Poll in a thread of its own, unless the poll interval is 0."""
        if self._poll_seconds > 0:
            self._poller = threading.Thread(target=self._poll_forever, name="poll", daemon=True)
            self._poller.start()

    def stop(self) -> None:
        """Stop polling and unload every model, waiting for the requests on it."""
        self._stopping.set()
        if self._poller is not None:
            self._poller.join()
        with self._reconciling:
            for name in list(self._models):
                self._remove(name)
        for thread in self._unloaders:
            thread.join()

    def _poll_forever(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            try:
                self.poll()
            except Exception:
                # A failed look at the disk is logged, and the next one is taken all the same.
                LOG.exception("polling the model folders failed")

    def _check_inside_roots(self, config: ModelConfig) -> None:
        real = Path(os.path.realpath(config.base_path))
        if not any(real == root or root in real.parents for root in self._roots):
            raise invalid(
                f"model {config.name!r}: base_path {str(config.base_path)!r} lies outside the "
                "folders given at the start; name its folder with --model-root to allow it"
            )

    def _change(self, config: ModelConfig) -> ServingError | None:
        old = self._models.get(config.name)
        if old is not None and old.config.base_path == config.base_path:
            old.config = config
            return self._first_load(old)
        new = Model(config)
        if old is None:
            self._models[config.name] = new
            return self._first_load(new)
        failure = self._first_load(new)  # the old folder goes on serving meanwhile
        if failure is None:
            self._models[config.name] = new
            self._unload_all(old)
        return failure

    def _first_load(self, model: Model) -> ServingError | None:
        name, base_path = model.config.name, model.config.base_path
        try:
            wanted = self._reconcile(model)
        except ServingError as error:
            return error
        if not wanted:
            return ServingError(
                "NOT_FOUND",
                f"model {name!r}: no version to serve under {base_path}; expected a folder with "
                f"a number, such as {base_path}/1, that holds saved_model.pb",
            )
        if model.best is None:
            failed = model.versions[max(wanted)]
            return ServingError(
                failed.error_code,
                f"model {name!r}: no version could be loaded; version {failed.number}: "
                f"{failed.error_message}",
            )
        return None

    def _set_labels(self, config: ModelConfig) -> ServingError | None:
        versions = self._models[config.name].versions
        for label, number in config.labels:
            if number not in versions or versions[number].state != AVAILABLE:
                return ServingError(
                    "FAILED_PRECONDITION",
                    f"label {label!r} of model {config.name!r} names version {number}, which is "
                    "not available for inference",
                )
        self._labels[config.name] = dict(config.labels)
        return None

    def _reconcile(self, model: Model) -> list[int]:
        aspired = model.aspired()
        for number in sorted(aspired, reverse=True):
            self._load_if_needed(model, number, aspired[number])
        replaced = any(model.versions[number].state == AVAILABLE for number in aspired)
        for version in list(model.versions.values()):
            if version.number in aspired:
                continue
            version.fingerprint = ()
            if version.state == AVAILABLE and (replaced or not aspired):
                self._unload(model, version)
        return list(aspired)

    def _load_if_needed(self, model: Model, number: int, path: Path) -> None:
        known = model.versions.get(number)
        if known is not None and known.state != END:
            return
        fingerprint = folder_fingerprint(path)
        if known is not None and known.fingerprint == fingerprint:
            return  # it failed, and nothing on disk has changed since
        version = Version(model.config.name, number, path)
        version.fingerprint = fingerprint
        model.versions[number] = version
        version.load(self._loader)
        model.refresh()

    def _unload(self, model: Model, version: Version) -> None:
        # Out of `best` first: a request that comes now must find the successor.
        others = [v for v in model.versions.values() if v.state == AVAILABLE and v is not version]
        model.best = max(others, key=lambda other: other.number, default=None)
        thread = threading.Thread(target=version.unload, name="unload")
        thread.start()
        self._unloaders = [t for t in self._unloaders if t.is_alive()] + [thread]

    def _remove(self, name: str) -> None:
        model = self._models.pop(name)
        self._labels.pop(name, None)
        self._unload_all(model)

    def _unload_all(self, model: Model) -> None:
        for version in model.versions.values():
            if version.state == AVAILABLE:
                self._unload(model, version)


def version_folders(base_path: Path) -> dict[int, Path]:
    """Return the folders under a base path whose name is an integer, by number.

    Raises:
        ServingError: NOT_FOUND when the base path is not a readable folder.
    """
    try:
        entries = sorted(entry.name for entry in os.scandir(base_path) if entry.is_dir())
    except OSError as error:
        raise ServingError(
            "NOT_FOUND", f"cannot read the model folder {base_path}: {error}"
        ) from None
    found = {}
    for name in entries:
        if name.isascii() and name.isdigit() and int(name) <= _MAX_VERSION:
            found.setdefault(int(name), base_path / name)
    return found


def folder_fingerprint(path: Path) -> tuple:
    """Return sizes and times of the files of a version, so that a repaired one is tried again."""
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
