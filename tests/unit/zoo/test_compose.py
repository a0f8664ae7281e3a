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
        "decay": 1.0, "learning_rate_floor": 1e-6,
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
        ({"batch_size": "0"}, SettingError, "expected 1 to"),
        ({"seed": "-1"}, SettingError, "expected 0 to"),
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


def test_option_names_are_disjoint_between_axes():
    """One flat key must mean one thing."""
    from tfgan_survey.networks import NETWORKS
    from tfgan_survey.objectives import OBJECTIVES
    from tfgan_survey.registry import options_of
    from tfgan_survey.regularizers import REGULARIZERS

    names = [
        {option for value in registry for option in registry.options(value)}
        for registry in (NETWORKS, OBJECTIVES, REGULARIZERS)
    ]
    names.append(set(options_of(GAN)) - {"regularizer"})
    names.append(set(Settings.__dataclass_fields__))
    for index, left in enumerate(names):
        for right in names[index + 1 :]:
            assert not left & right


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
