"""What the data sets are: those that come with the package, and what is known of the others.

A built-in set answers two questions itself, so that nobody asks which one it is: `prepare` says
where it lies, `read` gives a split. A derived set is made from a prepared one as that is read.
"""

from tfgan_survey.data.sets.binarised import BINARISED
from tfgan_survey.data.sets.catalogue import DATASETS
from tfgan_survey.data.sets.from_keras import KERAS
from tfgan_survey.data.sets.mapped import MAPPED
from tfgan_survey.data.sets.mini import MnistMini
from tfgan_survey.data.sets.mixtures import MIXTURES, MixtureSet

BUILT_IN = {"mnist_mini": MnistMini(), **{name: MixtureSet(name) for name in MIXTURES}, **KERAS}
DERIVED = {**BINARISED, **MAPPED}
"""The sets that are made from a prepared one, by name."""
KNOWN = (*DATASETS, *DERIVED, *BUILT_IN)
"""Every set that has a name here; TensorFlow Datasets has more."""

__all__ = ["BUILT_IN", "DERIVED", "KNOWN"]
