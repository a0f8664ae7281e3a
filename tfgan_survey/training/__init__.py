"""Training: settings -> data and model -> fit -> run folder."""

from tfgan_survey.training.folder import RunFolder
from tfgan_survey.training.probe import Judge, MetricProbe
from tfgan_survey.training.run import load_run, train
from tfgan_survey.training.start import settings_from

__all__ = ["Judge", "MetricProbe", "RunFolder", "load_run", "settings_from", "train"]
