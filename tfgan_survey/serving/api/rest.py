"""The REST API: paths, bodies and codes of TensorFlow Serving's HTTP server, as an ASGI app."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from tensorflow_serving.apis import get_model_metadata_pb2

from tfgan_survey.serving.api import prometheus
from tfgan_survey.serving.api.answers import JSON, error_body, error_response
from tfgan_survey.serving.api.bodies import Bodies, Body
from tfgan_survey.serving.api.journal import Journal
from tfgan_survey.serving.api.options import ServerOptions
from tfgan_survey.serving.api.origins import OriginGuard
from tfgan_survey.serving.runtime.batch_work import late
from tfgan_survey.serving.runtime.inference import SMALL_BYTES, Call, Engine
from tfgan_survey.serving.wire import json_answers, json_requests, tf_examples
from tfgan_survey.serving.wire.config_files import MonitoringConfig
from tfgan_survey.serving.wire.interface import CLASSIFY, METHODS, REGRESS
from tfgan_survey.serving.wire.status import ServingError, invalid

LOG = logging.getLogger(__name__)
PAGE = Path(__file__).parent / "page.html"
_MODEL = r"/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?"
_POST = re.compile(_MODEL + r":(predict|classify|regress)")
_GET = re.compile(_MODEL + r"(/metadata)?")
_CARD = re.compile(_MODEL.removeprefix("/models"))
_MAX_VERSION = 2**63 - 1


class RestApi:
    """Everything under /v1.

    Args:
        engine: runs the requests.
        journal: keeps account of them.
        timeout_seconds: longest time a request may take.
        max_request_bytes: longest body, before and after decompression.
    """

    def __init__(
        self, engine: Engine, journal: Journal, timeout_seconds: float, max_request_bytes: int
    ):
        self._engine = engine
        self._journal = journal
        self._timeout = timeout_seconds
        self._bodies = Bodies(max_request_bytes)
        # A parsed body takes many times its bytes, so large ones are read one at a time.
        self._reading = asyncio.Semaphore(1)

    async def __call__(self, scope, receive, send) -> None:
        """Answer one request (ASGI)."""
        request = Request(scope, receive)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        call = self._journal.begin("Unknown", "REST", request.headers.get("x-request-id"))
        try:
            body, code, status = await self._answer(request, path, call), "OK", 200
        except ServingError as error:
            body, code, status = error_body(error.message), error.code, error.http
        except ClientDisconnect:
            self._journal.finish(call, "CANCELLED")
            return
        except Exception:
            # A bug of ours: the client gets a JSON answer, the log the traceback.
            LOG.exception("request %s failed", call.identity)
            body, code, status = (
                error_body("internal error; see the server's log"),
                "INTERNAL",
                500,
            )
        self._journal.finish(call, code)
        headers = {"x-request-id": call.identity}
        await Response(body, status, headers, JSON)(scope, receive, send)

    async def _answer(self, request: Request, path: str, call: Call) -> bytes:
        if request.method == "POST" and (match := _POST.fullmatch(path)):
            name, version, label, method = match.groups()
            call.api, call.model = method.capitalize(), name
            deadline = time.monotonic() + self._timeout
            async with self._bodies.read(request, deadline) as body:
                return await self._infer(name, version, label, method, body, deadline, call)
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

    async def _infer(
        self, name: str, version: str | None, label: str | None, method: str, body: Body,
        deadline: float, call: Call,
    ) -> bytes:  # fmt: skip
        number = _version(version)
        convert, leased = self._engine.convert, None
        slot = self._reading if body.size > SMALL_BYTES else None
        try:
            # The body is read before the model is looked up, in TensorFlow Serving's order.
            async with _within(deadline, slot):
                document = await convert(body.size, deadline, body.document)
                leased = self._engine.repository.lease(name, number, label)
                call.version = leased.number
                signature = leased.loaded.signature(json_requests.signature_name(document))
                if method == "predict":
                    signature.require(*METHODS)
                    read, extra = json_requests.predict_inputs, signature
                else:
                    signature.require(CLASSIFY if method == "classify" else REGRESS)
                    read, extra = tf_examples.json_example_strings, self._engine.limits
                given = await convert(body.size, deadline, read, document, extra)
                del document
            if method == "predict":
                inputs, rows = given
                outputs = await self._engine.run(leased, signature, inputs, deadline, call)
                write = (json_answers.predict_answer, signature, outputs, rows)
            else:
                outputs = await self._engine.run_examples(leased, signature, given, deadline, call)
                write = (tf_examples.json_results, method, signature, outputs, len(given))
            size = sum(array.nbytes for array in outputs.values())
            return await convert(size, deadline, *write)
        finally:
            if leased is not None:
                leased.release()

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


class CardApi:
    """What exports say of themselves: `GET /cards/M[/versions/N or /labels/L]`, for the client.

    `GET /cards/` names the models that are served. TensorFlow Serving has no place for either, so
    they lie outside of /v1.

    Args:
        engine: has the models.
    """

    def __init__(self, engine: Engine):
        self._engine = engine

    async def __call__(self, scope, receive, send) -> None:
        """Answer one request (ASGI)."""
        request = Request(scope, receive)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        try:
            if request.method in ("GET", "HEAD") and path in ("", "/"):
                body = orjson.dumps({"models": self._engine.repository.names()})
                await Response(body, media_type=JSON)(scope, receive, send)
                return
            match = _CARD.fullmatch(path)
            if request.method not in ("GET", "HEAD") or match is None:
                raise ServingError("NOT_FOUND", f"expected GET /cards/MODEL, got {path[:200]!r}")
            name, version, label = match.groups()
            response = Response(self._engine.card(name, _version(version), label), media_type=JSON)
        except ServingError as error:
            response = error_response(error)
        await response(scope, receive, send)


@contextlib.asynccontextmanager
async def _within(deadline: float, slot: asyncio.Semaphore | None):
    """Hold a slot, if one is asked for; DEADLINE_EXCEEDED when it is not free in time."""
    if slot is None:
        yield
        return
    try:
        await asyncio.wait_for(slot.acquire(), deadline - time.monotonic())
    except asyncio.TimeoutError:
        raise late() from None
    try:
        yield
    finally:
        slot.release()


def build_app(
    engine: Engine, journal: Journal, options: ServerOptions, monitoring: MonitoringConfig,
    page: Path = PAGE,
) -> Callable:  # fmt: skip
    """Return the ASGI application: /v1, the metrics where enabled, the cards, the page at /.

    Args:
        engine: runs the requests.
        journal: keeps account of them.
        options: of the server, for its address, limits and origins.
        monitoring: whether and where metrics are answered.
        page: static page served at `/` when the file exists.
    """
    timeout = options.rest_api_timeout_in_ms / 1000
    routes: list[BaseRoute] = [
        Mount("/v1", app=RestApi(engine, journal, timeout, options.max_request_bytes)),
        Mount("/cards", app=CardApi(engine)),
    ]
    if monitoring.enable:

        async def answer_metrics(request: Request) -> Response:
            content = journal.metrics.text()
            return Response(content, headers={"content-type": prometheus.CONTENT_TYPE})

        routes.append(Route(monitoring.path, answer_metrics))
    if page.is_file():

        async def answer_page(request: Request) -> Response:
            return FileResponse(page, media_type="text/html")

        routes.append(Route("/", answer_page))
    middleware = [
        Middleware(
            OriginGuard,
            host=options.host,
            allowed_hosts=options.allowed_hosts,
            cors_origins=options.cors_origins,
        )
    ]
    if options.cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(options.cors_origins),
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
            )
        )
    app = Starlette(routes=routes, middleware=middleware, exception_handlers={404: _not_found})
    app.router.redirect_slashes = False
    return app


async def _not_found(request: Request, error: Exception) -> Response:
    return PlainTextResponse("Not Found", 404)
