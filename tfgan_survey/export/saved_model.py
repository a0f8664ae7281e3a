"""A SavedModel for TensorFlow Serving, with named signatures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfgan_survey.export.base import Format
from tfgan_survey.files import version_folders
from tfgan_survey.models.trainable import TrainableModel

CARD = Path("assets.extra") / "card.json"
WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"


class SavedModel(Format):
    """A folder in TensorFlow Serving's layout, with every signature that the model declares."""

    name = "saved_model"
    suffix = ""

    def write(self, model, path, served_as, card, log):
        """Write the folder: graph and variables, card, warm-up requests; see `Format.write`."""
        exported = _Exported(model)
        tf.saved_model.save(exported, str(path), signatures=exported.functions())
        (path / CARD).parent.mkdir(exist_ok=True)
        text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
        (path / CARD).write_text(text, encoding="utf-8")
        _write_warm_up(path / WARM_UP, served_as, exported.specs(), log)

    def card(self, path):
        """Return the folder's `assets.extra/card.json`."""
        file = path / CARD
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def versions(self, output):
        """Return the version folders as TensorFlow Serving finds them."""
        return version_folders(output)


class Tracked(tf.Module):
    """The variables that an export holds.

    Args:
        model: names its exported networks.
    """

    def __init__(self, model: TrainableModel):
        super().__init__(name=model.name)
        # Plain tf.Variables alone are tracked. TensorFlow Serving restores a model by the graph's
        # own restore op, which for a tracked Keras 3 variable fills a copy that no signature
        # reads; and a tracked model would bring the state of its optimizers along.
        self._restored = [variable.value for variable in model.exported_variables()]


class _Exported(Tracked):
    """What is exported: the networks and one traced function a signature."""

    def __init__(self, model: TrainableModel):
        super().__init__(model)
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
