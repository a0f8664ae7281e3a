"""The gRPC half of `tfgan_survey.serving.Client`; its stubs import TensorFlow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfgan_survey.serving.client.request_error import grpc_error

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
try:
    import grpc
    import tensorflow as tf
    from google.protobuf import json_format
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        get_model_status_pb2,
        model_pb2,
        model_service_pb2_grpc,
        predict_pb2,
        prediction_service_pb2_grpc,
    )
except ImportError as error:
    raise ImportError(
        f"the gRPC client needs {error.name}: pip install 'tfgan-survey[serving]', or use the "
        "server's REST URL (http://)"
    ) from error

_PORT = 8500


class Grpc:
    """Calls of `PredictionService` and `ModelService` for one model.

    Args:
        url: `grpc://host[:port]`.
        model: name of the model.
        version: version number or None.
        label: version label or None.
        timeout: seconds a call.
    """

    def __init__(
        self, url: str, model: str, version: int | None, label: str | None, timeout: float
    ):
        target = url.removeprefix("grpc://").rstrip("/")
        if ":" not in target.rpartition("]")[2]:
            target = f"{target}:{_PORT}"
        self._url = f"grpc://{target}/{model}"
        self._timeout = timeout
        self._model, self._version, self._label = model, version, label
        self._channel = grpc.insecure_channel(
            target,
            options=[
                # 4 MB by default, about 1,300 images of 28 x 28 floats.
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                # A refused connection is remembered for this long; retries come sooner than 1 s.
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 1000),
            ],
        )
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)
        self._cards = self._channel.unary_unary("/tfgan_survey.serving.CardService/GetCard")

    def predict(self, signature: str, arrays: Mapping[str, np.ndarray], outputs) -> dict:
        """Run a signature on arrays of its dtypes.

        Args:
            signature: its name.
            arrays: by input name.
            outputs: not needed here: gRPC answers carry names and dtypes.
        """
        request = predict_pb2.PredictRequest()
        self._fill(request.model_spec)
        request.model_spec.signature_name = signature
        for name, array in arrays.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        response = self._call(self._prediction.Predict, request)
        return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}

    def status(self) -> list[dict[str, Any]]:
        """Return the versions' states, in the form of REST."""
        request = get_model_status_pb2.GetModelStatusRequest()
        self._fill(request.model_spec)
        answer = _printed(self._call(self._models.GetModelStatus, request))
        return answer["model_version_status"]

    def metadata(self) -> dict[str, Any]:
        """Return the signatures, in the form of REST."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._fill(request.model_spec)
        response = self._call(self._prediction.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        spec = response.model_spec
        return {
            "model_spec": {
                "name": spec.name,
                "signature_name": spec.signature_name,
                "version": str(spec.version.value),
            },
            "metadata": {"signature_def": _printed(signatures)},
        }

    def card(self) -> dict[str, Any] | None:
        """Return the model's card; None where the server has none, as TensorFlow Serving."""
        spec = model_pb2.ModelSpec()
        self._fill(spec)
        try:
            return json.loads(self._cards(spec.SerializeToString(), timeout=self._timeout))
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.NOT_FOUND):
                return None
            raise grpc_error(self._url, error.code().name, error.details() or "") from error

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def _fill(self, spec) -> None:
        spec.name = self._model
        if self._version is not None:
            spec.version.value = self._version
        elif self._label is not None:
            spec.version_label = self._label

    def _call(self, method, request):
        try:
            return method(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise grpc_error(self._url, error.code().name, error.details() or "") from error


def _printed(message) -> dict[str, Any]:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
