"""Exports: a trained model as a SavedModel, an ONNX file or a LiteRT file, version by version."""

from tfgan_survey.export.run import export_model, export_run, export_savedmodel
from tfgan_survey.export.versions import (
    FORMATS,
    find_export,
    find_format,
    next_version,
    versions,
)
from tfgan_survey.models.digest import weights_digest

__all__ = [
    "FORMATS",
    "export_model",
    "export_run",
    "export_savedmodel",
    "find_export",
    "find_format",
    "next_version",
    "versions",
    "weights_digest",
]
