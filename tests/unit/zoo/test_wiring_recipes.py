"""What the sources print stands in the recipes, and what a recipe says reaches the model."""

import keras
import pytest

from tfgan_survey.zoo import MODELS, build, complete, resolve

ADAM_DCGAN = {"d_optimizer": "adam", "d_optimizer.learning_rate": 2e-4, "d_optimizer.beta_1": 0.5}
KL = {"divergence": "kl"}
AUTOENCODER = {"reconstruction": "squared_error", "reconstruction.output": "sigmoid"}
# binarised MNIST with 10,000 images held out, the bound itself
VAE = {
    "dataset": "binarised_mnist", "split": "train[:50000]", "reconstruction": "bernoulli",
    "loop.num_samples": 1, "loop.kl_weight": 1.0, "loop.truncation": 1.0,
}  # fmt: skip
PUBLISHED = {
    # the snippet: Adam's TensorFlow defaults, batches of 128, one layer of 128 units
    "survey_gan": {
        "network": "mlp", "objective": "non_saturating", "batch_size": 128,
        "d_optimizer.learning_rate": 1e-3, "d_optimizer.beta_1": 0.9,
        "network.generator_widths": [128], "network.discriminator_widths": [128],
        "network.generator_output_norm": False, "network.discriminator_norm": "none",
    },
    "survey_cgan": {"network": "mlp", "conditional": True, "d_optimizer.learning_rate": 1e-3},
    # section 2.4.3 to the letter: batch norm everywhere, on images and scores too
    "survey_gan_legacy": {
        "network.norm": "batch", "network.generator_output_norm": True,
        "network.discriminator_norm": None, "network.discriminator_output_norm": True,
        "loop.ema": None,
    },
    # mnist.yaml of the 2014 code; both costs halved there, so D's weight is 1/2
    "gan_2014": {
        "network": "maxout", "split": "train[:50000]", "batch_size": 100,
        "loop.simultaneous": True, "objective.discriminator_weight": 0.5,
        "d_optimizer": "sgd", "d_optimizer.learning_rate": 0.1, "d_optimizer.decay": 1.000004,
        "d_optimizer.learning_rate_floor": 1e-6, "d_optimizer.momentum": 0.5,
        "d_optimizer.final_momentum": 0.7, "d_optimizer.momentum_updates": 125_000,
        "network.generator_widths": [1200, 1200], "network.maxout_units": [240, 240],
        "network.pieces": 5, "network.input_dropout": 0.2, "network.dropout": 0.5,
    },
    # arXiv:1411.1784, section 4.1
    "cgan_2014": {
        "network": "two_branch", "batch_size": 100, "d_optimizer.learning_rate": 0.1,
        "d_optimizer.decay": 1.00004, "d_optimizer.learning_rate_floor": 1e-6,
        "d_optimizer.momentum": 0.5, "d_optimizer.final_momentum": 0.7,
        "network.latent_width": 200, "network.label_width": 1000, "network.joint_width": 1200,
        "network.image_units": 240, "network.label_units": 50, "network.joint_units": 240,
        "network.pieces": 5, "network.joint_pieces": 4, "network.dropout": 0.5,
    },
    # arXiv:1511.06434, section 4: Adam 2e-4 with beta_1 1/2, batches of 128, weights N(0, 0.02)
    "dcgan": {**ADAM_DCGAN, "batch_size": 128, "network.initializer": "normal_002"},
    "cdcgan": {**ADAM_DCGAN, "batch_size": 128, "conditional": True},
    # arXiv:1611.04076, Eq. 8: a = -1, b = 1, c = 0
    "lsgan": {**ADAM_DCGAN, "objective": "least_squares", "objective.coding": "pearson"},
    # arXiv:1701.07875, Algorithm 1
    "wgan": {
        "objective": "wasserstein", "regularizer": "weight_clipping", "batch_size": 64,
        "regularizer.clip_value": 0.01, "loop.n_critic": 5,
        "d_optimizer": "rmsprop", "d_optimizer.learning_rate": 5e-5,
    },
    # arXiv:1704.00028, Algorithm 1; layer norm in the critic, section 4
    "wgan_gp": {
        "objective": "wasserstein", "regularizer": "gradient_penalty", "batch_size": 64,
        "regularizer.weight": 10.0, "regularizer.target": 1.0, "loop.n_critic": 5,
        "d_optimizer": "adam", "d_optimizer.learning_rate": 1e-4, "d_optimizer.beta_1": 0.0,
        "d_optimizer.beta_2": 0.9, "network.discriminator_norm": "layer",
    },
    # arXiv:1802.05957, table 1, row C, and table 4; one update of D, of twice the rate, for five
    "sngan": {
        "network": "residual", "objective": "hinge", "regularizer": "none",
        "augmentation": "none", "batch_size": 64, "network.discriminator_norm": "spectral",
        "network.power_iterations": 1, "network.latent": "normal", "network.latent_dim": 128,
        "g_optimizer": "adam", "g_optimizer.learning_rate": 2e-4, "g_optimizer.beta_1": 0.0,
        "g_optimizer.beta_2": 0.9, "d_optimizer": "adam", "d_optimizer.learning_rate": 4e-4,
        "d_optimizer.beta_1": 0.0, "d_optimizer.beta_2": 0.9, "loop.n_critic": 1,
    },
    "sngan_projection": {"network": "residual", "objective": "hinge", "conditional": True},
    "ls_gan": {**ADAM_DCGAN, "objective": "loss_sensitive", "objective.loss_form": "softplus"},
    # arXiv:1606.00709, section 4.2: Adam 2e-4 with beta_1 1/2
    "fgan": {
        **ADAM_DCGAN, "network": "elu", "objective": "f_divergence", "batch_size": 100,
        "regularizer.weight": 10.0, "objective.exponent_limit": 5.0,
        "objective.tails": "algebraic",
    },
    # arXiv:1712.04086, code: Adam 1e-4 with beta_1 0.8, batches of 100
    "mixture_gan": {
        "dataset": "ring", "network": "points", "batch_size": 100,
        "d_optimizer.learning_rate": 1e-4, "d_optimizer.beta_1": 0.8,
    },
    # by measurement; what the table's rows were made with
    "mixture_gan_tuned": {
        "dataset": "grid", "batch_size": 256, "loop.ema": 0.999,
        "network.generator_widths": [128] * 5, "network.maxout_units": [128] * 3,
        "network.discriminator_activation": "leaky_relu", "network.norm": "none",
        "d_optimizer.learning_rate": 1e-3, "d_optimizer.beta_2": 0.99,
        "d_optimizer.decay": 1.0001,
    },
    # arXiv:1411.1784, section 4.2, but for narrower branches; the rest by measurement
    "tag_cgan": {
        "conditional": True, "network": "tags", "network.output": "bits",
        "objective": "wasserstein", "regularizer": "gradient_penalty", "regularizer.weight": 10.0,
        "regularizer.target": 1.0, "d_optimizer": "adam", "d_optimizer.learning_rate": 1e-3,
        "d_optimizer.beta_1": 0.5, "d_optimizer.beta_2": 0.9,
    },
    "cgan_mnist": {
        "conditional": True, "batch_size": 64, "network.width": 32,
        "network.label_input": "projection", "network.discriminator_norm": "none",
        "regularizer": "gradient_penalty", "regularizer.weight": 0.1, "regularizer.target": 0.0,
        "d_optimizer.learning_rate": 5e-4, "d_optimizer.beta_1": 0.5,
        "loop.ema": 0.999, "loop.truncation": 0.85,
    },
    # the lecture's squared error; 784-1000-500-250-30 of Science 313
    "pca": {"codec": "linear", "codec.latent_dim": 30},
    "autoencoder": {
        **AUTOENCODER, "codec": "mlp", "codec.latent_dim": 30, "corruption": "none",
        "code": "continuous", "code.activation": "linear", "penalty": "none",
    },
    "deep_autoencoder": {
        **AUTOENCODER, "codec": "mlp", "codec.widths": [1000, 500, 250], "codec.latent_dim": 30,
        "codec.decoder_widths": None, "codec.bias": "marginals",
    },
    # JMLR 11, section 4: a quarter of the pixels set to 0, codes wider than those of others
    "denoising_autoencoder": {
        **AUTOENCODER, "corruption": "masking", "corruption.share": 0.25,
    },
    # the same with three layers of 1,000, as on MNIST there
    "stacked_autoencoder": {
        "codec": "mlp", "codec.widths": [1000, 1000], "codec.latent_dim": 1000,
        "code.activation": "relu", "corruption": "masking", "corruption.share": 0.25,
        "loop.stack_steps": 1000, "optimizer.beta_2": 0.95, "split": "train[:50000]",
    },
    # Ng's notes: rho 0.05 on sigmoid units
    "sparse_autoencoder": {
        **AUTOENCODER, "code": "continuous", "code.activation": "sigmoid",
        "penalty": "target_rate", "penalty.rate": 0.05,
    },
    # arXiv:1711.00937, section 3.2: beta 0.25
    "discrete_autoencoder": {
        **AUTOENCODER, "codec": "conv", "codec.spatial": True, "code": "vector_quantised",
        "code.num_codes": 128, "code.commitment": 0.25,
    },
    "vae": VAE,
    "iwae": {**VAE, "loop.num_samples": 50},  # arXiv:1509.00519, Table 1
    # by measurement; kept chains and their restarts as in arXiv:1903.08689, section 3
    "discriminator_only": {
        "network": "dcgan", "network.width": 16, "network.hidden_units": 128,
        "objective": "non_saturating", "batch_size": 32,
        "regularizer": "gradient_penalty", "regularizer.weight": 1.0, "regularizer.target": 0.0,
        "d_optimizer": "adam", "d_optimizer.learning_rate": 1e-3, "d_optimizer.beta_1": 0.5,
        "loop.ascent_steps": 10, "loop.step_size": 10.0, "loop.noise": 0.0, "loop.restart": 0.1,
        "loop.sample_steps": 100, "loop.chains": 1024, "loop.ema": 0.99, "jit_compile": False,
    },
}  # fmt: skip


def test_the_table_misses_no_gan():
    gans = {name for name, recipe in MODELS.items() if recipe.family == "gan"}
    assert gans < set(PUBLISHED) < set(MODELS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_has_the_published_values(name):
    found = resolve(name).flat()
    wanted = PUBLISHED[name]
    if MODELS[name].family == "gan":  # the two players' optimizers are alike, or both are named
        alike = {"g" + key[1:]: value for key, value in wanted.items() if key.startswith("d_opt")}
        wanted = alike | wanted
    assert {key: found[key] for key in wanted} == wanted


@pytest.fixture(scope="module")
def built():
    return build(
        "gan_2014",
        (4, 4, 1),
        seed=7,
        generator_widths=(4,),
        maxout_units=(4,),
        steps_per_execution=3,
        jit_compile=False,
        momentum_updates=10,
        g_learning_rate=0.025,
    )


def test_settings_of_the_loop_arrive_in_the_model(built):
    assert built.seed == 7 and built.name == "gan_2014" and built.simultaneous
    assert built.steps_per_execution == 3
    assert built.jit_compile is False
    assert built.objective.discriminator_weight == 0.5


def test_settings_of_the_optimizers_arrive(built):
    for optimizer, rate in ((built.d_optimizer, 0.1), (built.g_optimizer, 0.025)):
        config = optimizer.get_config()
        assert config["momentum"] == 0.5 and config["final_momentum"] == 0.7
        assert config["momentum_updates"] == 10
        schedule = config["learning_rate"]["config"]
        assert schedule == {"start": rate, "decay": 1.000004, "floor": 1e-6}


def test_low_precision_computes_so_and_keeps_float32_weights():
    before = keras.config.dtype_policy().name
    gan = build("survey_gan", (4, 4, 1), generator_widths=(4,), precision="bfloat16")
    assert keras.config.dtype_policy().name == before
    dense = [one for one in gan.generator.layers if isinstance(one, keras.layers.Dense)]
    assert {one.dtype_policy.name for one in dense} == {"mixed_bfloat16"}
    assert {weight.dtype for weight in gan.generator.trainable_weights} == {"float32"}


def test_the_seed_decides_the_first_weights():
    def kernel(seed):
        gan = build("survey_gan", (4, 4, 1), generator_widths=(4,), seed=seed)
        return gan.generator.get_weights()[0].tolist(), gan.seed_generator.state.numpy().tolist()

    assert kernel(3) == kernel(3)
    assert kernel(3)[0] != kernel(4)[0] and kernel(3)[1] != kernel(4)[1]


# Without "kl" nothing would be filled in for f-GAN: the forms of its other divergences are one.
@pytest.mark.parametrize(("name", "overrides"), [*((n, {}) for n in MODELS), ("fgan", KL)])
def test_settings_of_this_version_are_complete(name, overrides):
    """What an earlier version computed fills gaps; it overwrites nothing that a run recorded."""
    assert complete(resolve(name, overrides)) == resolve(name, overrides)
