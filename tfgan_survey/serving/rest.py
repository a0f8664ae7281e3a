"""The REST API: paths, bodies and codes of TensorFlow Serving's HTTP server, as an ASGI app."""

from __future__ import annotations

import json
import logging
import re
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import orjson
from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from tensorflow_serving.apis import get_model_metadata_pb2

from tfgan_survey.serving import examples, json_answers, json_codec
from tfgan_survey.serving import metrics as metrics_module
from tfgan_survey.serving.inference import Call, Engine
from tfgan_survey.serving.saved_model import CLASSIFY, METHODS, REGRESS
from tfgan_survey.serving.status import ServingError, invalid
from tfgan_survey.serving.text_config import MonitoringConfig
from tfgan_survey.serving.versions import Version

LOG = logging.getLogger(__name__)
PAGE = Path(__file__).parent / "page.html"
_MODEL = r"/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?"
_POST = re.compile(_MODEL + r":(predict|classify|regress)")
_GET = re.compile(_MODEL + r"(/metadata)?")
_MAX_VERSION = 2**63 - 1
_JSON = "application/json"


class RestApi:
    """Everything under /v1.

    Args:
        engine: runs the requests.
        timeout_seconds: longest time a request may take.
        max_request_bytes: longest body, after decompression.
    """

    def __init__(self, engine: Engine, timeout_seconds: float, max_request_bytes: int):
        self._engine = engine
        self._timeout = timeout_seconds
        self._max_bytes = max_request_bytes

    async def __call__(self, scope, receive, send) -> None:
        """Answer one request (ASGI)."""
        request = Request(scope, receive)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        call = self._engine.call("Unknown", "REST", request.headers.get("x-request-id"))
        try:
            body, code, status = await self._answer(request, path, call), "OK", 200
        except ServingError as error:
            body, code, status = _error_body(error.message), error.code, error.http
        except ClientDisconnect:
            self._engine.finish(call, "CANCELLED")
            return
        except Exception:
            # A bug of ours: the client gets a JSON answer, the log the traceback.
            LOG.exception("request %s failed", call.identity)
            body, code, status = (
                _error_body("internal error; see the server's log"),
                "INTERNAL",
                500,
            )
        self._engine.finish(call, code)
        headers = {"x-request-id": call.identity}
        await Response(body, status, headers, _JSON)(scope, receive, send)

    async def _answer(self, request: Request, path: str, call: Call) -> bytes:
        if request.method == "POST" and (match := _POST.fullmatch(path)):
            name, version, label, method = match.groups()
            call.api, call.model = method.capitalize(), name
            body = await self._read_body(request)
            leased = self._engine.repository.lease(name, _version(version), label)
            try:
                return await self._infer(leased, method, body, call)
            finally:
                leased.release()
        if request.method in ("GET", "HEAD") and (match := _GET.fullmatch(path)):
            name, version, label, metadata = match.groups()
            if metadata:
                call.api, call.model = "GetModelMetadata", name
                return self._metadata(name, _version(version), label, call)
            call.api, call.model = "GetModelStatus", name
            return self._status(name, _version(version), label)
        if path in ("/models", "/models/"):
            raise invalid("Missing model name in request")
        raise invalid(f"Malformed request: {request.method} /v1{path}")

    async def _read_body(self, request: Request) -> bytes:
        inflate = None
        encoding = request.headers.get("content-encoding", "identity").lower()
        if encoding == "gzip":
            inflate = zlib.decompressobj(wbits=31)
        elif encoding != "identity":
            raise invalid(f"Content-Encoding {encoding!r} is not read; send gzip or none")
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._max_bytes:
            raise self._too_large()
        parts, size = [], 0
        async for chunk in request.stream():
            if inflate is not None:
                try:
                    chunk = inflate.decompress(chunk, self._max_bytes + 1 - size)
                except zlib.error as error:
                    raise invalid(f"the body is not gzip: {error}") from None
            size += len(chunk)
            if size > self._max_bytes:
                raise self._too_large()
            parts.append(chunk)
        if inflate is not None and not inflate.eof:
            raise invalid("the gzip body is cut short")
        return b"".join(parts)

    def _too_large(self) -> ServingError:
        return ServingError(
            "INVALID_ARGUMENT",
            f"the body is larger than {self._max_bytes} bytes; send fewer rows, or start the "
            "server with a larger --max-request-bytes",
            http=413,
        )

    async def _infer(self, version: Version, method: str, body: bytes, call: Call) -> bytes:
        call.version = version.number
        deadline = time.monotonic() + self._timeout
        document = json_codec.parse(body)
        signature = version.loaded.signature(json_codec.signature_name(document))
        if method == "predict":
            signature.require(*METHODS)
            inputs, rows = json_codec.predict_inputs(document, signature)
            outputs = await self._engine.run(version, signature, inputs, deadline, call)
            return json_answers.predict_answer(signature, outputs, rows)
        signature.require(CLASSIFY if method == "classify" else REGRESS)
        strings = examples.json_example_strings(document)
        outputs = await self._engine.run_examples(version, signature, strings, deadline, call)
        return examples.json_results(method, signature, outputs, len(strings))

    def _status(self, name: str, version: int | None, label: str | None) -> bytes:
        entries = [
            {
                "version": str(found.number),
                "state": found.state,
                "status": {"error_code": found.error_code, "error_message": found.error_message},
            }
            for found in self._engine.repository.statuses(name, version, label)
        ]
        return orjson.dumps({"model_version_status": entries}, option=orjson.OPT_INDENT_2)

    def _metadata(self, name: str, version: int | None, label: str | None, call: Call) -> bytes:
        leased = self._engine.repository.lease(name, version, label)
        try:
            call.version = leased.number
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for key, definition in leased.loaded.definitions.items():
                signatures.signature_def[key].CopyFrom(definition)
        finally:
            leased.release()
        printed = json_format.MessageToDict(
            signatures,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        answer = {
            "model_spec": {"name": name, "signature_name": "", "version": str(leased.number)},
            "metadata": {"signature_def": printed},
        }
        return json.dumps(answer, indent=1).encode("utf-8")


def _version(text: str | None) -> int | None:
    if text is None:
        return None
    if len(text) > 19 or int(text) > _MAX_VERSION:
        raise invalid(f"the version {text[:40]} is larger than {_MAX_VERSION}")
    return int(text)


def _error_body(message: str) -> bytes:
    return orjson.dumps({"error": message.encode("utf-8", "replace").decode("utf-8")})


def build_app(
    engine: Engine,
    timeout_seconds: float,
    max_request_bytes: int,
    monitoring: MonitoringConfig,
    cors_origins: tuple[str, ...] = (),
    page: Path = PAGE,
) -> Callable:
    """Return the ASGI application: /v1, the metrics where enabled, and the page at /.

    Args:
        engine: runs the requests.
        timeout_seconds: longest time a request may take.
        max_request_bytes: longest body, after decompression.
        monitoring: whether and where metrics are answered.
        cors_origins: origins that browsers may send requests from; none sends no CORS headers.
        page: static page served at `/` when the file exists.
    """
    api = RestApi(engine, timeout_seconds, max_request_bytes)
    routes = [Mount("/v1", app=api)]
    if monitoring.enable:

        async def answer_metrics(request: Request) -> Response:
            content = engine.metrics.text()
            return Response(content, headers={"content-type": metrics_module.CONTENT_TYPE})

        routes.append(Route(monitoring.path, answer_metrics))
    if page.is_file():

        async def answer_page(request: Request) -> Response:
            return FileResponse(page, media_type="text/html")

        routes.append(Route("/", answer_page))
    middleware = []
    if cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(cors_origins),
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
            )
        )
    app = Starlette(routes=routes, middleware=middleware, exception_handlers={404: _not_found})
    app.router.redirect_slashes = False
    return app


async def _not_found(request: Request, error: Exception) -> Response:
    return PlainTextResponse("Not Found", 404)
