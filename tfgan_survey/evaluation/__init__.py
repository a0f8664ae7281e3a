"""Evaluation: samples or a trained run in, measurements with error bars and references out."""

from __future__ import annotations

import importlib

_MODULES = {
    "evaluate": "run",
    "evaluate_run": "run",
    "evaluate_samples": "samples",
    "read_samples": "samples",
    "format_table": "output",
    "write_measurements": "output",
}
__all__ = list(_MODULES)


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
