"""Runs that an earlier version began and was stopped in: resumed here, they end as they did there.

`tools/make_run_fixtures.py` wrote them. On the machine that made them the ends are bitwise equal;
other processors sum in another order, hence the tolerances.
"""

import csv
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from tfgan_survey.settings import Settings
from tfgan_survey.training import RunFolder, train
from tfgan_survey.zoo import complete

FIXTURES = Path(__file__).parents[2] / "fixtures" / "v0_1"
RUNS = sorted(path.parent.name for path in FIXTURES.glob("*/settings.json"))
ROUNDING = {"rtol": 1e-4, "atol": 1e-6}


def test_all_runs_are_there():
    assert [
        *("cgan_mnist", "fgan", "gan_2014", "mixture_gan", "survey_cgan", "wgan", "wgan_gp")
    ] == RUNS


@pytest.mark.parametrize("name", RUNS)
def test_an_earlier_run_ends_as_it_did(name, tmp_path):
    kept = FIXTURES / name
    folder = tmp_path / name
    shutil.copytree(kept, folder, ignore=shutil.ignore_patterns("end*"))
    model = json.loads((kept / "settings.json").read_text())["settings"]["model"]
    gan, run = train(model, folder, resume=True, verbose=0, log=lambda line: None)
    with np.load(kept / "end.npz") as end:
        for key in set(end.files) - {"samples"}:
            network, index = key.rsplit("_", 1)
            found = getattr(gan, network).get_weights()[int(index)]
            np.testing.assert_allclose(found, end[key], err_msg=key, **ROUNDING)
        np.testing.assert_allclose(gan.generate(4, seed=3), end["samples"], rtol=1e-4, atol=1e-5)
    assert run.finished
    rows, expected = (
        list(csv.DictReader(path.open(newline="")))
        for path in (run.history, kept / "end_history.csv")
    )
    assert len(rows) == len(expected)
    for row, there in zip(rows, expected, strict=True):
        for column in set(there) - {"seconds"}:  # of another clock
            assert float(row[column]) == pytest.approx(float(there[column]), rel=1e-3, abs=1e-5)


def test_f_gan_goes_on_with_the_form_that_it_began_with():
    recorded = RunFolder(FIXTURES / "fgan").settings()
    assert "beyond_limit" not in recorded.objective.options
    assert complete(recorded).objective.options["beyond_limit"] == "separate"
    loaded = keras.models.load_model(FIXTURES / "fgan" / "checkpoints" / "latest.keras")
    assert loaded.objective.beyond_limit == "separate"
    other = recorded.to_dict()
    other["objective"]["options"]["divergence"] = "gan"  # the two forms do not differ
    completed = complete(Settings.from_dict(other))
    assert completed.objective.options["beyond_limit"] == "consistent"
