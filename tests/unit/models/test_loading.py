"""A saved GAN opens in a process that has built none."""

import subprocess
import sys

import pytest

from tfgan_survey.zoo import build

_PROGRAM = """
import sys
import keras
from tfgan_survey import GAN
model = keras.models.load_model(sys.argv[1])
assert isinstance(model, GAN)
print(type(model.d_optimizer).__name__, float(model.generate(1, seed=0).sum()))
"""


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gan_2014", {"generator_widths": (8,), "maxout_units": (4,)}),
        ("fgan", {"divergence": "kl", "regularizer": "gradient_penalty"}),
    ],
)
def test_a_fresh_process_loads_every_part(tmp_path, name, settings):
    gan = build(name, (4, 4, 1), seed=0, **settings)
    path = tmp_path / "gan.keras"
    gan.save(path)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    optimizer, total = done.stdout.split()
    assert optimizer == type(gan.d_optimizer).__name__
    assert float(total) == pytest.approx(float(gan.generate(1, seed=0).sum()), rel=1e-5)
