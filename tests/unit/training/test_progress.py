"""The progress line: steps of the whole run, never wider than the terminal."""

import io
import re

import keras
import numpy as np
import pytest

from tfgan_survey.training.progress import Progress


class Run:
    """A trained something: a clock and epochs of given lengths."""

    def __init__(self, done=0, **options):
        self.done, self.file = done, io.StringIO()
        self.shown = Progress(100, 40, lambda: self.done, file=self.file, **options)

    def epoch(self, number, steps, stride=4, logs=None):
        self.shown.on_epoch_begin(number)
        for _ in range(0, steps, stride):
            self.done += min(stride, 40 * (number + 1) - self.done, 100 - self.done)
            self.shown.on_train_batch_end(self.done, logs)
        self.shown.on_epoch_end(number, logs)
        return self


LOGS = {"d_loss": np.float32(1.25), "kl": 0.5, "d_updates": np.int64(3)}


def test_one_line_an_epoch_counts_the_whole_run():
    run = Run(live=False).epoch(0, 40, logs=LOGS).epoch(1, 40, logs=LOGS).epoch(2, 20, logs=LOGS)
    lines = run.file.getvalue().splitlines()
    found = [re.match(r"epoch (\d)/3  step ([\d,]+)/100  ", line).groups() for line in lines]
    assert found == [("1", "40"), ("2", "80"), ("3", "100")]
    assert all("d_loss 1.25  kl 0.5" in line and "updates" not in line for line in lines)
    assert "left" in lines[1] and "left" not in lines[2] and "steps/s  done" in lines[2]


def test_a_resumed_part_of_an_epoch_counts_with_what_was_done():
    run = Run(done=52, live=False).epoch(1, 28)
    assert run.file.getvalue().startswith("epoch 2/3  step 80/100  ")


@pytest.mark.parametrize("width", ["40", "80", "120"])
def test_a_terminal_s_line_is_drawn_over_and_fits(monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setattr("tfgan_survey.training.progress._REDRAW_SECONDS", 0.0)
    many = {f"loss_{number}": 0.123456 for number in range(20)}
    run = Run(live=True).epoch(0, 40, logs=many).epoch(1, 40, logs=many)
    text = run.file.getvalue()
    assert text.count("\n") == 2
    drawn = [line for part in text.split("\n") for line in part.split("\r") if line]
    assert len(drawn) == 22 and {len(line) for line in drawn} == {int(width) - 1}
    steps = [int(re.search(r"step (\d+)/100", line)[1]) for line in drawn]
    assert steps == sorted(steps) and max(steps) == 80 and steps[0] == 4


def test_it_is_not_drawn_more_often_than_eyes_need():
    run = Run(live=True).epoch(0, 40, stride=1)
    assert run.file.getvalue().count("\r") <= 3


def test_any_model_s_fit_is_shown():
    """It names no family: a plain Keras model's logs are shown as they come."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    file = io.StringIO()
    shown = Progress(4, 2, lambda: int(model.optimizer.iterations), live=False, file=file)
    model.fit(np.ones((4, 1)), np.ones((4, 1)), 2, epochs=2, verbose=0, callbacks=[shown])
    lines = file.getvalue().splitlines()
    assert lines[0].startswith("epoch 1/2  step 2/4") and lines[1].startswith("epoch 2/2  step 4/4")
    assert all(re.search(r"  loss [\d.e-]+", line) for line in lines)
