"""Replicas train as one: the same weights, one fault for all, refusals of what would differ."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.data.images import ImageSet
from tfgan_survey.errors import SettingError
from tfgan_survey.layers.packing import Pack
from tfgan_survey.models import GAN
from tfgan_survey.models.optimizers import adam
from tfgan_survey.models.replication import check_batches
from tfgan_survey.models.vae import VAE
from tfgan_survey.networks import mlp
from tfgan_survey.networks.codec import POSTERIORS
from tfgan_survey.objectives import OBJECTIVES
from tfgan_survey.objectives.reconstruction import RECONSTRUCTIONS
from tfgan_survey.regularizers import REGULARIZERS
from tfgan_survey.training import train
from tfgan_survey.training.team import assembled

SHAPE, BATCH = (4, 4, 1), 8


@pytest.fixture(scope="module")
def strategy():
    with assembled("mirrored:2", {}, print) as team:
        assert team.replicas == 2 and team.chief and team.share == (0, 1)
        yield team.strategy


def everything():
    """Return a GAN with all that replicas share, in float64."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        pair = mlp(SHAPE, 3, seed=1, latent_dim=3, generator_widths=(4,),
                   discriminator_widths=(4,), norm="batch", discriminator_norm="none")  # fmt: skip
    finally:
        keras.config.set_dtype_policy(before)
    gan = GAN(
        pair, OBJECTIVES["wasserstein"](), REGULARIZERS["gradient_penalty"](), n_critic=2,
        fresh_latents=True, ema=0.9, seed=1,
    )  # fmt: skip
    gan.compile(adam(0.01), adam(0.01), steps_per_execution=2, jit_compile=False)
    return gan


def data():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, *SHAPE), dtype=np.uint8)
    return ImageSet("toy", images, np.arange(24, dtype=np.int32) % 3, 3, ("a", "b", "c"))


def test_two_replicas_end_as_one_would_and_stop_at_one_s_fault(strategy):
    ended, curves = [], []
    for scope in (contextlib.nullcontext(), strategy.scope()):
        with scope:
            gan = everything()
        start = [v.numpy() for v in gan.variables]
        history = gan.fit(data().stream(BATCH, seed=3), epochs=2, verbose=0).history
        ended.append([v.numpy() for v in gan.variables])
        curves.append(history)
        assert gan.steps_done == 6 and gan.g_updates.numpy() == 3 and gan.epochs_seen.numpy() == 2
        moved = max(np.abs(a - b).max() for a, b in zip(start, ended[-1], strict=True))
        assert moved > 0.01
    for one, two in zip(*ended, strict=True):
        # Sums in another order differ by 6e-11 here; statistics of half a batch by 1e-2.
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-9)
    assert curves[0].keys() == curves[1].keys()
    for name, values in curves[0].items():
        np.testing.assert_allclose(curves[1][name], values, rtol=1e-6)
    # A wrong value in the second replica's rows alone stops all, and is named.
    rows = np.zeros((BATCH, *SHAPE), np.float32)
    rows[-1] = 7.0
    labels = np.zeros(BATCH, np.int32)
    wrong = tf.data.Dataset.from_tensor_slices((rows, labels)).batch(BATCH, drop_remainder=True)
    with pytest.raises(ValueError, match="Floats from 0 to 7 came"):
        gan.fit(wrong, verbose=0)
    with pytest.raises(SettingError, match="drop_remainder=True"):
        gan.fit(rows, labels, verbose=0)
    with pytest.raises(SettingError, match="batch_size 3 over 2 replicas"):
        gan.fit(data().stream(3), verbose=0)
    with pytest.raises(SettingError, match="validation"):
        gan.fit(data().stream(BATCH), validation_data=data().stream(BATCH), verbose=0)


def test_what_replicas_would_train_otherwise_is_refused(strategy):
    def gan(**options):
        return GAN(mlp(SHAPE, 3, latent_dim=2), OBJECTIVES["non_saturating"](), **options)

    likelihood = RECONSTRUCTIONS["gaussian"](stddev=0.3, output="linear")
    codec = POSTERIORS["mlp"]
    with strategy.scope():
        for made, optimizers, says in (
            (gan(mismatched=True), (), "mismatched=True pairs"),
            (
                VAE(codec(SHAPE, widths=(4,), latent_dim=2), likelihood),
                (),
                "a vae cannot be spread",
            ),
            (gan(), (keras.optimizers.Adam(clipnorm=1.0),), "d_optimizer has clipnorm=1.0"),
            (gan(), (keras.optimizers.LossScaleOptimizer(adam()),), "d_optimizer scales its loss"),
        ):
            with pytest.raises(SettingError, match=says):
                made.compile(*optimizers)
        with pytest.raises(SettingError, match="run_eagerly=True"):
            gan().compile(run_eagerly=True)
    elsewhere = mlp(SHAPE, latent_dim=2)
    with strategy.scope(), pytest.raises(SettingError, match="outside the strategy's scope"):
        GAN(elsewhere, OBJECTIVES["non_saturating"]()).compile()
    images = keras.Input((4, 4, 1))
    scores = keras.layers.Dense(1)(Pack(4)(keras.layers.Flatten()(images)))
    packed = keras.Model(images, scores)
    check_batches(8, 2, packed)
    with pytest.raises(SettingError, match="packs of 4: expected a multiple of 8"):
        check_batches(12, 2, packed)


def test_strategies_that_cannot_be_had_are_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for strategy, says in (
        ("both", "expected mirrored, mirrored:N or multi_worker"),
        ("multi_worker", "TF_CONFIG"),
        ("mirrored:64", "TensorFlow has"),
    ):
        with pytest.raises(SettingError, match=says):
            train("survey_gan", tmp_path / "run", strategy=strategy)
    with pytest.raises(SettingError, match="validate=train"):
        train("survey_gan", tmp_path / "run", strategy="mirrored", validate="train[:10]")
    assert not (tmp_path / "run").exists()
