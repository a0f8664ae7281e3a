"""Serving: a local server with TensorFlow Serving's wire contract, its client and its check.

The server is the embedded default for development, tests and small use; TensorFlow Serving, which
answers the same calls from the same files, is the way to many machines. Nothing here is imported
before it is asked for, so the REST client stays free of TensorFlow.
"""

from __future__ import annotations

import importlib

_MODULES = {
    "Client": "tfgan_survey.serving.client",
    "ModelServer": "tfgan_survey.serving.server",
    "ServerOptions": "tfgan_survey.serving.options",
    "serve": "tfgan_survey.serving.server",
}
__all__ = [*_MODULES]


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
