"""The penalty axis of autoencoders: what keeps codes simple. Every module is found by itself."""

from tfgan_survey.registry import discover
from tfgan_survey.regularizers.code.base import CodePenalty, NoPenalty

CODE_PENALTIES = discover("code penalty", __name__, __path__, CodePenalty)

__all__ = ["CODE_PENALTIES", "CodePenalty", "NoPenalty"]
