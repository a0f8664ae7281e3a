"""A saved GAN opens in a process that has built none."""

import subprocess
import sys

import pytest

from tfgan_survey.zoo import build

_PROGRAM = """
import sys
import keras
from tfgan_survey import GAN
for path in sys.argv[1:]:
    model = keras.models.load_model(path)
    assert isinstance(model, GAN)
    print(type(model.d_optimizer).__name__, float(model.generate(1, seed=0).sum()))
"""
_MODELS = {
    "gan_2014": {"generator_widths": (8,), "maxout_units": (4,)},
    "fgan": {"divergence": "kl", "regularizer": "gradient_penalty"},
}


def test_a_fresh_process_loads_every_part(tmp_path):
    gans = {name: build(name, (4, 4, 1), seed=0, **own) for name, own in _MODELS.items()}
    paths = [str(tmp_path / f"{name}.keras") for name in gans]
    for gan, path in zip(gans.values(), paths, strict=True):
        gan.save(path)
    done = subprocess.run([sys.executable, "-c", _PROGRAM, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for gan, line in zip(gans.values(), done.stdout.splitlines(), strict=True):
        optimizer, total = line.split()
        assert optimizer == type(gan.d_optimizer).__name__
        assert float(total) == pytest.approx(float(gan.generate(1, seed=0).sum()), rel=1e-5)
