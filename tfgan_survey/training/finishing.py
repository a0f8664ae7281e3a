"""The end of a training: the finished model and the pictures of how it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tfgan_survey import pictures
from tfgan_survey.models import TrainableModel
from tfgan_survey.settings import Settings
from tfgan_survey.training import callbacks as training_callbacks
from tfgan_survey.training import probe as training_probe
from tfgan_survey.training.film import write_film
from tfgan_survey.training.folder import RunFolder
from tfgan_survey.training.history import curve_groups, curve_rows, number, step_history
from tfgan_survey.training.looks import Look


def finish(
    model: TrainableModel,
    run: RunFolder,
    settings: Settings,
    notes: Mapping[str, Any],
    log: Callable[[str], None],
    look: Look | None = None,
) -> None:
    """Write the finished model and the pictures: last grid, film, curves.

    Args:
        model: the trained model.
        run: its folder.
        settings: of the run.
        notes: kept inside the model's file, see `callbacks.save_model`.
        log: gets one line for each file.
        look: what is pictured; None for a model that makes no pictures.
    """
    training_callbacks.save_model(model, run.model, notes)
    log(f"wrote {run.model}")
    if look is not None:
        log(f"wrote {pictures.save(look.picture(), run.grid)}")
    film = write_film(run, log)
    if film is not None:
        log(f"wrote {film}")
    elif look is not None:
        log(f"no {run.film.name}: {run.frames} holds no frame")
    save_curves(run, settings, log)
    run.mark_finished()


def save_curves(run: RunFolder, settings: Settings, log: Callable[[str], None]) -> None:
    """Draw the history and what was probed.

    Args:
        run: the run's folder.
        settings: of the run.
        log: gets the line for the file, or why there is none.
    """
    if not (rows := training_callbacks.read_history(run.history)):
        log(f"no {run.curves.name}: {run.history} holds no row")
        return
    probed = training_probe.read_probe(run.probe)
    rows, over = curve_rows(rows, step_history(run.losses).read())
    groups = {
        title: {key: [number(row.get(key)) for row in rows] for key in keys}
        for title, keys in curve_groups(rows, probed, over)
    }
    steps, curves = [row["steps"] for row in rows], training_probe.probe_curves(probed)
    try:
        log(f"wrote {pictures.save_curves(steps, groups, run.curves, settings.model, curves)}")
    except ImportError as error:
        log(f"no {run.curves.name}: {error}")
