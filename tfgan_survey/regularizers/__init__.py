"""The regularizer axis. Every module here is found by itself."""

from tfgan_survey.regularizers.base import NoRegularizer, Regularizer
from tfgan_survey.registry import discover

REGULARIZERS = discover("regularizer", __name__, __path__, Regularizer)

__all__ = ["REGULARIZERS", "NoRegularizer", "Regularizer"]
