"""The bodies of REST errors, as TensorFlow Serving writes them."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.responses import Response

from tfgan_survey.serving.wire.status import ServingError

JSON = "application/json"
_MAX_MESSAGE = 2000  # a message may quote the request, which may be as long as any


def error_body(message: str) -> bytes:
    """Return `{"error": message}`, a long message cut.

    Args:
        message: what to say; cut to 2,000 characters.
    """
    if len(message) > _MAX_MESSAGE:
        message = message[: _MAX_MESSAGE - 4] + " ..."
    return orjson.dumps({"error": message.encode("utf-8", "replace").decode("utf-8")})


def error_response(error: ServingError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer to a request that failed.

    Args:
        error: gives the message and the HTTP status.
        headers: further headers by name, None for none.
    """
    return Response(error_body(error.message), error.http, headers, JSON)
