"""Losses every 100 steps: exact means across epochs, gone on with after a stop."""

import math

import numpy as np
import pytest

from tfgan_survey import build
from tfgan_survey.training.history import curve_groups, curve_rows, step_history
from tfgan_survey.training.losses import Losses


def test_a_row_is_the_mean_of_its_steps_also_across_epochs_and_a_resumption(tmp_path):
    """30 steps an epoch, so that a row is of three epochs and a third of the next."""
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 1), np.uint8)
    gan = build("survey_gan", (4, 4, 1), generator_widths=(2,), discriminator_widths=(2,),
                n_critic=2, ema=None, jit_compile=False, steps_per_execution=10)  # fmt: skip
    tens, plain, late = (tmp_path / f"{name}.csv" for name in ("tens", "plain", "late"))
    # What a training that ended at step 150 has left, and this one passes again.
    step_history(plain).write([{"steps": 100, "num": 100, "d_loss": 7.0}])
    callbacks = [Losses(tens, every=10), Losses(plain)]

    def fit(begin, end):
        gan.fit(images, batch_size=2, initial_epoch=begin, epochs=end, callbacks=callbacks,
                verbose=0)  # fmt: skip

    fit(0, 4)
    assert step_history(plain).read() == []
    callbacks.append(Losses(late))  # as of a process that goes on at step 120
    fit(4, 7)
    for one in callbacks:
        one.flush()
    fine, found, resumed = (step_history(path).read() for path in (tens, plain, late))
    assert [row["steps"] for row in fine] == list(range(10, 211, 10))
    assert [(row["steps"], row["num"]) for row in found] == [(100, 100), (200, 100)]
    assert [(row["steps"], row["num"]) for row in resumed] == [(200, 80)]
    for row, of in ((found[0], fine[:10]), (found[1], fine[10:20]), (resumed[0], fine[12:20])):
        for name in ("d_loss", "g_loss", "d_real"):
            mean = math.fsum(one[name] for one in of) / len(of)
            assert row[name] == pytest.approx(mean, abs=1e-5)


def test_curves_are_drawn_from_the_finer_rows_that_know_all():
    epochs = [{"epoch": 1, "steps": 938, "d_loss": 1.0, "seconds": 2.0}]
    steps = [{"steps": 100 * i, "num": 100, "d_loss": 1.0} for i in (1, 2)]
    assert curve_rows(epochs, steps) == (steps, "100 steps")
    assert curve_rows(epochs, []) == (epochs, "an epoch")
    held_out = [{**epochs[0], "val_d_loss": 2.0}]
    assert curve_rows(held_out, steps) == (held_out, "an epoch")
    assert curve_groups(steps, over="100 steps") == [("loss, mean over 100 steps", ["d_loss"])]
