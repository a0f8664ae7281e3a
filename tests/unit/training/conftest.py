"""Small runs that several test files look at; nobody writes into them."""

import pytest

from tfgan_survey.training import train

# 20 steps an epoch, no XLA: these tests are about files, not speed.
TINY = {
    "dataset": "mnist_mini", "split": "train[:640]", "batch_size": 32, "jit_compile": False,
    "steps_per_execution": 4, "generator_widths": (8,), "discriminator_widths": (8,),
}  # fmt: skip


@pytest.fixture(scope="session")
def tiny():
    """Return a function that trains a tiny run and returns the lines that it logged."""

    def run(folder, resume=False, lines=None, probe=(), **overrides):
        lines = [] if lines is None else lines
        keep = {"probe": probe, "keep_best": probe[0], "probe_num": 20} if probe else {}
        train(
            "survey_cgan", folder, resume=resume, overrides=TINY | overrides, verbose=0,
            log=lines.append, **keep,
        )  # fmt: skip
        return lines

    return run


@pytest.fixture(scope="session")
def runs(tiny, tmp_path_factory):
    """Return a folder with `half` (20 steps, probed), `whole` (24 steps) and `other` (seed 1)."""
    root = tmp_path_factory.mktemp("tiny")
    tiny(root / "half", steps=20, probe=["classifier_score"])
    tiny(root / "whole", steps=24)
    tiny(root / "other", steps=20, seed=1, probe=["classifier_score"])
    return root
