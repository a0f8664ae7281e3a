"""The gRPC API: PredictionService and ModelService on an asyncio server.

Requests arrive as bytes and are parsed here, so that a broken message is INVALID_ARGUMENT rather
than gRPC's INTERNAL. By measurement the asyncio server answers as many calls a second as the
thread pool does, and needs no thread for a call that waits in a batch.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import grpc
from google.protobuf import message as protobuf_message
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from tfgan_survey.serving import examples, tensors
from tfgan_survey.serving.inference import Call, Engine
from tfgan_survey.serving.saved_model import CLASSIFY, METHODS, REGRESS
from tfgan_survey.serving.status import CODE_NUMBERS, ServingError, invalid
from tfgan_survey.serving.text_config import model_configs
from tfgan_survey.serving.versions import Version

LOG = logging.getLogger(__name__)
MAX_MESSAGE_BYTES = 2**31 - 1
_MAX_DETAILS = 1024  # error details travel in a header, and headers are limited to 8 KB
_STATES = get_model_status_pb2.ModelVersionStatus.State


def build_server(engine: Engine, max_filled_bytes: int) -> grpc.aio.Server:
    """Return the server with both services, without a port.

    Args:
        engine: runs the requests.
        max_filled_bytes: most bytes that one tensor value may be spread over.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ]
    )
    api = GrpcApi(engine, max_filled_bytes)
    services = {
        "PredictionService": {
            "Predict": (api.predict, predict_pb2.PredictRequest),
            "Classify": (api.classify, classification_pb2.ClassificationRequest),
            "Regress": (api.regress, regression_pb2.RegressionRequest),
            "MultiInference": (api.multi_inference, inference_pb2.MultiInferenceRequest),
            "GetModelMetadata": (api.metadata, get_model_metadata_pb2.GetModelMetadataRequest),
        },
        "ModelService": {
            "GetModelStatus": (api.status, get_model_status_pb2.GetModelStatusRequest),
            "HandleReloadConfigRequest": (
                api.reload_config, model_management_pb2.ReloadConfigRequest,
            ),
        },
    }  # fmt: skip
    for service, methods in services.items():
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(_handler(engine, name, answer, message))
            for name, (answer, message) in methods.items()
        }
        handler = grpc.method_handlers_generic_handler(f"tensorflow.serving.{service}", handlers)
        server.add_generic_rpc_handlers((handler,))
    return server


def _handler(engine: Engine, name: str, answer: Callable, message: type) -> Callable:
    """Wrap a method: parse, answer, map errors to statuses, count and log."""

    async def handle(body: bytes, context: grpc.aio.ServicerContext) -> bytes:
        identity = None
        for key, value in context.invocation_metadata() or ():
            if key == "x-request-id":
                identity = value
        call = engine.call(name, "GRPC", identity)
        left = context.time_remaining()
        deadline = float("inf") if left is None else time.monotonic() + left
        code = "CANCELLED"  # unless the call gets to its end
        try:
            try:
                request = message.FromString(body)
            except protobuf_message.DecodeError as error:
                raise invalid(f"the request is no {message.DESCRIPTOR.name}: {error}") from None
            response = await answer(request, deadline, call)
            code = "OK"
            return response
        except ServingError as error:
            code = error.code
            await context.abort(_status(code), _details(error.message))
        except Exception:
            # A bug of ours: the client gets the status, the log the traceback.
            LOG.exception("request %s failed", call.identity)
            code = "INTERNAL"
            await context.abort(_status(code), "internal error; see the server's log")
        finally:
            engine.finish(call, code)

    return handle


class GrpcApi:
    """The methods of both services; each takes a message, a deadline and a `Call`."""

    def __init__(self, engine: Engine, max_filled_bytes: int):
        self._engine = engine
        self._max_filled_bytes = max_filled_bytes

    async def predict(self, request, deadline: float, call: Call) -> bytes:
        """Answer Predict."""
        version = self._lease(request, call)
        try:
            signature = version.loaded.signature(request.model_spec.signature_name)
            signature.require(*METHODS)
            names = list(request.output_filter)
            for name in names:
                if name not in signature.outputs:
                    raise invalid(
                        f"output_filter names {name!r}; signature {signature.name!r} has "
                        f"{', '.join(sorted(signature.outputs))}"
                    )
                if names.count(name) > 1:
                    raise invalid(f"output_filter names {name!r} more than once")
            inputs = tensors.predict_request_inputs(request, signature, self._max_filled_bytes)
            outputs = await self._engine.run(version, signature, inputs, deadline, call)
            if names:
                outputs = {name: outputs[name] for name in names}
            model = request.model_spec.name
            return tensors.predict_response(signature, outputs, model, version.number)
        finally:
            version.release()

    async def classify(self, request, deadline: float, call: Call) -> bytes:
        """Answer Classify."""
        return await self._examples(
            request, deadline, call, CLASSIFY,
            classification_pb2.ClassificationResponse, examples.classification_result,
        )  # fmt: skip

    async def regress(self, request, deadline: float, call: Call) -> bytes:
        """Answer Regress."""
        return await self._examples(
            request, deadline, call, REGRESS,
            regression_pb2.RegressionResponse, examples.regression_result,
        )  # fmt: skip

    async def _examples(self, request, deadline, call, method, message, build) -> bytes:
        version = self._lease(request, call)
        try:
            signature = version.loaded.signature(request.model_spec.signature_name)
            signature.require(method)
            strings = examples.example_strings(request.input)
            outputs = await self._engine.run_examples(version, signature, strings, deadline, call)
            response = message(result=build(signature, outputs, len(strings)))
            _fill_spec(response.model_spec, version, signature.name)
            return response.SerializeToString()
        finally:
            version.release()

    async def multi_inference(self, request, deadline: float, call: Call) -> bytes:
        """Answer MultiInference: several signatures of one model on the same examples."""
        if not request.tasks:
            raise invalid("inference request without tasks: name at least one")
        names = {task.model_spec.name for task in request.tasks}
        if len(names) != 1:
            raise invalid(f"all tasks must name one model, got {sorted(names)}")
        version = self._lease(request.tasks[0], call)
        try:
            response = inference_pb2.MultiInferenceResponse()
            strings, done = examples.example_strings(request.input), set()
            for task in request.tasks:
                signature = version.loaded.signature(task.model_spec.signature_name)
                if signature.name in done:
                    raise invalid(f"two tasks ask for signature {signature.name!r}")
                done.add(signature.name)
                if task.method_name not in (CLASSIFY, REGRESS):
                    raise invalid(
                        f"method_name {task.method_name!r} is not served; expected {CLASSIFY} or "
                        f"{REGRESS}"
                    )
                signature.require(task.method_name)
                outputs = await self._engine.run_examples(
                    version, signature, strings, deadline, call
                )
                result = response.results.add()
                _fill_spec(result.model_spec, version, signature.name)
                if task.method_name == CLASSIFY:
                    result.classification_result.CopyFrom(
                        examples.classification_result(signature, outputs, len(strings))
                    )
                else:
                    result.regression_result.CopyFrom(
                        examples.regression_result(signature, outputs, len(strings))
                    )
            return response.SerializeToString()
        finally:
            version.release()

    async def metadata(self, request, deadline: float, call: Call) -> bytes:
        """Answer GetModelMetadata for the one field that there is, `signature_def`."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid("metadata_field is empty; expected 'signature_def'")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"metadata_field {field!r} is not served; expected 'signature_def'")
        version = self._lease(request, call)
        try:
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for key, definition in version.loaded.definitions.items():
                signatures.signature_def[key].CopyFrom(definition)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            _fill_spec(response.model_spec, version, "")
            response.metadata["signature_def"].Pack(signatures)
            return response.SerializeToString()
        finally:
            version.release()

    async def status(self, request, deadline: float, call: Call) -> bytes:
        """Answer GetModelStatus."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        call.model = request.model_spec.name
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in self._engine.repository.statuses(*_which(request.model_spec)):
            entry = response.model_version_status.add(
                version=version.number, state=_STATES.Value(version.state)
            )
            entry.status.error_code = CODE_NUMBERS[version.error_code]
            entry.status.error_message = version.error_message
        return response.SerializeToString()

    async def reload_config(self, request, deadline: float, call: Call) -> bytes:
        """Answer HandleReloadConfigRequest once the new configuration serves."""
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid("HandleReloadConfigRequest takes a model_config_list alone")
        configs = model_configs(request.config.model_config_list)
        # Loading takes long and must not hold up the requests of this loop.
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._engine.repository.apply, configs)
        return model_management_pb2.ReloadConfigResponse().SerializeToString()

    def _lease(self, request, call: Call) -> Version:
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        call.model = request.model_spec.name
        version = self._engine.repository.lease(*_which(request.model_spec))
        call.version = version.number
        return version


def _which(spec) -> tuple[str, int | None, str | None]:
    choice = spec.WhichOneof("version_choice")
    if choice == "version":
        return spec.name, spec.version.value, None
    if choice == "version_label":
        return spec.name, None, spec.version_label
    return spec.name, None, None


def _fill_spec(spec, version: Version, signature: str) -> None:
    spec.name = version.model_name
    spec.version.value = version.number
    spec.signature_name = signature


def _status(code: str) -> grpc.StatusCode:
    return grpc.StatusCode[code]


def _details(message: str) -> str:
    return message if len(message) <= _MAX_DETAILS else message[: _MAX_DETAILS - 4] + " ..."
