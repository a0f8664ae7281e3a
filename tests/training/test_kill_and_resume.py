"""Ten kills at random moments of a real training: `--resume` ends in the straight run's weights."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tfgan_survey.training import RunFolder, load_run

pytestmark = pytest.mark.training

# 300 steps of a small pair: about 15 seconds, most of it TensorFlow's start.
TRAIN = [
    sys.executable, "-m", "tfgan_survey.cli", "train", "survey_cgan", "--dataset", "mnist_mini",
    "--steps", "300", "--set", "steps_per_execution=4",
]  # fmt: skip


def start(folder, *more):
    return subprocess.Popen(
        [*TRAIN, "--output", str(folder), *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_ten_kills_at_random_moments(tmp_path):
    began = time.monotonic()
    assert start(tmp_path / "straight").wait() == 0
    whole = time.monotonic() - began
    expected = load_run(tmp_path / "straight")
    rng = random.Random(0)
    for attempt in range(10):
        folder = tmp_path / f"killed{attempt}"
        process = start(folder)
        time.sleep(rng.uniform(0.0, whole))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert start(folder, "--resume").wait() == 0
        assert RunFolder(folder).finished
        resumed = load_run(folder)
        for a, b in (
            (expected, resumed),
            (expected.d_optimizer, resumed.d_optimizer),
            (expected.g_optimizer, resumed.g_optimizer),
        ):
            for left, right in zip(a.variables, b.variables, strict=True):
                assert np.array_equal(left.numpy(), right.numpy()), (attempt, left.path)
