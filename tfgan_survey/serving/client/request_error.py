"""The error of a request that failed for good, and the remedy of each status."""

from __future__ import annotations

from tfgan_survey.serving.wire.status import HTTP_CODES

REMEDIES = {
    400: "see the model's signatures with Client.metadata() or GET .../metadata",
    404: "check the model's name and version, and that it is AVAILABLE: Client.status()",
    413: "lower rows_per_request",
    429: "lower rows_per_request, or send fewer requests at once",
    503: "the server is overloaded or still loading; go on later, or raise retries",
    504: "raise timeout, or lower rows_per_request",
}
NO_REMEDY = "see the server's log"


class RequestError(RuntimeError):
    """A request that failed for good; one line with the URL, the status and what to do.

    Args:
        url: what was asked.
        status: HTTP code or gRPC status name as it came, or what happened instead of an answer.
        message: the server's own words.
        remedy: how to go on.
        passing: whether the same request may succeed a moment later.
    """

    def __init__(self, url: str, status: str, message: str, remedy: str, passing: bool = False):
        super().__init__(" ".join(f"{url}: {status}: {message}; {remedy}".split()))
        self.url, self.status, self.message = url, status, message
        self.passing = passing


def grpc_error(url: str, name: str, details: str) -> RequestError:
    """Return the error for a gRPC status.

    Args:
        url: what was asked.
        name: of the status, such as `UNAVAILABLE`.
        details: the server's own words.
    """
    remedy = REMEDIES.get(HTTP_CODES.get(name, 500), NO_REMEDY)
    if name == "UNAVAILABLE":
        remedy = "is a server there? If so it is overloaded or loading: go on later, raise retries"
    return RequestError(url, name, details, remedy, passing=name == "UNAVAILABLE")
