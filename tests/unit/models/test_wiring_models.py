"""Arguments that must survive saving, samples that must be what they are asked for."""

import inspect

import keras
import numpy as np
import pytest

from tfgan_survey.errors import NonFiniteLossError
from tfgan_survey.export import weights_digest
from tfgan_survey.models import GAN
from tfgan_survey.networks import NetworkPair, mlp
from tfgan_survey.objectives.minimax import NonSaturating
from tfgan_survey.regularizers.base import NoRegularizer

OPTIONS = {
    "n_critic": 2,
    "critic_warm_up": True,
    "ema": 0.5,
    "truncation": 0.75,
    "seed": 3,
    "name": "own",
}


def make(latent="uniform", num_classes=None, **options):
    pair = mlp(
        (2, 2, 1),
        num_classes,
        latent=latent,
        latent_dim=3,
        generator_widths=(4,),
        discriminator_widths=(4,),
    )
    gan = GAN(pair, NonSaturating(), **options)
    gan.compile(
        keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), jit_compile=False,
        steps_per_execution=2,
    )  # fmt: skip
    return gan


class MeanScore(NoRegularizer):
    """A penalty whose gradient by the last bias is 1."""

    def penalty(self, score, real, fake, seed):
        return keras.ops.mean(score(real))


@pytest.mark.parametrize("loop", [{}, {"simultaneous": True}, {"n_critic": 2}], ids=str)
def test_the_penalty_is_trained_on(loop):
    """Stochastic gradient descent by 0.1 moves the bias by -0.1 more than without it."""

    def bias(regularizer):
        gan = make(regularizer=regularizer, **loop)
        gan.fit(np.zeros((4, 2, 2, 1), np.uint8), batch_size=4, verbose=0)
        return float(gan.discriminator.get_layer(index=-1).bias.numpy()[0])

    assert bias(MeanScore()) - bias(None) == pytest.approx(-0.1, abs=1e-6)


def test_served_scores_are_of_images_in_the_range_of_the_networks():
    pair = make().pair
    gan = GAN(NetworkPair(**{**vars(pair), "output_range": (-1.0, 1.0)}), NonSaturating())
    images = np.linspace(0.0, 1.0, 12, dtype=np.float32).reshape(3, 2, 2, 1)
    served, _ = gan.signatures()["score"]
    np.testing.assert_allclose(
        served(images)["scores"], gan.discriminator(2.0 * images - 1.0), rtol=1e-6
    )


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "own.keras"
    make(**OPTIONS).save(path)
    return keras.models.load_model(path)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_argument_survives_saving(again, name):
    default = inspect.signature(GAN).parameters[name].default
    assert OPTIONS[name] != default  # or losing it would not be seen
    assert getattr(again, name) == OPTIONS[name]


def test_how_a_model_was_compiled_survives_saving(again):
    assert again.jit_compile is False and again.steps_per_execution == 2
    assert float(again.d_optimizer.learning_rate) == pytest.approx(0.1)


def test_an_execution_is_one_step_eagerly_and_sixteen_compiled():
    gan, ends = make(), []
    gan.compile(run_eagerly=True)
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda *_, logs: ends.append(gan.steps_done)
    )
    gan.fit(np.zeros((4, 2, 2, 1), np.uint8), batch_size=1, verbose=0, callbacks=[watch])
    assert ends == [1, 2, 3, 4]
    gan.compile()
    assert gan.steps_per_execution == 16


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_the_digest_of_an_export_is_that_of_both_networks(name):
    gan = make()
    digest, network = weights_digest(gan), getattr(gan, name)
    kept = network.get_weights()
    network.set_weights([*kept[:-1], kept[-1] + 1.0])
    assert weights_digest(gan) != digest
    network.set_weights(kept)
    assert weights_digest(gan) == digest


@pytest.fixture(scope="module")
def plain():
    return make(num_classes=3)


def test_image_i_is_that_of_seed_plus_i_and_of_label_i_in_turn(plain):
    images = plain.generate(5, labels=[2, 0], seed=7)
    for index in range(5):
        alone = plain.generate(1, labels=[2, 0][index % 2], seed=7 + index)
        np.testing.assert_allclose(images[index], alone[0], atol=1e-6)
    assert np.ptp(images.reshape(5, -1), axis=0).max() > 1e-4


@pytest.mark.parametrize(
    ("latent", "low", "high"),
    [("uniform", -1, 1), ("uniform_01", 0, 1), ("uniform_unit_variance", -1.7321, 1.7321)],
)
def test_samples_are_drawn_from_the_latents_trained_on(latent, low, high):
    found = make(latent).latents(np.arange(120)).numpy()
    span = high - low
    assert low <= found.min() < low + 0.05 * span
    assert high - 0.05 * span < found.max() <= high


def test_a_fault_of_one_fit_does_not_stop_the_next():
    gan = make()
    images = np.zeros((4, 2, 2, 1), np.uint8)
    good = gan.discriminator.get_weights()
    gan.discriminator.set_weights([np.full_like(one, np.nan) for one in good])
    with pytest.raises(NonFiniteLossError):
        gan.fit(images, batch_size=2, verbose=0)
    gan.discriminator.set_weights(good)
    gan.generator.set_weights([np.nan_to_num(one) for one in gan.generator.get_weights()])
    gan.fit(images, batch_size=2, verbose=0)
    assert np.isfinite(gan.generator.get_weights()[0]).all()
