"""A training that begins with the settings of another run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.pretrained import place_of
from tfgan_survey.settings import BUDGET, Settings
from tfgan_survey.zoo import complete

_RECORD = "settings.json"


def settings_from(
    record: str | Path, model: str | None = None, overrides: Mapping[str, Any] | None = None
) -> tuple[str, dict[str, Any]]:
    """Return the model and the overrides of a training like a recorded one.

    Why:
        Every setting of the record counts, also where a recipe has changed since; what is given
        here counts more. A part that is exchanged takes its own options' defaults; another data set
        is taken whole.

    Args:
        record: run folder, name of a pretrained model, or JSON file as a run's `settings.json`.
        model: name of the model, which has to be the record's; None for the record's.
        overrides: see `tfgan_survey.zoo.resolve`.

    Returns:
        Name and overrides for `train`.

    Raises:
        RunError: no record that can be read.
        SettingError: a key that is unknown, a record of another model.

    Example:
        >>> model, overrides = settings_from("runs/wgan_gp", overrides={"steps": 500})
        >>> train(model, "runs/again", overrides=overrides)
    """
    path = place_of(record)
    file = path / _RECORD if path.is_dir() else path
    stored = _read(file)
    if model is not None and model != stored.model:
        raise SettingError(
            f"{file} is of {stored.model}, not {model}; leave the model out, or take the record of "
            f"a {model}."
        )
    given, kept = dict(overrides or {}), stored.overrides(budget=True)
    named = {key.removeprefix("run.") for key in given}
    gone = named & {*kept}
    if named & {*BUDGET}:
        gone |= {*BUDGET}
    if given.get("dataset", given.get("run.dataset", stored.dataset)) != stored.dataset:
        gone.add("split")
    for axis in stored.parts:
        everyone = given.get("optimizer") if axis.endswith("optimizer") else None
        if given.get(axis, everyone) not in (None, kept[axis]):
            gone |= {key for key in kept if key.partition(".")[0] == axis}
    return stored.model, {key: v for key, v in kept.items() if key not in gone} | given


def _read(file: Path) -> Settings:
    """Return the settings in a record, with the options that exist since it was written."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{file} cannot be read ({error}); expected a run folder, the name of a pretrained "
            f"model, or a file such as RUN/{_RECORD}."
        ) from error
    found = found.get("settings", found) if isinstance(found, dict) else found
    if not isinstance(found, dict):
        raise SettingError(f"{file} holds no settings: expected an object as in RUN/{_RECORD}.")
    try:
        return complete(Settings.from_dict(found))
    except SettingError as error:
        raise SettingError(f"{file}: {error}") from error
