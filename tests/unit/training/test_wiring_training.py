"""What a run leaves behind: marginals, the last checkpoint, every picture of the film."""

import numpy as np
import pytest
from PIL import Image

from tfgan_survey.data import load_arrays
from tfgan_survey.training import RunFolder, load_run, probe, train
from tfgan_survey.training.progress import Progress
from tfgan_survey.zoo import resolve

SPLIT = "train[:200]"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    _, run = train(
        "gan_2014",
        tmp_path_factory.mktemp("run") / "gan",
        overrides={
            **{"dataset": "mnist_mini", "split": SPLIT, "steps": 5, "batch_size": 50},
            **{"generator_widths": (4,), "maxout_units": (4,), "jit_compile": False},
            **{"steps_per_execution": 1, "learning_rate": 1e-6},
        },
        verbose=0,
        log=lambda text: None,
    )
    return run


def test_the_2014_generator_starts_from_the_marginals_of_its_split(run):
    images = load_arrays("mnist_mini", SPLIT).images
    samples = load_run(run.path).generate(64, seed=0)
    found, wanted = samples.mean(axis=0), images.mean(axis=0) / 255
    np.testing.assert_allclose(found, wanted, atol=0.05)


def test_the_checkpoint_is_that_of_the_last_step(run):
    # no minute has passed: it is written at the ends of epochs
    assert int(load_run(run.checkpoint).d_updates.numpy()) == 5
    assert int(load_run(run.model).d_updates.numpy()) == 5


def test_the_film_shows_every_look(run):
    frames = sorted(run.frames.glob("step_*.png"))
    assert [path.stem for path in frames] == [f"step_{step:07d}" for step in range(6)]
    with Image.open(run.film) as film:
        assert film.info["loop"] == 0  # for ever
        last = film.n_frames - 1
        film.seek(last)
        assert film.info["duration"] >= 1500


def test_the_probe_draws_other_samples_than_the_evaluation():
    # `evaluate` draws from seed 0 on, 10,000 by default; 2,500 walks and pictures beside them
    assert 10**6 <= probe.SEED < 2**31 - 10**6


def test_the_pace_of_a_resumed_training_is_that_of_its_own_steps(monkeypatch):
    now, done = 100.0, 52
    monkeypatch.setattr("tfgan_survey.training.progress.time.monotonic", lambda: now)
    shown = Progress(100, 40, lambda: done, live=False)
    now, done = 104.0, 60
    assert "  2 steps/s  20 s left" in shown.line()


def test_a_run_that_is_asked_for_more_is_unfinished_until_it_is_done(tmp_path):
    run = RunFolder(tmp_path)
    run.checkpoint.parent.mkdir(parents=True)
    run.checkpoint.touch()
    run.model.touch()
    run.begin(resolve("dcgan", {"steps": 5}), {})
    assert not run.finished
    run.mark_finished()
    assert run.finished and run.best == run.model
    run.begin(resolve("dcgan", {"steps": 9}), {})
    assert not run.finished and run.best == run.checkpoint
