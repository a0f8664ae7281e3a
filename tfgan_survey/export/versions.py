"""Versions of an export in all its forms; a number chosen here is one set of weights in each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tfgan_survey.errors import RunError, unknown_name
from tfgan_survey.export.base import Format
from tfgan_survey.export.litert import LiteRT
from tfgan_survey.export.onnx import ONNX
from tfgan_survey.export.saved_model import SavedModel
from tfgan_survey.files import LARGEST_VERSION
from tfgan_survey.models.digest import weights_digest
from tfgan_survey.models.trainable import TrainableModel

FORMATS: dict[str, Format] = {one.name: one for one in (SavedModel(), ONNX(), LiteRT())}


def find_format(name: str) -> Format:
    """Return the form of that name.

    Args:
        name: one of `FORMATS`.

    Raises:
        UnknownNameError: no such form.
        SettingError: what it needs is not installed.
    """
    if name not in FORMATS:
        raise unknown_name("format", name, FORMATS)
    FORMATS[name].require()
    return FORMATS[name]


def versions(output: str | Path, format: str = "saved_model") -> list[tuple[int, Path]]:
    """Return the versions in a folder, in order.

    Args:
        output: folder of numbered versions; a missing one has none.
        format: in which form.
    """
    output = Path(output)
    return list(FORMATS[format].versions(output).items()) if output.is_dir() else []


def next_version(output: str | Path) -> int:
    """Return the next version number that no form has yet.

    Args:
        output: folder of numbered versions, which need not be there yet.
    """
    taken = [number for format in FORMATS for number, _ in versions(output, format)]
    return max(taken, default=0) + 1


def find_export(
    model: TrainableModel, output: str | Path, format: str = "saved_model"
) -> Path | None:
    """Return the version that already holds exactly these weights, or None.

    Args:
        model: the model to look for.
        output: folder of numbered versions.
        format: in which form.
    """
    return next((path for _, path in _holding(weights_digest(model), output, format)), None)


def choose_version(
    model: TrainableModel, output: Path, formats: Sequence[Format], version: int | None
) -> int:
    """Return the number of a version to be written.

    Args:
        model: where its SavedModel is there already, other forms get the same number.
        output: folder of numbered versions.
        formats: the forms to be written.
        version: a free number; None for one as above, or the next that no form has.

    Raises:
        RunError: the version exists, or is not in 1 to 2^63 - 1.
    """
    taken = {number: path for format in formats for number, path in versions(output, format.name)}
    if version is None:
        known = _holding(weights_digest(model), output, SavedModel.name)
        free = [number for number, _ in known if number not in taken]
        version = max(free, default=next_version(output))
    if not 1 <= version <= LARGEST_VERSION:
        raise RunError(f"version {version}: expected 1 to {LARGEST_VERSION}.")
    if version in taken:
        raise RunError(
            f"{taken[version]} exists and is never overwritten; leave --version out for "
            f"{next_version(output)}."
        )
    return version


def _holding(digest: str, output: str | Path, format: str) -> list[tuple[int, Path]]:
    """Return the versions of a form whose card names these weights."""
    card = FORMATS[format].card
    return [one for one in versions(output, format) if card(one[1]).get("weights") == digest]
