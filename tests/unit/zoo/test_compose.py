"""From names and overrides to settings; what is refused."""

import pytest

from tfgan_survey.errors import SettingError, UnknownNameError
from tfgan_survey.models import GAN, ConditionalGAN
from tfgan_survey.settings import Settings
from tfgan_survey.zoo import MODELS, build, complete, resolve

pytestmark = pytest.mark.filterwarnings("error::UserWarning")


@pytest.mark.parametrize("name", list(MODELS))
def test_every_recipe_resolves_and_survives_json(name):
    settings = resolve(name)
    assert Settings.from_dict(settings.to_dict()) == settings
    assert settings.steps == MODELS[name].quick
    assert MODELS[name].source and MODELS[name].paper


@pytest.mark.parametrize("name", list(MODELS))
def test_every_recipe_has_its_other_form_by_one_argument(name):
    resolve(name, {"conditional": "true"})
    resolve(name, {"conditional": "false"})


def test_snippet_settings_are_the_defaults():
    settings = resolve("survey_gan")
    assert settings.network.options["generator_widths"] == (128,)
    assert settings.d_optimizer.options == {
        "learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8,
        "decay": 1.0, "learning_rate_floor": 1e-6, "falls_from": None, "falls_until": None,
    }  # fmt: skip
    assert settings.loop["n_critic"] == 1
    legacy = resolve("survey_gan_legacy")
    assert legacy.network.options["discriminator_output_norm"] is True
    assert settings.network.options["discriminator_output_norm"] is False


def test_text_becomes_the_option_s_type():
    settings = resolve(
        "survey_gan",
        {"generator_widths": "512,256", "ema": "0.99", "n_critic": "2", "conditional": "true"},
    )
    assert settings.network.options["generator_widths"] == (512, 256)
    assert settings.loop["ema"] == 0.99 and settings.loop["n_critic"] == 2
    assert settings.conditional is True
    assert resolve("survey_gan", {"ema": "none"}).loop["ema"] is None


def test_learning_rate_sets_both_and_prefixed_sets_one():
    both = resolve("survey_gan", {"learning_rate": "0.01"})
    assert both.d_optimizer.options["learning_rate"] == 0.01
    assert both.g_optimizer.options["learning_rate"] == 0.01
    one = resolve("survey_gan", {"d_learning_rate": "0.01"})
    assert one.d_optimizer.options["learning_rate"] == 0.01
    assert one.g_optimizer.options["learning_rate"] == 1e-3


def test_an_axis_can_be_exchanged_and_its_old_options_go():
    settings = resolve("lsgan", {"objective": "wasserstein"})
    assert settings.objective.name == "wasserstein"
    assert "coding" not in settings.objective.options


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        ({"learning_rat": "1"}, SettingError, "did you mean .*learning_rate"),
        ({"clip_value": "1"}, SettingError, "does nothing in survey_gan"),
        ({"n_critic": "two"}, SettingError, "expected int"),
        ({"n_critic": "1.5"}, SettingError, "expected int"),
        ({"conditional": "yes"}, SettingError, "true or false"),
        ({"norm": "batsch"}, SettingError, "expected one of batch"),
        ({"objective": "non_saturatin"}, UnknownNameError, "did you mean non_saturating"),
        ({"epochs": "1", "steps": "1"}, SettingError, "exactly one"),
        ({"batch_size": "0"}, SettingError, "expected int at least 1"),
        ({"seed": "-1"}, SettingError, "expected int at least 0"),
    ],
)
def test_refused(overrides, error, message):
    with pytest.raises(error, match=message):
        resolve("survey_gan", overrides)


def test_unknown_model_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean survey_cgan"):
        resolve("survey_cgn")


def test_build_gives_a_conditional_gan_for_classes():
    gan = build("survey_gan", (4, 4, 1), num_classes=3, generator_widths=(4,))
    assert type(gan) is ConditionalGAN and gan.pair.num_classes == 3
    plain = build("survey_gan", (4, 4, 1))
    assert type(plain) is GAN and plain.pair.num_classes is None
    with pytest.raises(SettingError, match="needs num_classes"):
        build("survey_cgan", (4, 4, 1), conditional=True)


def test_two_domains_go_to_models_of_two_and_one_to_those_of_one(monkeypatch):
    two = ((4, 4, 1), (4, 4, 3))
    with pytest.raises(SettingError, match=r"one data set; two domains came \(4x4x1 and 4x4x3\)"):
        build("survey_gan", two)
    monkeypatch.setattr(GAN, "domains", 2)
    with pytest.raises(SettingError, match=r"two domains; one data set came \(4x4x1\). Name two"):
        build("survey_gan", (4, 4, 1))


def test_full_keys_name_the_axis():
    settings = resolve(
        "wgan_gp",
        {"regularizer.weight": "3", "network.width": "8", "loop.n_critic": "2", "run.seed": "4",
         "optimizer.beta_2": "0.8", "g_optimizer.learning_rate": "0.5"},
    )  # fmt: skip
    assert settings.regularizer.options["weight"] == 3.0
    assert settings.network.options["width"] == 8
    assert settings.loop["n_critic"] == 2 and settings.seed == 4
    assert [settings.parts[f"{who}_optimizer"].options["beta_2"] for who in "dg"] == [0.8, 0.8]
    assert settings.g_optimizer.options["learning_rate"] == 0.5
    assert settings.d_optimizer.options["learning_rate"] == 1e-4


def test_the_flat_form_resolves_to_the_same_settings():
    for name in MODELS:
        settings = resolve(name, {"seed": 3})
        flat = {k: v for k, v in settings.flat().items() if k not in ("model", "family", "epochs")}
        assert resolve(name, flat) == settings


def test_a_short_key_that_means_two_things_is_refused_naming_both(monkeypatch):
    """A penalty with an option that the network has too."""
    from tfgan_survey.models import GAN
    from tfgan_survey.registry import Axis, Registry
    from tfgan_survey.regularizers.gradient_penalty import GradientPenalty

    class Wide(GradientPenalty):
        def __init__(self, weight: float = 1.0, width: int = 2):
            super().__init__(weight)
            self.width = width

    wide = Axis(Registry("regularizer", {"none": Wide}), "regularizer", default="none")
    monkeypatch.setattr(GAN, "axes", {**GAN.axes, "regularizer": wide})
    with pytest.raises(SettingError, match=r"network\.width or regularizer\.width"):
        resolve("dcgan", {"width": "4"})
    settings = resolve("dcgan", {"network.width": "4", "regularizer.width": "5"})
    assert settings.network.options["width"] == 4
    assert settings.regularizer.options["width"] == 5


def test_a_split_chosen_for_one_data_set_does_not_follow_to_another():
    assert resolve("gan_2014").split == "train[:50000]"
    assert resolve("gan_2014", {"dataset": "mnist_mini"}).split == "train"
    assert resolve("gan_2014", {"dataset": "mnist"}).split == "train[:50000]"
    asked = {"dataset": "mnist_mini", "split": "train[:100]"}
    assert resolve("gan_2014", asked).split == "train[:100]"


def test_settings_with_the_parts_of_another_family_are_refused():
    values = resolve("dcgan").to_dict()
    del values["g_optimizer"]
    with pytest.raises(SettingError, match="of a gan have the parts network"):
        complete(Settings.from_dict(values))


def test_none_is_a_choice_where_a_choice_is_called_none():
    # It once meant "as the other network", and batch norm stayed.
    for model in ("survey_gan", "dcgan"):
        given = resolve(model, {"norm": "batch", "discriminator_norm": "none"})
        assert given.network.options["discriminator_norm"] == "none"
        assert (
            resolve(model, {"discriminator_norm": None}).network.options["discriminator_norm"]
            is None
        )
    assert resolve("dcgan", {"image_size": "none"}).image_size is None
    discriminator = build("survey_gan", (4, 4, 1)).discriminator
    assert not [layer for layer in discriminator.layers if "batch_norm" in layer.name]


def test_settings_of_an_earlier_version_mean_what_they_meant():
    now = resolve("cgan_mnist")
    before = now.to_dict()
    del before["loop"]["truncation"], before["d_optimizer"]["options"]["decay"]
    before["loop"]["gone"] = 1  # an option that exists no more is kept, and seen as a difference
    completed = complete(Settings.from_dict(before))
    assert now.loop["truncation"] == 0.85  # the recipe's choice, newer than that run
    assert completed.loop["truncation"] == 1.0  # what the run computed
    assert completed.d_optimizer == now.d_optimizer
    assert completed.loop["gone"] == 1
    assert complete(now) == now
