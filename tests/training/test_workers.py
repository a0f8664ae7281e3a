"""Two workers as processes: one worker's weights, also after kills of either; who is missing."""

import random
import signal
import time

import distributed
import numpy as np
import pytest

from tfgan_survey.training import RunFolder

pytestmark = pytest.mark.training

SETTINGS = distributed.TINY | {
    "steps": "400", "generator_widths": "16", "discriminator_widths": "16",
    "precision": "float64", "jit_compile": "false", "steps_per_execution": "4",
}  # fmt: skip


def start(folder, workers, *more):
    return distributed.start("survey_gan", folder, workers, SETTINGS, more=more)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Return the weights of one worker, and how long two take."""
    root = tmp_path_factory.mktemp("straight")
    distributed.finish(start(root / "one", 1))
    began = time.monotonic()
    distributed.finish(start(root / "two", 2))
    seconds = time.monotonic() - began
    one, two = (distributed.weights(root / name) for name in ("one", "two"))
    assert distributed.farthest(one, two) < distributed.FLOAT64_BOUND
    return two, seconds


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_ends_all_and_the_job_started_again_ends_alike(tmp_path, straight, victim):
    expected, seconds = straight
    rng = random.Random(victim)
    for attempt in range(2):
        folder = tmp_path / str(attempt)
        processes = start(folder, 2, "--resume")
        time.sleep(rng.uniform(0.3, 1.0) * seconds)
        processes[victim].send_signal(signal.SIGKILL)
        began = time.monotonic()
        _, said = processes[victim].communicate(), processes[1 - victim].communicate()[0]
        # The survivor is soon done, by itself or with the name of whom it lost.
        assert time.monotonic() - began < 60
        if processes[1 - victim].returncode:
            who = "the chief" if victim == 0 else "worker 1"
            assert who in said and "Traceback" not in said, said[-2000:]
        distributed.finish(start(folder, 2, "--resume"))
        assert RunFolder(folder).finished
        for (name, left), right in zip(
            expected.items(), distributed.weights(folder).values(), strict=True
        ):
            np.testing.assert_array_equal(left, right, err_msg=f"{attempt} {name}")


def test_another_setting_is_named_by_both(tmp_path):
    chief, other = (
        distributed.worker("survey_gan", tmp_path / "run", SETTINGS | {"seed": seed}, environment)
        for seed, environment in zip(("0", "5"), distributed.environments(2), strict=True)
    )
    for process in (chief, other):
        text = process.communicate(timeout=60)[0]
        assert (
            "worker 1 has settings.seed '5', the chief '0'" in text and "Traceback" not in text
        ), text[-2000:]
        assert process.returncode
    assert not (tmp_path / "run").exists()
