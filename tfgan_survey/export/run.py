"""Writing versions: of a model in memory, and of a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfgan_survey.export.versions import (
    choose_version,
    find_export,
    find_format,
)
from tfgan_survey.files import written_aside
from tfgan_survey.models.digest import weights_digest
from tfgan_survey.models.trainable import TrainableModel
from tfgan_survey.pretrained import place_of
from tfgan_survey.training import RunFolder, load_run

_DEFAULT = ("saved_model",)


def export_model(
    model: TrainableModel,
    output: str | Path,
    formats: Sequence[str] = _DEFAULT,
    version: int | None = None,
    card: Mapping[str, Any] | None = None,
    log: Callable[[str], None] = print,
) -> dict[str, Path]:
    """Write one version of a model in one form or several.

    Why:
        `saved_model` has every function of the model, for servers and TensorFlow. `onnx` and
        `litert` have one, latents (and labels) to images, for programs without TensorFlow; it is
        asked for the images of seeds 0, 1, ... in its own runtime when it is written, and nothing
        is left of one that answers otherwise than `generate`. What cannot sample but encodes gets
        its decoder, another model what `serving_default` answers.

    Args:
        model: the model; samples come from its weight average where it has one.
        output: folder of versions, its name is the served model's.
        formats: any of `FORMATS`.
        version: a free positive integer; None for the number of the SavedModel that holds these
            weights, or the next free one.
        card: facts to keep in every form beside those of the model, such as settings and scores.
        log: gets notes.

    Returns:
        Form to path: `output/<version>/`, `output/<version>.onnx`, `output/<version>.tflite`; each
        is written aside and renamed.

    Raises:
        UnknownNameError: no such form.
        SettingError: what a form needs is not installed; nothing was written.
        RunError: the version exists, or is not in 1 to 2^63 - 1; or a form cannot hold the model,
            and those before it stay.

    Example:
        >>> export_model(gan, "saved_models/toy", ("saved_model", "onnx", "litert"))
    """
    output = Path(output)
    chosen = [find_format(name) for name in dict.fromkeys(formats)]
    number = choose_version(model, output, chosen, version)
    facts = {"model": model.name, "weights": weights_digest(model), **model.export_facts()}
    facts |= {"steps": model.steps_done, **(card or {})}
    made = {}
    for one in chosen:
        target = output / f"{number}{one.suffix}"
        with written_aside(target) as aside:
            one.write(model, aside, output.name, facts, log)
        made[one.name] = target
    return made


def export_savedmodel(
    model: TrainableModel,
    output: str | Path,
    version: int | None = None,
    card: Mapping[str, Any] | None = None,
    log: Callable[[str], None] = print,
) -> Path:
    """Write `output/<version>/` in TensorFlow Serving's layout.

    Signatures, those that the model declares (labels only where it is conditional, and the graph
    itself refuses ids outside 0..num_classes-1 as INVALID_ARGUMENT; images float32 in [0, 1]):

    | name | inputs | outputs |
    |---|---|---|
    | `serving_default` | `latent` float32 `(b, latent_dim)`, `labels` int32 `(b,)` | `images` |
    | `sample` | `seeds` int64 `(b,)`, `labels` | `images` |
    | `sample_png` | `seeds`, `labels` | `image_bytes` string `(b,)`, one PNG a row |
    | `latents` | `seeds` | `latent`, from which `sample` draws |
    | `score` | `images`, `labels` | `scores` `(b, 1)`, `probabilities` where defined |
    | `encode` | `images`, `labels` | `code` `(b, *code_shape)`; `z_mean`, `z_log_var` of a VAE |
    | `decode` | `code`, `labels` | `images` |
    | `reconstruct` | `images`, `labels` | `images`; `serving_default` of what cannot sample |
    | `classify` | `images` | `scores` `(b, classes)`, `probabilities` |

    The version is written aside and renamed, so a polling server never sees half of one.

    Args:
        model: the model; samples come from its weight average where it has one.
        output: folder of versions, its name is the served model's.
        version: a free positive integer; None for the next one.
        card: facts to keep in `assets.extra/card.json`, such as settings and scores.
        log: gets notes.

    Returns:
        The version's folder.

    Raises:
        RunError: the version exists, or is not in 1 to 2^63 - 1.
    """
    return export_model(model, output, _DEFAULT, version, card, log)[_DEFAULT[0]]


def export_run(
    run: str | Path,
    output: str | Path | None = None,
    version: int | None = None,
    once: bool = False,
    log: Callable[[str], None] = print,
    formats: Sequence[str] = _DEFAULT,
) -> Path:
    """Export a run folder, a `.keras` file or a pretrained model.

    Args:
        run: what `tfgan_survey.training.load_run` reads.
        output: folder of versions; `saved_models/<name of the run>` by default, also for a
            `.keras` file in a run folder.
        version: see `export_model`; so is `formats`.
        once: leave out the forms that hold these weights already.
        log: gets what was done.
        formats: see `version`.

    Returns:
        The version in the first of the forms.

    Raises:
        UnknownNameError: as `export_model`; so are the others.
        SettingError: see above.
        RunError: see above; or there is no model.
    """
    run = place_of(run)
    for name in formats:
        find_format(name)
    model = load_run(run)
    folder = RunFolder.around(run)
    name = run.stem if folder is None else folder.path.name
    output = Path(output) if output is not None else Path("saved_models") / name
    found = {one: find_export(model, output, one) for one in formats} if once else {}
    made = {one: path for one, path in found.items() if path is not None}
    for path in made.values():
        log(f"{path} holds these weights already; nothing exported.")
    if wanted := [one for one in formats if one not in made]:
        card: dict[str, Any] = {}
        if folder is not None:
            record = folder.record()
            card = {"settings": record["settings"], "versions": record["versions"]}
            # Scores are those of the run's own model, not of every file beside it.
            if run.is_dir() and folder.metrics.exists():
                card["scores"] = json.loads(folder.metrics.read_text(encoding="utf-8"))
        for one, path in export_model(model, output, wanted, version, card, log).items():
            log(f"wrote {path}")
            made[one] = path
    return made[next(iter(formats))]
