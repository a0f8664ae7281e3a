"""Status codes: one error type, known by its gRPC name, and the HTTP code each name answers."""

from __future__ import annotations

HTTP_CODES = {
    "OK": 200,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}
"""HTTP status of each gRPC code, as TensorFlow Serving maps them."""

_NAMES = dict(enumerate(["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED"]))
_NAMES |= dict(enumerate(["NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED"], start=5))
_NAMES |= dict(enumerate(["RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED"], start=8))
_NAMES |= dict(enumerate(["OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE"], start=11))
_NAMES |= dict(enumerate(["DATA_LOSS", "UNAUTHENTICATED"], start=15))
CODE_NUMBERS = {name: number for number, name in _NAMES.items()}


class ServingError(Exception):
    """A request or a model that cannot be served.

    Args:
        code: name of a gRPC status code, a key of `HTTP_CODES`.
        message: what came, what was expected, how to go on.
        http: HTTP status where it is not the one of the code (413 for an oversized body).
    """

    def __init__(self, code: str, message: str, http: int | None = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.http = HTTP_CODES[code] if http is None else http


def invalid(message: str) -> ServingError:
    """Return the INVALID_ARGUMENT error, by far the most frequent one.

    Args:
        message: what came, what was expected, how to go on.
    """
    return ServingError("INVALID_ARGUMENT", message)


def from_op_error(error: Exception) -> ServingError:
    """Turn a `tf.errors.OpError` into a `ServingError` of the same code.

    Args:
        error: an exception of any other type becomes UNKNOWN.
    """
    code = _NAMES.get(getattr(error, "error_code", 2), "UNKNOWN")
    message = str(getattr(error, "message", error))
    return ServingError(code, message)
