"""Replays a version's own warm-up requests before it is AVAILABLE."""

from __future__ import annotations

import logging
from pathlib import Path

import tensorflow as tf
from google.protobuf import message as protobuf_message

from tfgan_survey.serving.runtime.saved_model import LoadedModel, load
from tfgan_survey.serving.wire.interface import CLASSIFY, METHODS, REGRESS
from tfgan_survey.serving.wire.limits import Limits
from tfgan_survey.serving.wire.status import ServingError, invalid
from tfgan_survey.serving.wire.tensor_protos import predict_request_inputs

LOG = logging.getLogger(__name__)
_TRUSTED = Limits(rows=2**31, made_bytes=2**31)  # the operator's own file
WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000
"""TensorFlow Serving's limit; a longer file is taken for a mistake."""


class Loader:
    """Loads a version folder and warms it up.

    Args:
        warm_up: whether to replay the warm-up file.
        intra_op_threads: threads inside one op, 0 for one per core.
        inter_op_threads: ops run at once, 0 for one per core.
    """

    def __init__(self, warm_up: bool = True, intra_op_threads: int = 0, inter_op_threads: int = 0):
        self._warm_up = warm_up
        self._threads = (intra_op_threads, inter_op_threads)

    def __call__(self, path: Path) -> LoadedModel:
        """Return the loaded model; raise `ServingError` when it or its warm-up fails."""
        loaded = load(path, *self._threads)
        try:
            if self._warm_up and (path / WARMUP_FILE).is_file():
                count = replay(loaded, path / WARMUP_FILE)
                LOG.info("%s: replayed %d warm-up records", path, count)
        except BaseException:
            loaded.close()
            raise
        return loaded


def replay(loaded: LoadedModel, path: Path) -> int:
    """Run every record of a warm-up file; return how many there were.

    Args:
        loaded: runs the requests.
        path: TFRecord file of `PredictionLog` messages.

    Raises:
        ServingError: DATA_LOSS for a broken file or record, INVALID_ARGUMENT for more than 1000
            records or a kind that is not served, or what a request answered.
    """
    # Imported here: the stubs cost 0.1 s that a model without a warm-up file need not pay.
    from tensorflow_serving.apis import prediction_log_pb2

    count = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            count += 1
            if count > MAX_RECORDS:
                raise invalid(f"{path} has more than {MAX_RECORDS} warm-up records")
            log = prediction_log_pb2.PredictionLog.FromString(record)
            try:
                _replay_one(loaded, log)
            except ServingError as error:
                raise ServingError(
                    error.code, f"warm-up record {count} of {path} failed: {error.message}"
                ) from None
    except (tf.errors.DataLossError, protobuf_message.DecodeError) as error:
        raise ServingError(
            "DATA_LOSS", f"warm-up record {max(count, 1)} of {path} is broken: {error}"
        ) from None
    return count


def _replay_one(loaded: LoadedModel, log) -> None:
    from tfgan_survey.serving.wire.tf_examples import example_strings

    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        signature = loaded.signature(request.model_spec.signature_name)
        signature.require(*METHODS)
        inputs = predict_request_inputs(request, signature, _TRUSTED)
        signature.run(signature.with_defaults(inputs))
    elif kind in ("classify_log", "regress_log"):
        request = getattr(log, kind).request
        signature = loaded.signature(request.model_spec.signature_name)
        signature.require(CLASSIFY if kind == "classify_log" else REGRESS)
        signature.run([example_strings(request.input, _TRUSTED)])
    elif kind == "multi_inference_log":
        request = log.multi_inference_log.request
        for task in request.tasks:
            signature = loaded.signature(task.model_spec.signature_name)
            signature.require(task.method_name)
            signature.run([example_strings(request.input, _TRUSTED)])
    else:
        raise invalid(f"a warm-up record of kind {kind!r}; expected a predict, classify, regress "
                      "or multi_inference log")  # fmt: skip
