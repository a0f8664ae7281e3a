"""Serving: a local server with TensorFlow Serving's wire contract, its client and its check.

The server is the embedded default for development, tests and small use; TensorFlow Serving, which
answers the same calls from the same files, is the way to many machines. Nothing here is imported
before it is asked for, so the REST client stays free of TensorFlow.
"""

from __future__ import annotations

from tfgan_survey.lazy import attach

_MODULES = {
    "Client": "client",
    "ModelServer": "server",
    "ServerOptions": "api.options",
    "serve": "server",
}
__getattr__, __dir__, __all__ = attach(__name__, _MODULES)
