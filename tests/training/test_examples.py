"""Every script in examples/ runs as it is, for a few steps, and writes what it says."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.training


def test_all_examples_are_covered():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*WRITES, "theory"}


WRITES = {
    "survey_gan": ["survey_gan.png"],
    "conditional_digits": ["conditional_digits.keras", "conditional_digits.png"],
    "dcgan": ["dcgan/model.keras", "dcgan/film.gif", "dcgan/samples.png"],
    "wgan_gp": ["wgan_gp.png"],
    "lsgan": ["lsgan_pearson.png", "lsgan_zero_one.png"],
    "fgan": ["fgan_kl.png", "fgan_squared_hellinger.png", "fgan_jensen_shannon.png"],
    "gan_2014": ["gan_2014.png"],
    "custom_composition": ["custom_composition.png"],
    "translated_digits": ["translated_digits.png"],
    "completed_digits": ["completed_digits.png"],
}


@pytest.mark.parametrize("name", WRITES)
def test_example_runs(name, tmp_path):
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", "20"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for file in WRITES[name]:
        assert (tmp_path / "runs" / "examples" / file).stat().st_size > 0


def test_theory_prints_agreeing_numbers():
    done = subprocess.run(
        [sys.executable, EXAMPLES / "theory.py"], capture_output=True, text=True, check=True
    )
    lines = dict(line.split("  ", 1) for line in done.stdout.splitlines() if "  " in line)
    assert float(lines["V(G, D*)"]) == float(lines["-log 4 + 2 JS"])
