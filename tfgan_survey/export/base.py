"""What every form of an export answers; versions, cards and commands ask it and know no form."""

from __future__ import annotations

import abc
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from tfgan_survey.errors import SettingError
from tfgan_survey.models.trainable import TrainableModel


class Format(abc.ABC):
    """A form in which models are exported: one file or folder a version.

    Attributes:
        name: of `--format`.
        suffix: of a version's file; empty where it is a folder.
        extra: the package's extra that it needs; empty for none.
        modules: what that extra brings.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    extra: ClassVar[str] = ""
    modules: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def write(
        self,
        model: TrainableModel,
        path: Path,
        served_as: str,
        card: Mapping[str, Any],
        log: Callable[[str], None],
    ) -> None:
        """Write a model.

        Args:
            model: what is exported.
            path: not yet existing; renamed to the version's path afterwards.
            served_as: the served model's name.
            card: facts to be kept with it, fit for JSON.
            log: gets notes.

        Raises:
            RunError: this model has no such form.
        """

    @abc.abstractmethod
    def card(self, path: Path) -> dict[str, Any]:
        """Return the facts that `write` kept; none where another program wrote it.

        Args:
            path: of a version.
        """

    @abc.abstractmethod
    def versions(self, output: Path) -> dict[int, Path]:
        """Return the versions of this form, by number, in order.

        Args:
            output: an existing folder of versions.
        """

    def require(self) -> None:
        """Refuse to start without what writing and checking need.

        Raises:
            SettingError: the extra is not installed.
        """
        missing = [name for name in self.modules if importlib.util.find_spec(name) is None]
        if missing:
            raise SettingError(
                f"{self.name} needs {', '.join(missing)}: pip install 'tfgan-survey[{self.extra}]'"
            )
