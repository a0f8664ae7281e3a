"""Samples of a run, and walks between them, as pictures, films or array files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgan_survey import pictures
from tfgan_survey.errors import SettingError
from tfgan_survey.files import written_aside
from tfgan_survey.models.tagging import names_tags
from tfgan_survey.models.trainable import TrainableModel
from tfgan_survey.models.walking import walk
from tfgan_survey.training.loading import load_run
from tfgan_survey.training.looks import draw


def sample_run(
    run: str | Path,
    output: str | Path,
    num: int = 64,
    labels: int | Sequence[int] | None = None,
    seed: int = 0,
    columns: int | None = None,
) -> Path:
    """Sample a run folder or `.keras` file into a `.png` grid or a `.npz`.

    Args:
        run: run folder or `.keras` file.
        output: `.png`, or `.npz` with `images` uint8 `(n, height, width, channels)` (points:
            float32 `(n, 2)`) and, where conditional, `labels` int32 `(n,)`.
        num: number of images in all.
        labels: class ids; image i gets `labels[i mod len]`, all classes in turn by default.
        seed: image i is a function of `seed + i` and its label alone.
        columns: images in a row of the grid.

    Returns:
        `output`.

    Raises:
        RunError: there is no model, or one that cannot sample.
        SettingError: a model of tags, or a picture of what is neither image nor in the plane.
    """
    output = Path(output)
    model = load_sampler(run)
    if output.suffix == ".png" and len(shape := model.spec.image_shape) == 1 and shape != (2,):
        raise SettingError(f"samples of {shape[0]} numbers are no picture; give an .npz instead.")
    images = draw(model, num, labels, seed)
    if output.suffix == ".png":
        points = model.spec.takes_points
        sheet = pictures.scatter(images) if points else pictures.grid(images, columns)
        return pictures.save(sheet, output)
    arrays = {"images": images}
    if model.spec.conditional:
        arrays["labels"] = model.check_labels(num, labels)
    with written_aside(output) as aside:
        np.savez_compressed(aside, **arrays)
    return output


def walk_run(
    run: str | Path,
    output: str | Path,
    seeds: int | Sequence[int],
    labels: int | Sequence[int] | None = None,
    frames: int = 24,
    columns: int | None = None,
) -> Path:
    """Walk from sample to sample of a run folder or `.keras` file: a film, or all images in a grid.

    Args:
        run: run folder or `.keras` file.
        output: `.gif` for a film, `.png` for a grid in reading order.
        seeds: of the stations, see `tfgan_survey.models.walking.walk`.
        labels: of the stations; all classes in turn by default.
        frames: images in all.
        columns: images in a row of the grid; default: at most 12.

    Returns:
        `output`.

    Raises:
        RunError: there is no model, or one that cannot sample.
        SettingError: a model of tags or points, or frames fewer than stations.
        ValueError: see `tfgan_survey.models.walking.walk`.
    """
    output = Path(output)
    model = load_sampler(run)
    if model.spec.takes_points:
        raise SettingError(f"{run} makes points, of which a walk is no film; its model's walk() "
                           "returns them.")  # fmt: skip
    images = walk(model, seeds, labels, frames)
    if output.suffix == ".gif":
        return pictures.save_film([pictures.grid(one[None], scale=4) for one in images], output)
    return pictures.save(pictures.grid(images, columns or min(frames, 12)), output)


def load_sampler(run: str | Path) -> TrainableModel:
    """Load a model that can sample without being told anything but labels.

    Args:
        run: run folder or `.keras` file.

    Raises:
        RunError: there is no model.
        SettingError: a model of tags.
    """
    model = load_run(run)
    if names_tags(model):
        raise SettingError(
            f"{run} makes tags of features, of which there is no default: give them by "
            "`tfgan-survey tag RUN FEATURES`."
        )
    return model
