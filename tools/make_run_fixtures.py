"""Write small runs that were stopped in the middle, and how they ended, as a version's record.

A later version has to resume them to the same weights (`tests/unit/training/test_earlier_runs.py`).
Run it with the version whose runs are to be kept, once: `python tools/make_run_fixtures.py v0_1`.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from tfgan_survey.export import export_run
from tfgan_survey.training import train
from tfgan_survey.training.callbacks import save_model

FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures"

# Name -> model, where it stops, and its settings: each stands for a part of a training's state.
_SMALL = {"dataset": "mnist_mini", "batch_size": 500, "steps_per_execution": 3, "steps": 45}
_MLP = {"generator_widths": (16,), "discriminator_widths": (8,), "latent_dim": 8}
RUNS = {
    # inside the second epoch; a weight average; labels
    "survey_cgan": ("survey_cgan", 27, _MLP),
    # inside a cycle of critic updates; layer norm, penalty
    "wgan_gp": ("wgan_gp", 24, {"width": 2, "latent_dim": 8, "n_critic": 5}),
    # shortly before the end of the first of WGAN's long cycles; RMSProp, clipped weights
    "wgan": ("wgan", 96, {"width": 2, "latent_dim": 8, "critic_warm_up": True, "steps": 110}),
    # dropout's random generators, momentum's ramp, the falling rate, the output's marginals
    "gan_2014": ("gan_2014", 24, {"generator_widths": (16,), "maxout_units": (8,),
                                  "latent_dim": 8, "split": "train[:5000]",
                                  "momentum_updates": 40}),
    # labels by projection, batch norm's statistics, truncation
    "cgan_mnist": ("cgan_mnist", 24, {"width": 2, "latent_dim": 8}),
    # the form of f-GAN's bound beyond its limit
    "fgan": ("fgan", 24, {**_MLP, "divergence": "kl", "exponent_limit": 0.5}),
    # points, packing
    "mixture_gan": ("mixture_gan_tuned", 24, {"dataset": "ring", "split": "train[:10000]",
                                              "generator_widths": (8, 8),
                                              "maxout_units": (8,), "packing": 2}),
}  # fmt: skip


class _Stop(keras.callbacks.Callback):
    def __init__(self, step: int, path: Path):
        super().__init__()
        self.step, self.path = step, path

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.d_updates.numpy()) >= self.step:
            save_model(self.model, self.path)
            raise KeyboardInterrupt


def make(folder: Path) -> None:
    """Write every run and one export below `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, (model, stop, options) in RUNS.items():
        run = folder / name
        overrides = {**_SMALL, **options}
        with tempfile.TemporaryDirectory() as scratch:
            scratch = Path(scratch) / name
            checkpoint = scratch / "checkpoints" / "latest.keras"
            with contextlib.suppress(KeyboardInterrupt):
                train(model, scratch, overrides=overrides, verbose=0,
                      extra_callbacks=[_Stop(stop, checkpoint)])  # fmt: skip
            for file in ("settings.json", "history.csv", "checkpoints/latest.keras"):
                (run / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(scratch / file, run / file)
            gan, _ = train(model, scratch, resume=True, verbose=0)
            weights = {
                f"{role}_{index}": array
                for role in ("generator", "discriminator", "sampling_generator")
                for index, array in enumerate(getattr(gan, role).get_weights())
            }
            np.savez_compressed(run / "end.npz", samples=gan.generate(4, seed=3), **weights)
            shutil.copy(scratch / "history.csv", run / "end_history.csv")
            if name == "survey_cgan":
                shutil.copy(scratch / "model.keras", run / "end.keras")
                export_run(scratch, folder / "export", version=1)


if __name__ == "__main__":
    make(FIXTURES / sys.argv[1])
