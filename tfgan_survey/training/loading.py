"""The way from a run's place, or a pretrained model's name, to the model."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import keras

from tfgan_survey.errors import RunError
from tfgan_survey.models import TrainableModel
from tfgan_survey.pretrained import PRETRAINED, WEIGHTS, place_of
from tfgan_survey.pretrained.weights import load_weights
from tfgan_survey.training.folder import RunFolder


def load_run(path: str | Path) -> TrainableModel:
    """Load a model from a run folder or a `.keras` file, optimizers and generators included.

    Args:
        path: run folder, a file that a run wrote, or the name of a pretrained model, which comes
            with new optimizers; a path that exists is a path.

    Raises:
        RunError: there is nothing to load, or the file cannot be read.
    """
    path = place_of(path)
    if (path / WEIGHTS).is_file():
        return load_weights(path)
    file = RunFolder(path).best if path.is_dir() else path
    if not file.is_file():
        raise RunError(
            f"no model in {path}: expected a run folder, a .keras file or the name of a pretrained "
            f"model ({', '.join(PRETRAINED)})."
        )
    try:
        model = keras.models.load_model(file)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise RunError(f"{file} cannot be loaded: {error}") from error
    if not isinstance(model, TrainableModel):
        raise RunError(f"{file} holds a {type(model).__name__}, not a model of this package.")
    return model
