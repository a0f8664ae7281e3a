"""Every GAN recipe's published values, read off the built and compiled model, with their source."""

import functools

import keras
import numpy as np
import pytest

from tfgan_survey.layers.dropout import LatentDropout
from tfgan_survey.layers.maxout import Maxout
from tfgan_survey.layers.packing import Pack
from tfgan_survey.layers.resampling import ResampledConv2D
from tfgan_survey.layers.spectral import Spectral
from tfgan_survey.zoo import MODELS, build, resolve

# Keras adds RMSProp's epsilon below the root: the square of the paper's code's 1e-8.
_ADAM_SNIPPET = {"kind": "Adam", "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
_ADAM_DCGAN = {**_ADAM_SNIPPET, "learning_rate": 2e-4, "beta_1": 0.5}
# arXiv:1802.05957, table 1, row C; D's rate doubled, by the recipe, where it moves once and not 5
# times.
_ADAM_SNGAN = {**_ADAM_SNIPPET, "learning_rate": 2e-4, "beta_1": 0.0, "beta_2": 0.9, "d_times": 2}
_RMSPROP = {"kind": "RMSprop", "learning_rate": 5e-5, "rho": 0.99, "epsilon": 1e-16}
_SGD_2014 = {
    "kind": "RampedSGD", "learning_rate": 0.1, "momentum": 0.5, "final_momentum": 0.7,
    "momentum_updates": 125_000, "floor": 1e-6,
}  # fmt: skip
_PLAIN = {
    "n_critic": 1, "critic_warm_up": False, "simultaneous": False, "ema": None, "truncation": 1.0,
}  # fmt: skip
_NON_SATURATING = {
    "kind": "NonSaturating", "real_target": 1.0, "fake_target": 0.0, "flip_probability": 0.0,
    "discriminator_weight": 1.0,
}  # fmt: skip
_PENALTY = {"kind": "GradientPenalty", "weight": 10.0, "target": 1.0}
_NONE = {"kind": "NoRegularizer"}
_WASSERSTEIN = {"kind": "Wasserstein"}
_HINGE = {"kind": "Hinge"}

# name -> optimizer of both, batch size, loop, objective, regularizer, latent law and width.
# Sources: the survey snippet's AdamOptimizer() defaults; mnist.yaml of arXiv:1406.2661 (SGD,
# batch 100, w = 1/2) and arXiv:1411.1784, section 4.1 (ten times its decay); arXiv:1511.06434,
# section 4 (2e-4, 0.5, 128); arXiv:1701.07875, Algorithm 1 (5e-5, 0.01, 64, 5);
# arXiv:1704.00028, Algorithm 1 (10, 5, 1e-4, 0, 0.9) and its MNIST script's batch of 64;
# arXiv:1611.04076, Eq. 8; arXiv:1606.00709, section 4.2; arXiv:1712.04086's code.
PUBLISHED = {
    "survey_gan": (
        {**_ADAM_SNIPPET, "learning_rate": 1e-3}, 128, {**_PLAIN, "ema": 0.999}, _NON_SATURATING,
        _NONE, ("uniform", 100),
    ),
    "survey_cgan": (
        {**_ADAM_SNIPPET, "learning_rate": 1e-3}, 128, {**_PLAIN, "ema": 0.999}, _NON_SATURATING,
        _NONE, ("uniform", 100),
    ),
    "survey_gan_legacy": (
        {**_ADAM_SNIPPET, "learning_rate": 1e-3}, 128, _PLAIN, _NON_SATURATING, _NONE,
        ("uniform", 100),
    ),
    "cgan_mnist": (
        {**_ADAM_DCGAN, "learning_rate": 5e-4}, 64, {**_PLAIN, "ema": 0.999, "truncation": 0.85},
        _NON_SATURATING, {**_PENALTY, "weight": 0.1, "target": 0.0}, ("uniform", 100),
    ),
    "gan_2014": (
        {**_SGD_2014, "decay": 1.000004}, 100, {**_PLAIN, "simultaneous": True},
        {**_NON_SATURATING, "discriminator_weight": 0.5}, _NONE, ("uniform_unit_variance", 100),
    ),
    "cgan_2014": (
        {**_SGD_2014, "decay": 1.00004}, 100, {**_PLAIN, "simultaneous": True},
        {**_NON_SATURATING, "discriminator_weight": 0.5}, _NONE,
        ("uniform_01", 100 + 200 + 1000 + 1200),
    ),
    "tag_cgan": (
        {**_ADAM_SNIPPET, "learning_rate": 1e-3, "beta_1": 0.5, "beta_2": 0.9}, 100,
        {**_PLAIN, "n_critic": 2}, _WASSERSTEIN, _PENALTY, ("uniform_01", 100),
    ),
    "dcgan": (_ADAM_DCGAN, 128, _PLAIN, _NON_SATURATING, _NONE, ("uniform", 100)),
    "cdcgan": (_ADAM_DCGAN, 128, _PLAIN, _NON_SATURATING, _NONE, ("uniform", 100)),
    "lsgan": (
        _ADAM_DCGAN, 128, _PLAIN,
        {"kind": "LeastSquares", "targets": (-1.0, 1.0, 0.0), "flip_probability": 0.0}, _NONE,
        ("uniform", 100),
    ),
    "wgan": (
        _RMSPROP, 64, {**_PLAIN, "n_critic": 5}, _WASSERSTEIN,
        {"kind": "WeightClipping", "clip_value": 0.01}, ("uniform", 100),
    ),
    "wgan_gp": (
        {**_ADAM_SNIPPET, "learning_rate": 1e-4, "beta_1": 0.0, "beta_2": 0.9}, 64,
        {**_PLAIN, "n_critic": 5}, _WASSERSTEIN, _PENALTY, ("uniform", 100),
    ),
    "sngan": (_ADAM_SNGAN, 64, {**_PLAIN, "ema": 0.999}, _HINGE, _NONE, ("normal", 128)),
    "sngan_projection": (
        _ADAM_SNGAN, 64, {**_PLAIN, "ema": 0.999}, _HINGE, _NONE, ("normal", 128),
    ),
    "ls_gan": (
        _ADAM_DCGAN, 128, _PLAIN,
        {
            "kind": "LossSensitive", "margin_weight": 1.0, "margin_scale": 2.5,
            "loss_form": "softplus",
        },
        _NONE, ("uniform", 100),
    ),
    "fgan": (
        _ADAM_DCGAN, 100, _PLAIN,
        {
            "kind": "FDivergence", "divergence": "jensen_shannon", "alpha": None, "pi": None,
            "generator_objective": "practical", "exponent_limit": 5.0, "tails": "algebraic",
            "beyond_limit": "consistent",
        },
        _PENALTY, ("uniform", 100),
    ),
    "mixture_gan": (
        {**_ADAM_SNIPPET, "learning_rate": 1e-4, "beta_1": 0.8}, 100, _PLAIN, _NON_SATURATING,
        _NONE, ("normal", 2),
    ),
    "mixture_gan_tuned": (
        {
            **_ADAM_SNIPPET, "learning_rate": 1e-3, "beta_1": 0.5, "beta_2": 0.99,
            "decay": 1.0001, "floor": 1e-6,
        },
        256, {**_PLAIN, "ema": 0.999}, _NON_SATURATING, _NONE, ("normal", 2),
    ),
}  # fmt: skip

# Layers with weights or constants in order, of G and of D: units or maps, activation, slope, rate.
# b: batch norm with momentum and epsilon of its source; l: layer norm; ?: uses a bias or not.
_TF = "batch 0.99 0.001"  # tf.layers.batch_normalization, the snippet's
_DC = "batch 0.9 1e-05"  # the DCGAN code's
_MLP = (
    ["dense 128 bias", _TF, "relu", "dense 784 bias", "sigmoid"],
    ["dense 128 bias", "relu", "dense 1 bias"],
)
_DCGAN_G = [
    "dense 3136 bare", _DC, "relu", "up 32 4 2 bare", _DC, "relu", "up 1 4 2 bias", "tanh",
]  # fmt: skip
_LEAKY = "leaky 0.2"
_DCGAN_D = ["conv 32 4 2 bias", _LEAKY, "conv 64 4 2 bare", _DC, _LEAKY, "dense 1 bias"]
_UNNORMED_D = ["conv 32 4 2 bias", _LEAKY, "conv 64 4 2 bias", _LEAKY]
_RELU = "dense 1200 bias relu"
_POINTS_G = [part for _ in range(4) for part in ("dense 400 bare", _TF, "relu")] + ["dense 2 bias"]
LAYERS = {
    "survey_gan": _MLP,
    "survey_cgan": _MLP,
    "survey_gan_legacy": (
        ["dense 128 bias", _TF, "relu", "dense 784 bias", _TF, "sigmoid"],
        ["dense 128 bias", _TF, "relu", "dense 1 bias", _TF],
    ),
    "cgan_mnist": (
        [
            "dense 3136 bare", f"{_DC} plain", "affine", "relu", "up 32 4 2 bare", f"{_DC} plain",
            "affine", "relu", "up 1 4 2 bias", "tanh",
        ],
        [*_UNNORMED_D, "projection"],
    ),
    "gan_2014": (
        [_RELU, _RELU, "dense 784 bare", "marginal", "sigmoid"],
        ["drop 0.2", "maxout 240 5", "drop 0.5", "maxout 240 5", "drop 0.5", "dense 1 bias"],
    ),
    "cgan_2014": (
        [
            "dense 1000 bias relu", "dense 200 bias relu", "latent 0.5", "latent 0.5", _RELU,
            "latent 0.5", "dense 784 bare", "marginal", "sigmoid",
        ],
        [
            "maxout 240 5", "maxout 50 5", "drop 0.5", "drop 0.5", "maxout 240 4", "drop 0.5",
            "dense 1 bias",
        ],
    ),
    "tag_cgan": (
        ["dense 300 bias relu", "dense 100 bias relu", "dense 784 bias", "bits"],
        ["dense 200 bias relu", "dense 100 bias relu", "maxout 60 3", "dense 1 bias"],
    ),
    "dcgan": (_DCGAN_G, _DCGAN_D),
    "cdcgan": (_DCGAN_G, _DCGAN_D),
    "lsgan": (_DCGAN_G, _DCGAN_D),
    "wgan": (_DCGAN_G, _DCGAN_D),
    "wgan_gp": (
        _DCGAN_G,
        ["conv 32 4 2 bias", _LEAKY, "conv 64 4 2 bare", "layer 1e-05", _LEAKY, "dense 1 bias"],
    ),
    "ls_gan": (_DCGAN_G, _DCGAN_D),
    "fgan": (
        ["dense 1200 bias", _TF, "relu", "dense 1200 bias", _TF, "relu", "dense 784 bias",
         "sigmoid"],
        ["dense 240 bias", "elu", "dense 240 bias", "elu", "dense 1 bias"],
    ),
    "mixture_gan": (_POINTS_G, ["maxout 200 5"] * 3 + ["dense 1 bias"]),
    "mixture_gan_tuned": (
        ["dense 128 bias", "relu"] * 5 + ["dense 2 bias"],
        ["dense 128 bias", _LEAKY] * 3 + ["dense 1 bias"],
    ),
}  # fmt: skip
_UP = ["conv 32 3 up bias", "conv 32 3 none bias", "conv 32 1 none bias", "relu", "relu"]
_SN_G = [*_UP * 2, "relu", "conv 1 3 none bias", "tanh", "dense 1568 bias"]
_SN_D = [
    # 28 x 28 -> 14 x 14 -> 7 x 7, then two blocks that keep it; no ReLU before the first
    *["sn conv 32 3 none bias", "sn conv 32 3 down bias", "sn conv 32 1 none bias"] * 2,
    *["sn conv 32 3 none bias"] * 4, *["relu"] * 8, "linear", "sn dense 1 bias",
]  # fmt: skip
_CBN = ["batch 0.9 2e-05 plain", "affine"]
LAYERS |= {
    "sngan": ([*_SN_G, *["batch 0.9 2e-05"] * 5], _SN_D),
    "sngan_projection": (
        [*_SN_G, *_CBN * 4, "batch 0.9 2e-05"], [*_SN_D, "sn dense 32 bare"],
    ),
}  # fmt: skip
GANS = [name for name, recipe in MODELS.items() if recipe.family == "gan"]
models = pytest.mark.parametrize("name", GANS)


@functools.cache
def _built(name):
    settings = resolve(name)
    points = name.startswith("mixture")
    shape = (2,) if points else (28, 28, 1)
    return build(name, shape, 10 if settings.conditional else None, jit_compile=False), settings


def test_the_tables_miss_no_recipe():
    assert set(PUBLISHED) == set(LAYERS) == set(GANS)


def _optimizer(optimizer):
    config = optimizer.get_config()
    rate = config["learning_rate"]
    found = {"kind": type(optimizer).__name__, **config}
    if isinstance(rate, dict):
        schedule = rate["config"]
        found |= {
            "learning_rate": schedule["start"],
            "decay": schedule["decay"],
            "floor": schedule["floor"],
        }
    return found


def _agrees(found, expected):
    for key, value in expected.items():
        exact = isinstance(value, str | bool | tuple) or value is None
        assert found[key] == (value if exact else pytest.approx(value, rel=1e-6)), key


@models
def test_optimizers_losses_and_loop(name):
    gan, settings = _built(name)
    optimizer, batch_size, loop, objective, regularizer, latent = PUBLISHED[name]
    optimizer = dict(optimizer)
    rates = {gan.d_optimizer: optimizer.pop("d_times", 1), gan.g_optimizer: 1}
    for own, times in rates.items():
        found = _optimizer(own)
        _agrees(found, {**optimizer, "learning_rate": times * optimizer["learning_rate"]})
        assert ("decay" in found) == ("decay" in optimizer)
        if optimizer["kind"] in ("Adam", "RMSprop"):
            assert not found.get("amsgrad") and not found.get("centered")
            assert found.get("momentum", 0.0) == 0.0
        untouched = ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay", "use_ema")
        assert not any(found[key] for key in untouched)
    assert settings.batch_size == batch_size
    _agrees(vars(gan), loop)
    for part, expected in ((gan.objective, objective), (gan.regularizer, regularizer)):
        found = {"kind": type(part).__name__, **part.get_config()}
        found |= {"targets": getattr(part, "targets", None)}
        _agrees(found, expected)
    assert (gan.pair.latent, gan.pair.latent_dim) == latent
    assert gan.generator.input_shape == (
        [(None, latent[1]), (None,)] if settings.conditional else (None, latent[1])
    )
    low, high = (None, None) if gan.pair.output_range is None else gan.pair.output_range
    ranges = {"tanh": (-1, 1), "sigmoid": (0, 1), "bits": (0, 1)}
    assert (low, high) == next(
        (ranges[one] for one in LAYERS[name][0] if one in ranges), (None, None)
    )


def _describe(layer):
    """Say a layer in the words of the table; None for those that only move numbers."""
    kind = type(layer).__name__
    if isinstance(layer, Spectral):
        assert layer.iterations == 1
        plain = keras.layers.Dense if kind == "SpectralDense" else ResampledConv2D
        config = {k: v for k, v in layer.get_config().items() if k != "iterations"}
        return f"sn {_describe(plain.from_config(config))}"
    bias = "bias" if getattr(layer, "use_bias", False) else "bare"
    if kind == "Dense":
        own = layer.activation.__name__
        return f"dense {layer.units} {bias}" + ("" if own == "linear" else f" {own}")
    if kind == "ResampledConv2D":
        assert layer.kernel_size[0] == layer.kernel_size[1]
        return f"conv {layer.filters} {layer.kernel_size[0]} {layer.resample} {bias}"
    if kind in ("Conv2D", "Conv2DTranspose"):
        assert layer.padding == "same" and layer.activation.__name__ == "linear"
        (size, other), (stride, _) = layer.kernel_size, layer.strides
        assert size == other
        return f"{'conv' if kind == 'Conv2D' else 'up'} {layer.filters} {size} {stride} {bias}"
    if kind == "BatchNormalization":
        own = "" if layer.scale and layer.center else " plain"
        return f"batch {layer.momentum} {layer.epsilon}{own}"
    if kind == "GroupNormalization":
        assert layer.groups == 1 and layer.scale and layer.center
        return f"layer {layer.epsilon}"
    if isinstance(layer, Maxout):
        return f"maxout {layer.units} {layer.pieces}"
    if isinstance(layer, LatentDropout):
        assert layer.threshold == 0.5  # the median of U(0, 1)
        return f"latent {layer.rate}"
    if isinstance(layer, keras.layers.Dropout):
        return f"drop {layer.rate}"
    names = {"LeakyReLU": "leaky", "Activation": "", "LabelProjection": "projection"}
    names |= {
        "ReLU": "relu",
        "ConditionalAffine": "affine",
        "MarginalBias": "marginal",
        "Binary": "bits",
    }
    if kind == "LeakyReLU":
        return f"leaky {layer.negative_slope}"
    if kind == "Activation":
        return layer.activation.__name__
    assert not layer.weights or kind in names, kind
    assert not isinstance(layer, Pack)
    return names.get(kind)


@models
def test_layers(name):
    gan, _ = _built(name)
    for network, expected in zip((gan.generator, gan.discriminator), LAYERS[name], strict=True):
        found = [text for layer in network.layers if (text := _describe(layer))]
        # two branches, in the CGANs of 2014 and in residual blocks: Keras has an order of its own
        branched = name in ("cgan_2014", "tag_cgan", "sngan", "sngan_projection")
        assert (sorted(found) == sorted(expected)) if branched else (found == expected)


def _law(name, kernel, network):
    """Return how initial weights are drawn: standard deviation and hard bound."""
    fan_in, fan_out = int(np.prod(kernel.shape[:-1])), kernel.shape[-1]
    if name in (
        "survey_gan", "survey_cgan", "survey_gan_legacy", "mixture_gan_tuned", "tag_cgan",
    ):  # fmt: skip
        return np.sqrt(2.0 / fan_in), np.inf  # He et al. 2015, Eq. 10
    if name in ("gan_2014", "cgan_2014"):
        bound = {"generator": 0.05, "discriminator": 0.005}[network]
        return bound / np.sqrt(3.0), bound  # mnist.yaml
    if name in ("fgan", "sngan", "sngan_projection"):
        field = int(np.prod(kernel.shape[:-2]))  # of a convolution; 1 otherwise
        bound = np.sqrt(6.0 / (fan_in + field * fan_out))  # Keras' default
        return bound / np.sqrt(3.0), bound
    return 0.02, np.inf  # Radford et al. 2016, section 4; PacGAN's code


@models
def test_initial_weights(name):
    gan, _ = _built(name)
    for network in (gan.generator, gan.discriminator):
        for variable in network.weights:
            values = np.array(variable)
            if variable.path.split("/")[-1] in ("kernel",):
                spread, bound = _law(name, values, network.name)
                assert np.abs(values).max() <= bound * (1 + 1e-6)
                room = 5.0 / np.sqrt(2.0 * values.size)
                assert values.std() == pytest.approx(spread, rel=room), variable.path
                assert abs(values.mean()) < 5.0 * spread / np.sqrt(values.size)
                if bound == np.inf and values.size > 2000:  # no truncated normal
                    assert np.abs(values).max() > 2.5 * spread
            elif variable.path.split("/")[-1] in ("left", "right"):
                assert np.linalg.norm(values) == pytest.approx(1.0, rel=1e-5)
            else:
                ones = variable.path.split("/")[-1] in ("gamma", "moving_variance")
                np.testing.assert_array_equal(values, np.float32(ones))


def test_the_two_networks_and_two_kernels_do_not_start_alike():
    gan, _ = _built("fgan")
    kernels = [np.array(w) for w in gan.discriminator.trainable_variables if w.ndim == 2]
    assert not np.allclose(kernels[0][:240, :240].std(), 0)
    other = build("fgan", seed=1, jit_compile=False)
    assert not np.array_equal(np.array(other.generator.weights[0]), gan.generator.get_weights()[0])
