"""Who may ask: under which names the server answers, and the pages of which origins it obeys.

A browser sends the requests of any page anywhere. Without these checks a page could drive a server
that listens on this machine alone, blindly by a plain POST, or with the answers by making its own
name point to 127.0.0.1 (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse, Response

from tfgan_survey.serving.api.answers import error_response
from tfgan_survey.serving.wire.status import ServingError

_PORTS = {"http": 80, "https": 443}


class OriginGuard:
    """Refuses requests under foreign names, and those of foreign pages (ASGI).

    Args:
        app: answers what is let through.
        host: address that the server is bound to; names are checked when it is a loopback one.
        allowed_hosts: further names to answer to.
        cors_origins: origins whose pages may ask, `*` for all.
    """

    def __init__(
        self,
        app: Callable,
        host: str,
        allowed_hosts: Collection[str] = (),
        cors_origins: Collection[str] = (),
    ):
        self._app = app
        self._names = {name.lower().rstrip(".") for name in (host, *allowed_hosts)}
        self._checks_names = is_loopback(host)
        self._origins = {origin.lower().rstrip("/") for origin in cors_origins}

    async def __call__(self, scope, receive, send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (error := self._refusal(scope)) is not None:
            response: Response = PlainTextResponse(error.message, error.http)
            if scope["path"].startswith("/v1"):
                response = error_response(error)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope) -> ServingError | None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        if len(hosts) > 1 or (not hosts and scope["http_version"] != "1.0"):
            return ServingError("INVALID_ARGUMENT", f"expected one Host header, {len(hosts)} came")
        host = hosts[0] if hosts else ""
        if self._checks_names and hosts:
            name, _ = split_authority(host, 80)
            if name is None or not (name in self._names or is_loopback(name)):
                return ServingError(
                    "PERMISSION_DENIED",
                    f"the Host {host[:100]!r} is no name of this server, which is bound to "
                    "loopback; ask for localhost, or start it with --allowed-host",
                )
        for origin in origins:
            if not self._may_ask(origin, host):
                return ServingError(
                    "PERMISSION_DENIED",
                    f"pages of the origin {origin[:100]!r} may not ask this server; start it with "
                    "--cors-origin to allow them",
                )
        return None

    def _may_ask(self, origin: str, host: str) -> bool:
        if "*" in self._origins or origin.lower() in self._origins:
            return True
        scheme, separator, authority = origin.partition("://")
        if not separator or scheme not in _PORTS:
            return False  # null, or no page of a server at all
        own = split_authority(host, _PORTS[scheme])
        return own[0] is not None and split_authority(authority, _PORTS[scheme]) == own


def is_loopback(name: str) -> bool:
    """Answer whether an address or a name stands for this machine alone.

    Args:
        name: a name in lower case or an address, IPv6 without brackets; no port.
    """
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def split_authority(text: str, default_port: int) -> tuple[str | None, int]:
    """Split `name:port` of a Host header or an origin.

    Args:
        text: a name or an address, IPv6 in brackets, with or without a port.
        default_port: the port where none is given.

    Returns:
        The name in lower case without a final dot, None where the text is no authority, and the
        port.
    """
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        return None, default_port
    if parts.netloc != text or "@" in text or not parts.hostname:
        return None, default_port
    return parts.hostname.rstrip("."), default_port if port is None else port
