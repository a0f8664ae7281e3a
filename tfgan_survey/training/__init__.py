"""Training: settings -> data and model -> fit -> run folder."""

from tfgan_survey.training.folder import RunFolder
from tfgan_survey.training.probe import Judge, MetricProbe
from tfgan_survey.training.run import load_run, train

__all__ = ["Judge", "MetricProbe", "RunFolder", "load_run", "train"]
