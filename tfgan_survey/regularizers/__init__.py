"""The regularizer axis. Every module here is found by itself."""

from tfgan_survey.registry import discover
from tfgan_survey.regularizers.base import NoRegularizer, Regularizer

REGULARIZERS = discover("regularizer", __name__, __path__, Regularizer)

__all__ = ["REGULARIZERS", "NoRegularizer", "Regularizer"]
