"""The client of a model server, and what is made with it: samples and a comparison.

Over REST it needs numpy, Pillow and httpx alone; nothing is imported before it is asked for.
"""

from __future__ import annotations

from tfgan_survey.lazy import attach

_MODULES = {
    "Client": "client",
    "RequestError": "request_error",
    "check": "comparison",
    "save_samples": "samples",
}
__getattr__, __dir__, __all__ = attach(__name__, _MODULES)
