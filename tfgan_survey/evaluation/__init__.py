"""Evaluation: samples or a trained run in, measurements with error bars and references out."""

from __future__ import annotations

from tfgan_survey.lazy import attach

_MODULES = {
    "evaluate": "run",
    "evaluate_run": "run",
    "evaluate_samples": "samples",
    "read_samples": "samples",
    "Target": "target",
    "format_table": "output",
    "write_measurements": "output",
    "retrieve": "retrieval",
    "tag": "tagging",
    "LayerFeatures": "layer_features",
    "write_features": "layer_features",
    "require_plots": "charts",
    "write_report": "report",
    "compare": "compare",
    "verdicts": "verdict",
    "write_pictures": "album",
    "translate_files": "translation",
    "translate_run": "translation",
}
__getattr__, __dir__, __all__ = attach(__name__, _MODULES)
