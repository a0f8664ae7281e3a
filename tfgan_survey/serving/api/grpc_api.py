"""The gRPC API: PredictionService and ModelService on an asyncio server.

Requests arrive as bytes and are parsed here, so that a broken message is INVALID_ARGUMENT rather
than gRPC's INTERNAL. By measurement the asyncio server answers as many calls a second as the
thread pool does, and needs no thread for a call that waits in a batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
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
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from tfgan_survey.serving.api.journal import Journal
from tfgan_survey.serving.runtime.inference import Call, Engine
from tfgan_survey.serving.runtime.saved_model import Signature
from tfgan_survey.serving.runtime.versions import Version
from tfgan_survey.serving.wire import tensor_protos, tf_examples
from tfgan_survey.serving.wire.config_files import model_configs
from tfgan_survey.serving.wire.interface import CLASSIFY, METHODS, REGRESS
from tfgan_survey.serving.wire.status import CODE_NUMBERS, ServingError, invalid

LOG = logging.getLogger(__name__)
MAX_MESSAGE_BYTES = 2**31 - 1
MAX_CALLS = 1000
"""Most calls at once; more are answered with RESOURCE_EXHAUSTED."""
MAX_IDLE_SECONDS = 600
"""A connection without calls is closed after this time; clients open another one by themselves."""
RELOAD_SECONDS = 300.0
"""Longest wait for the loads of a reload; they go on beyond it."""
_MAX_DETAILS = 1024  # error details travel in a header, and headers are limited to 8 KB
_STATES = get_model_status_pb2.ModelVersionStatus.State


def build_server(engine: Engine, journal: Journal, timeout_seconds: float) -> grpc.aio.Server:
    """Return the server with all services, without a port.

    Args:
        engine: runs the requests.
        journal: keeps account of them.
        timeout_seconds: longest time a connection may take to say that it speaks gRPC.
    """
    server = grpc.aio.server(
        maximum_concurrent_rpcs=MAX_CALLS,
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
            ("grpc.server_handshake_timeout_ms", max(1, int(1000 * timeout_seconds))),
            ("grpc.max_connection_idle_ms", 1000 * MAX_IDLE_SECONDS),
        ],
    )
    api = GrpcApi(engine)
    services = {
        "tensorflow.serving.PredictionService": {
            "Predict": (api.predict, predict_pb2.PredictRequest),
            "Classify": (api.classify, classification_pb2.ClassificationRequest),
            "Regress": (api.regress, regression_pb2.RegressionRequest),
            "MultiInference": (api.multi_inference, inference_pb2.MultiInferenceRequest),
            "GetModelMetadata": (api.metadata, get_model_metadata_pb2.GetModelMetadataRequest),
        },
        "tensorflow.serving.ModelService": {
            "GetModelStatus": (api.status, get_model_status_pb2.GetModelStatusRequest),
            "HandleReloadConfigRequest": (
                api.reload_config, model_management_pb2.ReloadConfigRequest,
            ),
        },
        "tfgan_survey.serving.CardService": {"GetCard": (api.card, model_pb2.ModelSpec)},
    }  # fmt: skip
    for service, methods in services.items():
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(_handler(journal, name, answer, message))
            for name, (answer, message) in methods.items()
        }
        handler = grpc.method_handlers_generic_handler(service, handlers)
        server.add_generic_rpc_handlers((handler,))
    return server


def _handler(journal: Journal, name: str, answer: Callable, message: type) -> Callable:
    """Wrap a method: parse, answer, map errors to statuses, count and log."""

    async def handle(body: bytes, context: grpc.aio.ServicerContext) -> bytes:
        identity = None
        for key, value in context.invocation_metadata() or ():
            if key == "x-request-id":
                identity = value
        call = journal.begin(name, "GRPC", identity)
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
            journal.finish(call, code)

    return handle


class GrpcApi:
    """The methods of both services; each takes a message, a deadline and a `Call`.

    Args:
        engine: runs the requests.
    """

    def __init__(self, engine: Engine):
        self._engine = engine

    async def predict(self, request, deadline: float, call: Call) -> bytes:
        """Answer Predict.

        Args:
            request: a `PredictRequest`.
            deadline: `time.monotonic()` at which to give up; may be infinite.
            call: told the model, the version and the rows.
        """
        version = self._lease(request, call)
        try:
            signature = version.loaded.signature(request.model_spec.signature_name)
            signature.require(*METHODS)
            names = _output_names(request.output_filter, signature)
            size = request.ByteSize()
            inputs = await self._engine.convert(
                size, deadline, tensor_protos.predict_request_inputs,
                request, signature, self._engine.limits,
            )  # fmt: skip
            outputs = await self._engine.run(version, signature, inputs, deadline, call)
            if names:
                outputs = {name: outputs[name] for name in names}
            size = sum(array.nbytes for array in outputs.values())
            return await self._engine.convert(
                size, deadline, tensor_protos.predict_response,
                signature, outputs, request.model_spec.name, version.number,
            )  # fmt: skip
        finally:
            version.release()

    async def classify(self, request, deadline: float, call: Call) -> bytes:
        """Answer Classify.

        Args:
            request: a `ClassificationRequest`.
            deadline: `time.monotonic()` at which to give up; may be infinite.
            call: told the model, the version and the rows.
        """
        return await self._examples(
            request, deadline, call, CLASSIFY,
            classification_pb2.ClassificationResponse, tf_examples.classification_result,
        )  # fmt: skip

    async def regress(self, request, deadline: float, call: Call) -> bytes:
        """Answer Regress.

        Args:
            request: a `RegressionRequest`.
            deadline: `time.monotonic()` at which to give up; may be infinite.
            call: told the model, the version and the rows.
        """
        return await self._examples(
            request, deadline, call, REGRESS,
            regression_pb2.RegressionResponse, tf_examples.regression_result,
        )  # fmt: skip

    async def _examples(self, request, deadline, call, method, message, build) -> bytes:
        version = self._lease(request, call)
        try:
            signature = version.loaded.signature(request.model_spec.signature_name)
            signature.require(method)
            strings = tf_examples.example_strings(request.input, self._engine.limits)
            outputs = await self._engine.run_examples(version, signature, strings, deadline, call)
            response = message(result=build(signature, outputs, len(strings)))
            _fill_spec(response.model_spec, version, signature.name)
            return response.SerializeToString()
        finally:
            version.release()

    async def multi_inference(self, request, deadline: float, call: Call) -> bytes:
        """Answer MultiInference: several signatures of one model on the same examples.

        Args:
            request: a `MultiInferenceRequest`.
            deadline: `time.monotonic()` at which to give up; may be infinite.
            call: told the model, the version and the rows.
        """
        if not request.tasks:
            raise invalid("inference request without tasks: name at least one")
        names = {task.model_spec.name for task in request.tasks}
        if len(names) != 1:
            raise invalid(f"all tasks must name one model, got {sorted(names)}")
        version = self._lease(request.tasks[0], call)
        try:
            response = inference_pb2.MultiInferenceResponse()
            strings, done = tf_examples.example_strings(request.input, self._engine.limits), set()
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
                        tf_examples.classification_result(signature, outputs, len(strings))
                    )
                else:
                    result.regression_result.CopyFrom(
                        tf_examples.regression_result(signature, outputs, len(strings))
                    )
            return response.SerializeToString()
        finally:
            version.release()

    async def metadata(self, request, deadline: float, call: Call) -> bytes:
        """Answer GetModelMetadata for the one field that there is, `signature_def`.

        Args:
            request: a `GetModelMetadataRequest`.
            deadline: not looked at, since the answer is made at once.
            call: told the model and the version.
        """
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
        """Answer GetModelStatus.

        Args:
            request: a `GetModelStatusRequest`.
            deadline: not looked at, since the answer is made at once.
            call: told the model.
        """
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
        """Answer HandleReloadConfigRequest once the new configuration serves.

        Args:
            request: a `ReloadConfigRequest`.
            deadline: `time.monotonic()`; `RELOAD_SECONDS` from now where that is sooner.
            call: told nothing, since no one model is named.
        """
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid("HandleReloadConfigRequest takes a model_config_list alone")
        configs = model_configs(request.config.model_config_list)
        # Loading takes long and must not hold up the requests of this loop; each reload waits in
        # a thread of its own, so that those that hang leave room for others.
        deadline = min(deadline, time.monotonic() + RELOAD_SECONDS)
        await _in_own_thread(self._engine.repository.apply, configs, deadline)
        return model_management_pb2.ReloadConfigResponse().SerializeToString()

    async def card(self, spec, deadline: float, call: Call) -> bytes:
        """Answer GetCard, which TensorFlow Serving does not have: the export's `card.json`.

        Args:
            spec: a `ModelSpec`.
            deadline: not looked at, since the answer is made at once.
            call: told the model.
        """
        call.model = spec.name
        return self._engine.card(*_which(spec))

    def _lease(self, request, call: Call) -> Version:
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        call.model = request.model_spec.name
        version = self._engine.repository.lease(*_which(request.model_spec))
        call.version = version.number
        return version


async def _in_own_thread(function: Callable, *arguments) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            function(*arguments)
        except BaseException as error:
            failures.append(error)
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=work, name="reload", daemon=True).start()
    await done.wait()
    if failures:
        raise failures[0]


def _output_names(wanted, signature: Signature) -> list[str]:
    """Check an output filter; its length is that of the request, not of the signature."""
    names: list[str] = []
    for name in wanted:
        if name not in signature.outputs:
            raise invalid(
                f"output_filter names {name[:100]!r}; signature {signature.name!r} has "
                f"{', '.join(sorted(signature.outputs))}"
            )
        if name in names:
            raise invalid(f"output_filter names {name!r} more than once")
        names.append(name)
    return names


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
