"""A trained model as a SavedModel for TensorFlow Serving, with named signatures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_survey.errors import RunError
from tfgan_survey.files import LARGEST_VERSION, version_folders, written_aside
from tfgan_survey.models.trainable import TrainableModel
from tfgan_survey.pretrained import place_of
from tfgan_survey.training import RunFolder, load_run

CARD = Path("assets.extra") / "card.json"
WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"


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
    output = Path(output)
    number = next_version(output) if version is None else version
    if not 1 <= number <= LARGEST_VERSION:
        raise RunError(f"version {number}: expected 1 to {LARGEST_VERSION}.")
    if (target := output / str(number)).exists():
        raise RunError(
            f"{target} exists and is never overwritten; leave --version out for "
            f"{next_version(output)}."
        )
    exported = _Exported(model)
    with written_aside(target) as aside:
        tf.saved_model.save(exported, str(aside), signatures=exported.functions())
        facts = {"model": model.name, "weights": weights_digest(model), **model.export_facts()}
        facts["steps"] = model.steps_done
        (aside / CARD).parent.mkdir(exist_ok=True)
        (aside / CARD).write_text(
            json.dumps({**facts, **(card or {})}, indent=2, ensure_ascii=False) + "\n",
            encoding="utf-8",
        )
        _write_warm_up(aside / WARM_UP, output.name, exported.specs(), log)
    return target


def next_version(output: str | Path) -> int:
    """Return the next free version number in a folder of versions.

    Args:
        output: folder of numbered versions, which need not be there yet.
    """
    return max((number for number, _ in versions(output)), default=0) + 1


def versions(output: str | Path) -> list[tuple[int, Path]]:
    """Return the versions in a folder, in order.

    Args:
        output: folder of numbered versions; a missing one has none.
    """
    output = Path(output)
    return list(version_folders(output).items()) if output.is_dir() else []


def find_export(model: TrainableModel, output: str | Path) -> Path | None:
    """Return the version that already holds exactly these weights, or None.

    Args:
        model: the model to look for.
        output: folder of numbered versions.
    """
    digest = weights_digest(model)
    for _, path in versions(output):
        if (path / CARD).is_file() and (
            json.loads((path / CARD).read_text(encoding="utf-8")).get("weights") == digest
        ):
            return path
    return None


def weights_digest(model: TrainableModel) -> str:
    """Return the SHA-256 of the weights that an export holds.

    Args:
        model: names its exported networks.
    """
    digest = hashlib.sha256()
    for network in model.exported_networks():
        for array in network.get_weights():
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def export_run(
    run: str | Path,
    output: str | Path | None = None,
    version: int | None = None,
    once: bool = False,
    log: Callable[[str], None] = print,
) -> Path:
    """Export a run folder, a `.keras` file or a pretrained model.

    Args:
        run: what `tfgan_survey.training.load_run` reads.
        output: folder of versions; `saved_models/<name of the run>` by default, also for a
            `.keras` file in a run folder.
        version: see `export_savedmodel`.
        once: return the version that holds these weights already, where there is one.
        log: gets what was done.

    Returns:
        The version's folder.
    """
    run = place_of(run)
    model = load_run(run)
    folder = RunFolder.around(run)
    name = run.stem if folder is None else folder.path.name
    output = Path(output) if output is not None else Path("saved_models") / name
    if once and (found := find_export(model, output)) is not None:
        log(f"{found} holds these weights already; nothing exported.")
        return found
    card: dict[str, Any] = {}
    if folder is not None:
        record = folder.record()
        card = {"settings": record["settings"], "versions": record["versions"]}
        # Scores are those of the run's own model, not of every file beside it.
        if run.is_dir() and folder.metrics.exists():
            card["scores"] = json.loads(folder.metrics.read_text(encoding="utf-8"))
    target = export_savedmodel(model, output, version, card, log)
    log(f"wrote {target}")
    return target


class _Exported(tf.Module):
    """What is exported: the networks and one traced function a signature."""

    def __init__(self, model: TrainableModel):
        super().__init__(name=model.name)
        # Plain tf.Variables alone are tracked. TensorFlow Serving restores a model by the graph's
        # own restore op, which for a tracked Keras 3 variable fills a copy that no signature
        # reads; and a tracked model would bring the state of its optimizers along.
        self._restored = [variable.value for variable in model.exported_variables()]
        declared = model.signatures()
        self.functions = lambda: {
            name: tf.function(function).get_concrete_function(*specs)
            for name, (function, specs) in declared.items()
        }
        self.specs = lambda: {name: specs for name, (_, specs) in declared.items()}


def _write_warm_up(path: Path, name: str, specs: Mapping[str, Any], log) -> None:
    """Write one recorded request a signature, which a server replays before it answers.

    None where an input is a file's bytes: an empty one is an error, and no version would load.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        log(
            "no warm-up requests written: pip install 'tfgan-survey[serving]' and export again "
            "if the first request must be fast."
        )
        return
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in specs.items():
            if any(spec.dtype == tf.string for spec in inputs):
                continue
            request = predict_pb2.PredictRequest()
            request.model_spec.name = name
            request.model_spec.signature_name = signature
            for spec in inputs:
                zeros = tf.zeros((1, *spec.shape[1:]), spec.dtype)
                request.inputs[spec.name].CopyFrom(tf.make_tensor_proto(zeros))
            record = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            writer.write(record.SerializeToString())
