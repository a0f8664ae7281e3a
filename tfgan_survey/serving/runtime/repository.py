"""The models of a server: which versions are loaded, and how that follows the disk.

A new version is loaded, and its warm-up replayed, before an old one is let go; a version that
fails ends with its error and leaves the old one serving.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tfgan_survey.serving.runtime.saved_model import LoadedModel
from tfgan_survey.serving.runtime.versions import (
    AVAILABLE,
    END,
    Model,
    Version,
    folder_fingerprint,
)
from tfgan_survey.serving.wire.config_files import ModelConfig, check_names
from tfgan_survey.serving.wire.status import ServingError, invalid

LOG = logging.getLogger(__name__)


class Repository:
    """All models of a server.

    Args:
        loader: loads and warms up one version folder.
        roots: folders outside which no configuration may point, checked after symbolic links are
            resolved; the base paths given at the start belong to it.
        poll_seconds: seconds between looks at the disk; 0 looks once.

    A version is loaded and unloaded in a thread of its own, so one that hangs holds up neither
    the other models nor the newer versions of its own.
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
        self._pending: dict[str, Model] = {}
        # Taken in this order: _changing, a model's `changed`, _counting.
        self._changing = threading.RLock()
        self._counting = threading.Lock()
        self._stopping = threading.Event()
        self._poller: threading.Thread | None = None
        self._workers: list[threading.Thread] = []

    # --- requests -----------------------------------------------------------------------------

    def lease(self, name: str, version: int | None = None, label: str | None = None) -> Version:
        """Return an AVAILABLE version, leased: the caller must `release` it.

        Args:
            name: of the model.
            version: number, None for the largest that is loaded.
            label: version label instead of `version`, or None.

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
        """Return the known versions of a model, newest first; END ones included.

        Args:
            name: of the model.
            version: number of the only one to return, None for all.
            label: version label instead of `version`, or None.
        """
        if not name:
            raise invalid("Missing model name in request")
        model = self._models.get(name)
        if model is None:
            raise ServingError("NOT_FOUND", f"Could not find any versions of model {name}")
        if label is not None:
            version = self._label(name, label)
        if version is None:
            return [model.versions[number] for number in sorted(list(model.versions), reverse=True)]
        if version not in model.versions:
            raise ServingError("NOT_FOUND", f"Could not find version {version} of model {name}")
        return [model.versions[version]]

    def names(self) -> list[str]:
        """Return the names of the configured models, in the order of their configuration."""
        return list(self._models)

    def knows(self, name: str) -> bool:
        """Answer whether a model of that name is configured.

        Args:
            name: as a request has it.
        """
        return name in self._models

    def _label(self, name: str, label: str) -> int:
        if name not in self._models:
            raise ServingError("NOT_FOUND", f"Servable not found for request: Latest({name})")
        try:
            return self._labels[name][label]
        except KeyError:
            raise invalid(f"Unrecognized servable version label: {label}") from None

    # --- changes ------------------------------------------------------------------------------

    def apply(self, configs: Iterable[ModelConfig], deadline: float = float("inf")) -> None:
        """Serve exactly these models: load, change and unload what differs.

        Args:
            configs: one a model.
            deadline: `time.monotonic()` at which to stop waiting for loads; they go on, and what
                they load is served when it is there.

        Raises:
            ServingError: INVALID_ARGUMENT for a repeated name or a base path outside the roots,
                NOT_FOUND for a missing folder or one without versions, FAILED_PRECONDITION for a
                label of a version that is not loaded, DEADLINE_EXCEEDED, or the load error of a
                model of which no version works. Nothing changes on INVALID_ARGUMENT.
        """
        configs = list(configs)
        check_names(configs)
        for config in configs:
            self._check_inside_roots(config)
        with self._changing:
            wanted = {config.name for config in configs}
            for name in [name for name in self._models if name not in wanted]:
                self._remove(name)
            targets = [self._target(config) for config in configs]
        unread = [self._try_reconcile(model) for model in targets]  # all loads have begun then
        failures = [
            self._taken_over(model, failure, deadline)
            for model, failure in zip(targets, unread, strict=True)
        ]
        with self._changing:
            failures += [self._set_labels(config) for config in configs]
        unique = {failure.message: failure for failure in failures if failure is not None}
        if unique:
            raise ServingError(next(iter(unique.values())).code, "; ".join(unique))

    def poll(self) -> None:
        """Look at the disk once, and wait until what is new is loaded or has failed."""
        for model in self._look():
            model.settle(float("inf"))

    def start(self) -> None:
        """Poll in a thread of its own, unless the poll interval is 0."""
        if self._poll_seconds > 0:
            self._poller = threading.Thread(target=self._poll_forever, name="poll", daemon=True)
            self._poller.start()

    def stop(self, seconds: float | None = None) -> bool:
        """Stop polling and unload every model, waiting for the requests on it.

        Args:
            seconds: longest wait, None for as long as it takes.

        Returns:
            Whether everything has ended; a load or a request that hangs cannot be stopped.
        """
        end = None if seconds is None else time.monotonic() + seconds
        self._stopping.set()
        with self._changing:
            for name in list(self._models):
                self._remove(name)
            for model in self._pending.values():
                self._retire(model)
            self._pending.clear()
        with self._counting:
            threads = [*self._workers, *([self._poller] if self._poller else [])]
        for thread in threads:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _look(self) -> list[Model]:
        models = list(self._models.values())
        for model in models:
            failure = self._try_reconcile(model)
            if failure is not None and not model.missing:
                LOG.warning("%s", failure.message)
            model.missing = failure is not None
        return models

    def _poll_forever(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            try:
                self._look()
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

    def _target(self, config: ModelConfig) -> Model:
        """Return the model that a configuration loads into: the one of that name and folder."""
        for models in (self._pending, self._models):
            found = models.get(config.name)
            if found is not None and found.config.base_path == config.base_path:
                found.config = config
                if models is self._models and config.name in self._pending:
                    self._retire(self._pending.pop(config.name))
                return found
        new = Model(config)
        if config.name not in self._models:
            self._models[config.name] = new
        else:  # the old folder goes on serving meanwhile
            if config.name in self._pending:
                self._retire(self._pending.pop(config.name))
            self._pending[config.name] = new
        return new

    def _try_reconcile(self, model: Model) -> ServingError | None:
        try:
            self._reconcile(model)
        except ServingError as error:
            return error
        return None

    def _taken_over(
        self, model: Model, failure: ServingError | None, deadline: float
    ) -> ServingError | None:
        """Wait for a model's loads, and let it follow the one of its name that serves."""
        failure = failure or self._loaded(model, deadline)
        with self._changing:
            if self._pending.get(model.config.name) is model:
                if model.best is not None:
                    self._follow(model)
                elif not model.loading():
                    self._retire(self._pending.pop(model.config.name))
        return failure

    def _follow(self, model: Model) -> None:
        del self._pending[model.config.name]
        old = self._models[model.config.name]
        self._models[model.config.name] = model
        self._retire(old)

    def _loaded(self, model: Model, deadline: float) -> ServingError | None:
        name, base_path = model.config.name, model.config.base_path
        late = model.settle(deadline)
        if late:
            return ServingError(
                "DEADLINE_EXCEEDED",
                f"model {name!r}: version {', '.join(map(str, late))} is still being loaded; it is "
                "served as soon as that has ended",
            )
        if not model.wanted:
            return ServingError(
                "NOT_FOUND",
                f"model {name!r}: no version to serve under {base_path}; expected a folder with "
                f"a number, such as {base_path}/1, that holds saved_model.pb",
            )
        if model.best is None:
            failed = model.versions[max(model.wanted)]
            return ServingError(
                failed.error_code,
                f"model {name!r}: no version could be loaded; version {failed.number}: "
                f"{failed.error_message}",
            )
        return None

    def _set_labels(self, config: ModelConfig) -> ServingError | None:
        model = self._models.get(config.name)
        versions = model.versions if model is not None else {}
        for label, number in config.labels:
            if number not in versions or versions[number].state != AVAILABLE:
                return ServingError(
                    "FAILED_PRECONDITION",
                    f"label {label!r} of model {config.name!r} names version {number}, which is "
                    "not available for inference",
                )
        if model is not None:
            self._labels[config.name] = dict(config.labels)
        return None

    def _reconcile(self, model: Model) -> None:
        """Begin the loads that the disk asks for, and let go what it no longer holds."""
        aspired = model.aspired()
        with model.changed:
            if model.retired:
                return
            new = [
                version
                for number in sorted(aspired, reverse=True)
                if (version := self._to_load(model, number, aspired[number])) is not None
            ]
            model.versions.update((version.number, version) for version in new)
            model.wanted = set(aspired)
            self._let_go(model)
        if new:
            self._begin(self._load, model, new)

    def _to_load(self, model: Model, number: int, path: Path) -> Version | None:
        known = model.versions.get(number)
        if known is not None and known.state != END:
            return None
        fingerprint = folder_fingerprint(path)
        if known is not None and known.fingerprint == fingerprint:
            return None  # it failed, and nothing on disk has changed since
        version = Version(model.config.name, number, path)
        version.fingerprint = fingerprint
        return version

    def _load(self, model: Model, versions: Sequence[Version]) -> None:
        """Load the newest first; runs in a thread of its own."""
        for version in versions:
            if model.retired or version.number not in model.wanted:
                version.state = END
            else:
                version.load(self._loader)
            with model.changed:
                if model.retired and version.state == AVAILABLE:
                    self._begin(version.unload)
                else:
                    model.refresh()
                    self._let_go(model)
                model.changed.notify_all()
            with self._changing:  # its reload may have stopped waiting for it
                if self._pending.get(model.config.name) is model and model.best is not None:
                    self._follow(model)

    def _let_go(self, model: Model) -> None:
        """Unload what is not wanted, once something else serves or nothing is wanted."""
        replaced = any(model.versions[number].state == AVAILABLE for number in model.wanted)
        for version in list(model.versions.values()):
            if version.number in model.wanted:
                continue
            version.fingerprint = ()
            if version.state == AVAILABLE and (replaced or not model.wanted):
                self._unload(model, version)

    def _unload(self, model: Model, version: Version) -> None:
        # Out of `best` first: a request that comes now must find the successor.
        others = [v for v in model.versions.values() if v.state == AVAILABLE and v is not version]
        model.best = max(others, key=lambda other: other.number, default=None)
        self._begin(version.unload)

    def _begin(self, function: Callable, *arguments) -> None:
        # A daemon: at the end of the process nothing waits for a load or a request that hangs.
        thread = threading.Thread(
            target=function, args=arguments, name=function.__name__.strip("_"), daemon=True
        )
        with self._counting:
            self._workers = [t for t in self._workers if t.is_alive()] + [thread]
            thread.start()

    def _remove(self, name: str) -> None:
        self._labels.pop(name, None)
        self._retire(self._models.pop(name))

    def _retire(self, model: Model) -> None:
        with model.changed:
            model.retired = True
            model.changed.notify_all()
            for version in model.versions.values():
                if version.state == AVAILABLE:
                    self._unload(model, version)
