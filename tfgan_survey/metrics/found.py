"""The metrics by name, each found in its own module of this package."""

from __future__ import annotations

from pathlib import Path

from tfgan_survey.metrics.base import Metric
from tfgan_survey.registry import discover

METRICS = discover("metric", "tfgan_survey.metrics", [str(Path(__file__).parent)], Metric)
"""Metric classes by name."""
