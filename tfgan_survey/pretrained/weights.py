"""The networks of a trained model as plain arrays beside the settings that rebuild it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.files import write_json, written_aside
from tfgan_survey.models import TrainableModel
from tfgan_survey.pretrained.shipped import PRETRAINED, RECORD, WEIGHTS
from tfgan_survey.settings import Settings
from tfgan_survey.zoo import build_from_settings, complete


def rebuilt(facts: Mapping[str, Any], arrays: Sequence[np.ndarray], source: Path) -> TrainableModel:
    """Return the compiled model of recorded settings with these weights.

    Args:
        facts: `settings` as a run records them, `image_shape`, `num_classes` (None without) and
            `steps`, the model's clock.
        arrays: of the variables that its export holds, in that order.
        source: where they come from, for the message.

    Raises:
        RunError: settings that this version does not know, or arrays of another model.
    """
    try:
        settings = complete(Settings.from_dict(facts["settings"]))
        shape, classes = tuple(facts["image_shape"]), facts["num_classes"]
        model = build_from_settings(settings, shape, classes)
        model.load_exported(arrays, int(facts["steps"]))
    except (SettingError, KeyError, TypeError) as error:
        raise RunError(f"{source} holds no model that this version can build: {error}") from error
    return model


def save_weights(
    model: TrainableModel,
    folder: str | Path,
    settings: Settings,
    versions: Mapping[str, str],
) -> Path:
    """Write a model's folder: `weights.npz` first, then the `settings.json` that vouches for it.

    Args:
        model: the trained model.
        folder: to be written to.
        settings: of its run.
        versions: package to version, as the run began.

    Returns:
        The folder.

    Raises:
        SettingError: a model that its settings, the shape of an image and a number of classes do
            not rebuild.
    """
    folder = Path(folder)
    spec = model.spec
    if spec.conditional and spec.num_classes is None:
        raise SettingError(
            f"{settings.model} is told something other than classes, which is not kept; share "
            "its .keras file."
        )
    arrays = [variable.numpy() for variable in model.exported_variables()]
    packed = io.BytesIO()
    np.savez_compressed(packed, **{f"{i:04d}": array for i, array in enumerate(arrays)})
    record = {
        "settings": settings.to_dict(),
        "versions": dict(versions),
        "image_shape": list(spec.image_shape),
        "num_classes": spec.num_classes,
        "steps": model.steps_done,
        "sha256": hashlib.sha256(packed.getvalue()).hexdigest(),
    }
    with written_aside(folder / WEIGHTS) as aside:
        aside.write_bytes(packed.getvalue())
    write_json(folder / RECORD, record)
    return folder


def load_weights(folder: str | Path) -> TrainableModel:
    """Load what `save_weights` wrote.

    Args:
        folder: with `settings.json` and `weights.npz`.

    Raises:
        RunError: a file is missing or damaged, or of another version.
    """
    folder = Path(folder)
    file = folder / WEIGHTS
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        content = file.read_bytes()
        expected = record["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder} holds no pretrained model that can be read: {error}") from error
    if (found := hashlib.sha256(content).hexdigest()) != expected:
        raise RunError(
            f"{file} is damaged: SHA-256 {found}, expected {expected}; install the package again."
        )
    try:
        with np.load(io.BytesIO(content)) as stored:
            arrays = [stored[name] for name in sorted(stored.files)]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise RunError(f"{file} cannot be read: {error}") from error
    return rebuilt(record, arrays, folder)


def load_pretrained(name: str) -> TrainableModel:
    """Load a trained model that comes with the package.

    Why:
        Images from the first minute on, without data and training. What it was trained on, how good
        it is and where it fails stands in its card, `PRETRAINED[name] / "card.md"`.

    Args:
        name: one of `PRETRAINED`.

    Returns:
        The compiled model. Its optimizers are new, and where samples come from an average of the
        weights, both generators hold it: a training goes on, but not as if it had never stopped.

    Raises:
        UnknownNameError: no model of that name; the message lists them.
        RunError: the files are damaged.

    Example:
        >>> sevens = load_pretrained("cgan_mnist").generate(16, labels=7, seed=0)
    """
    return load_weights(PRETRAINED[name])
