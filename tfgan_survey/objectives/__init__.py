"""The objective axis. Every module here is found by itself (`tfgan_survey.registry.discover`)."""

from tfgan_survey.objectives.base import Objective
from tfgan_survey.registry import discover

OBJECTIVES = discover("objective", __name__, __path__, Objective)

__all__ = ["OBJECTIVES", "Objective"]
