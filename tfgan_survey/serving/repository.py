"""The models of a server: which versions are loaded, and how that follows the disk.

A new version is loaded, and its warm-up replayed, before an old one is let go; a version that
fails ends with its error and leaves the old one serving.
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
from tfgan_survey.serving.versions import (
    AVAILABLE,
    END,
    Model,
    Version,
    folder_fingerprint,
)

LOG = logging.getLogger(__name__)


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
