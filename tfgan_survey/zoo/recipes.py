"""The named models: compositions as data, with the papers' settings as defaults.

An entry holds no code. Each of its blocks belongs to one axis of its family, to the loop or to the
run, and is looked up by the same path as `--set key=value`; an option that nothing has is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tfgan_survey.registry import Registry
from tfgan_survey.settings import Choice


@dataclass(frozen=True)
class Recipe:
    """One named composition.

    Args:
        summary: one line: what it is.
        source: paper or survey section, with equation or table where there is one.
        parts: axis to the value chosen on it and to its options; `optimizer` stands for every
            optimizer that the family has.
        quick: steps of the default budget, at most 10 minutes on 2 cores.
        paper: the source's own budget, in words.
        loop: options of the family's model.
        run: settings of the run, such as `batch_size`.
        family: kind of model.
    """

    summary: str
    source: str
    parts: Mapping[str, Choice]
    quick: int
    paper: str
    loop: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    family: str = "gan"


def _part(name: str, **options: Any) -> Choice:
    return Choice(name, options)


def _variant(recipe: Recipe, **changes: Any) -> Recipe:
    """Return a recipe with changes; a block that chooses the same value adds to its options."""
    parts = dict(recipe.parts)
    for axis, part in changes.pop("parts", {}).items():
        old = parts.get(axis)
        same = old is not None and old.name == part.name
        parts[axis] = Choice(part.name, {**old.options, **part.options}) if same else part
    merged = {key: {**getattr(recipe, key), **changes.pop(key, {})} for key in ("loop", "run")}
    return Recipe(**{**vars(recipe), **changes, **merged, "parts": parts})


_SNIPPET = Recipe(
    summary="the snippet to the letter: batch norm on the scores, cannot learn",
    source="survey section 2.4.3; the bound is tfgan_survey.theory.batch_norm_score_bound",
    parts={
        "network": _part("mlp", discriminator_output_norm=True),
        "objective": _part("non_saturating"),
        "optimizer": _part("adam", learning_rate=1e-3),
    },
    run={"batch_size": 128},
    quick=2_500,
    paper="100,000 iterations",
)

_SURVEY = _variant(
    _SNIPPET,
    summary="the survey snippet's MLP pair, mended: no batch norm at either end of D or on images",
    source="survey section 2.4",
    # Batch norm stays where DCGAN has it (arXiv:1511.06434, section 3): not on G's output, not in
    # D's first layer, which is its only hidden one.
    parts={
        "network": _part(
            "mlp",
            discriminator_output_norm=False,
            generator_output_norm=False,
            discriminator_norm="none",
        )
    },
    loop={"ema": 0.999},
    quick=23_400,
)

_DCGAN = Recipe(
    summary="all-convolutional pair with batch norm",
    source="Radford et al. 2016, arXiv:1511.06434, section 3; survey section 3.1.2",
    parts={
        "network": _part("dcgan"),
        "objective": _part("non_saturating"),
        "optimizer": _part("adam", learning_rate=2e-4, beta_1=0.5),
    },
    run={"batch_size": 128},
    quick=3_000,
    paper="not stated for MNIST",
)

_GAN_2014 = Recipe(
    summary="the GAN of 2014: maxout discriminator, both gradients at the same weights",
    source="Goodfellow et al. 2014, arXiv:1406.2661, section 5 and its mnist.yaml",
    parts={
        "network": _part("maxout"),
        "objective": _part("non_saturating", discriminator_weight=0.5),
        "optimizer": _part(
            "sgd", learning_rate=0.1, decay=1.000004, momentum=0.5, final_momentum=0.7
        ),
    },
    loop={"simultaneous": True},
    run={"split": "train[:50000]", "batch_size": 100},
    quick=12_000,
    paper="no stopping rule; lr and momentum ramp over 250 epochs",
)

_WGAN = _variant(
    _DCGAN,
    summary="Wasserstein distance by a critic of clipped weights",
    source="Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1; departure: DCGAN's uniform "
    "latents, the authors draw normal ones (latent=normal)",
    parts={
        "objective": _part("wasserstein"),
        "regularizer": _part("weight_clipping", clip_value=0.01),
        "optimizer": _part("rmsprop", learning_rate=5e-5),
    },
    loop={"n_critic": 5},
    run={"batch_size": 64},
    quick=16_000,
    paper="not stated for MNIST",
)

_SNGAN = Recipe(
    summary="residual pair for colour images, hinge loss, spectral normalisation",
    source="Miyato et al. 2018, arXiv:1802.05957, section 4 and table 4; departures for a CPU: "
    "width 32 (256 and 128), n_critic 1 (5), faster Adam for D, weight average",
    parts={
        "network": _part("residual", width=32),
        "objective": _part("hinge"),
        "optimizer": _part("adam", learning_rate=2e-4, beta_1=0.0, beta_2=0.9),
        # D moves once an update of G, and at twice the rate instead of five times.
        "d_optimizer": _part("adam", learning_rate=4e-4),
    },
    loop={"ema": 0.999},
    # Without XLA, whose convolutions are those of a kernel library or slower on a CPU.
    run={
        "dataset": "cifar10", "batch_size": 64, "jit_compile": False, "steps_per_execution": 1,
    },
    quick=4_000,
    paper="50,000 generator updates, each after 5 of D",
)  # fmt: skip

RECIPES: dict[str, Recipe] = {
    "survey_gan": _SURVEY,
    "survey_cgan": _variant(
        _SURVEY,
        summary="survey_gan with labels in both networks",
        source="survey sections 2.4 and 3.2.1.1; Mirza & Osindero 2014, arXiv:1411.1784",
        run={"conditional": True},
    ),
    "survey_gan_legacy": _SNIPPET,
    "cgan_mnist": _variant(
        _DCGAN,
        summary="the main job: labels by projection, slope penalty, weight average",
        source="dcgan; Miyato & Koyama 2018, arXiv:1802.05637, Eq. 3 (projection); by measurement",
        # A weak penalty in place of batch norm in D: the classifier trained on samples rose from
        # 0.964 to 0.982; truncation gives part of the diversity back for recognisable digits.
        parts={
            "network": _part("dcgan", label_input="projection", discriminator_norm="none"),
            "regularizer": _part("gradient_penalty", weight=0.1, target=0.0),
            "optimizer": _part("adam", learning_rate=5e-4),
        },
        loop={"ema": 0.999, "truncation": 0.85},
        run={"conditional": True, "batch_size": 64},
        quick=12_000,
        paper="none: 10 minutes on 2 cores",
    ),
    "gan_2014": _GAN_2014,
    "cgan_2014": _variant(
        _GAN_2014,
        summary="the conditional GAN of 2014: two branches, labels joined in both networks",
        source="Mirza & Osindero 2014, arXiv:1411.1784, section 4.1",
        # ten times the decay of gan_2014, down to 1e-6
        parts={"network": _part("two_branch"), "optimizer": _part("sgd", decay=1.00004)},
        run={"conditional": True},
        quick=20_000,
        paper="stopped at the best validation likelihood",
    ),
    "dcgan": _DCGAN,
    "cdcgan": _variant(
        _DCGAN,
        summary="dcgan with labels as extra maps and latents",
        source="Radford et al. 2016, arXiv:1511.06434, conditional MNIST code",
        paper="200 epochs of MNIST",
        run={"conditional": True},
    ),
    "lsgan": _variant(
        _DCGAN,
        summary="least squares towards targets -1, 1, 0",
        source="Mao et al. 2017, arXiv:1611.04076, Eq. 2 and section 3.2.3",
        parts={"objective": _part("least_squares", coding="pearson")},
        paper="not stated",
    ),
    "wgan": _WGAN,
    "wgan_gp": _variant(
        _WGAN,
        summary="Wasserstein distance by a critic of unit slope; layer norm in the critic",
        source="Gulrajani et al. 2017, arXiv:1704.00028, Algorithm 1; departure: DCGAN's uniform "
        "latents, the authors draw normal ones (latent=normal)",
        parts={
            "network": _part("dcgan", discriminator_norm="layer"),
            "regularizer": _part("gradient_penalty", weight=10.0),
            "optimizer": _part("adam", learning_rate=1e-4, beta_1=0.0, beta_2=0.9),
        },
        quick=11_000,
        paper="200,000 generator steps (MNIST script)",
    ),
    "sngan": _SNGAN,
    "sngan_projection": _variant(
        _SNGAN,
        summary="sngan with labels: by projection in D, in the batch norms of G",
        source="Miyato & Koyama 2018, arXiv:1802.05637, Eq. 3 and figures 14 and 15; departures as "
        "sngan's",
        run={"conditional": True},
        paper="not stated for CIFAR-10",
    ),
    "ls_gan": _variant(
        _DCGAN,
        summary="loss-sensitive GAN: margins in proportion to distance",
        source="Qi 2017, arXiv:1701.06264, Eqs. 6 and 7",
        paper="not stated for MNIST",
        # Margins through softplus: the linear form's loss has no lower bound.
        parts={"objective": _part("loss_sensitive", loss_form="softplus")},
    ),
    "fgan": Recipe(
        summary="any f-divergence through its variational bound (--set divergence=...)",
        source="Nowozin et al. 2016, arXiv:1606.00709, Eq. 4 and Table 2",
        # Not in the paper: at batch 100 the divergences collapse without the penalty, one far
        # image spoils those with steep losses without the limit, and total variation's tanh goes
        # flat (`regularizer=none`, `tails=exponential`, `exponent_limit=15` for the paper's form).
        parts={
            "network": _part("elu"),
            "objective": _part("f_divergence", exponent_limit=5.0, tails="algebraic"),
            "regularizer": _part("gradient_penalty", weight=10.0),
            "optimizer": _part("adam", learning_rate=2e-4, beta_1=0.5),
        },
        run={"batch_size": 100},
        quick=12_000,
        paper="1 hour at batch 4,096",
    ),
    "mixture_gan": Recipe(
        summary="plain GAN on points of a mixture (--dataset ring or grid), for counting modes",
        source="Lin et al. 2018, arXiv:1712.04086, section 4.1 and its code; departures: players "
        "move in turn (the code: simultaneous=true), batch norm averages by 0.99 (the code: 0.95)",
        parts={
            "network": _part("points"),
            "objective": _part("non_saturating"),
            "optimizer": _part("adam", learning_rate=1e-4, beta_1=0.8),
        },
        run={"dataset": "ring", "batch_size": 100},
        quick=20_000,
        paper="400,000 steps",
    ),
    "mixture_gan_tuned": Recipe(
        summary="points of a mixture again: leaky units, deep generator, falling rate, averaging",
        source="by measurement, beside mixture_gan",
        # Leaky units keep the modes that maxout units of the same size lose; G's depth and the
        # falling rate make the borders between modes steep, where bad points come from. On `ring`
        # the deep generator lost two modes with one seed, and none with `packing=2`.
        parts={
            "network": _part(
                "points",
                discriminator_activation="leaky_relu",
                norm="none",
                generator_widths=(128,) * 5,
                maxout_units=(128,) * 3,
                initializer="he_normal",
            ),
            "objective": _part("non_saturating"),
            "optimizer": _part("adam", learning_rate=1e-3, beta_1=0.5, beta_2=0.99, decay=1.0001),
        },
        loop={"ema": 0.999},
        run={"dataset": "grid", "batch_size": 256},
        quick=40_000,
        paper="none: 4 minutes on 1 core",
    ),
    "discriminator_only": Recipe(
        summary="no generator: a discriminator whose negatives and samples are its own ascents",
        source="lecture on GANs, training D alone; Du & Mordatch 2019, arXiv:1903.08689, section 3",
        # A classifier's loss and a slope penalty towards 0, by measurement: with a tenth of the
        # penalty the slopes are too steep for the steps, and no digits come of them.
        parts={
            "network": _part("dcgan"),
            "objective": _part("non_saturating"),
            "regularizer": _part("gradient_penalty", weight=1.0, target=0.0),
            "d_optimizer": _part("adam", learning_rate=1e-3, beta_1=0.5),
        },
        loop={"step_size": 10.0, "sample_steps": 100},
        # XLA's convolutions inside a loop are 20 times as slow as TensorFlow's own.
        run={"batch_size": 32, "jit_compile": False},
        quick=10_000,
        paper="none: 10 minutes on 1 core",
        family="discriminator_only",
    ),
}

_AUTOENCODER = Recipe(
    family="autoencoder",
    summary="pixels to a short code and back, squared error",
    source="lecture, section AutoEncoder",
    parts={
        "codec": _part("mlp", widths=(512, 256), latent_dim=30, activation="silu"),
        "optimizer": _part("adam", learning_rate=1e-3),
    },
    run={"batch_size": 128},
    quick=4_000,
    paper="not stated",
)

_VAE = Recipe(
    family="vae",
    summary="Gaussian code, Bernoulli decoder, trained on the evidence bound",
    source="Kingma & Welling 2014, arXiv:1312.6114; lecture, section VAE",
    # Weight averaging and the slow rise of the prior's part: by measurement.
    parts={
        "codec": _part("mlp", widths=(300, 300), latent_dim=40, activation="silu"),
        "reconstruction": _part("bernoulli"),
        "optimizer": _part("adam", learning_rate=5e-4),
    },
    loop={"ema": 0.999, "warm_up_steps": 10_000},
    run={"dataset": "binarised_mnist", "split": "train[:50000]", "batch_size": 100},
    quick=50_000,
    paper="not stated in epochs",
)

RECIPES |= {
    "pca": Recipe(
        family="pca",
        summary="principal components, the linear baseline; its steps only measure",
        source="lecture, section PCA, Eq. 11",
        parts={"codec": _part("linear", latent_dim=30)},
        run={"batch_size": 128},
        quick=468,
        paper="fitted at once",
    ),
    "autoencoder": _AUTOENCODER,
    "deep_autoencoder": _variant(
        _AUTOENCODER,
        summary="784-1000-500-250-30 and its mirror",
        source="Hinton & Salakhutdinov 2006, Science 313; lecture, section Deep AutoEncoder",
        parts={
            "codec": _part("mlp", widths=(1000, 500, 250)),
            "optimizer": _part("adam", decay=1.0001),
        },
        loop={"ema": 0.999},
        quick=25_000,
        paper="50 epochs a layer, then 200 of fine-tuning",
    ),
    "denoising_autoencoder": _variant(
        _AUTOENCODER,
        summary="the clean image from one with a quarter of its pixels missing",
        source="Vincent et al. 2010, JMLR 11; lecture, section Denoising AutoEncoder",
        parts={
            "codec": _part("mlp", widths=(1000,), latent_dim=500),
            "code": _part("continuous", activation="relu"),
            "corruption": _part("masking", share=0.25),
        },
        paper="until the validation error rose",
    ),
    "sparse_autoencoder": _variant(
        _AUTOENCODER,
        summary="a wide code of units that are seldom on (penalty=l1, code=k_sparse for others)",
        source="Ng 2011, lecture notes; Makhzani & Frey 2014, arXiv:1312.5663; lecture, section "
        "Sparse AutoEncoder",
        parts={
            "codec": _part("mlp", widths=(), latent_dim=1000),
            "code": _part("continuous", activation="sigmoid"),
            "penalty": _part("target_rate", rate=0.05, weight=0.1),
        },
    ),
    "discrete_autoencoder": _variant(
        _AUTOENCODER,
        summary="a 7x7 map of 128 learnt vectors (code=binary for bits)",
        source="van den Oord et al. 2017, arXiv:1711.00937; lecture, section Discrete AutoEncoder",
        parts={
            "codec": _part("conv", spatial=True, latent_dim=16),
            "code": _part("vector_quantised", num_codes=128),
        },
        loop={"ema": 0.999},
        run={"batch_size": 64},
        quick=6_000,
        paper="250,000 steps (CIFAR-10)",
    ),
    "vae": _VAE,
    "iwae": _variant(
        _VAE,
        summary="the importance-weighted bound with 50 samples",
        source="Burda et al. 2016, arXiv:1509.00519, Eq. 8; lecture, section VAE",
        loop={"num_samples": 50},
        quick=3_000,
        paper="3,280 epochs",
    ),
    "stacked_autoencoder": Recipe(
        family="autoencoder",
        summary="784-1000-1000-1000 denoising, layer by layer and then together",
        source="Vincent et al. 2010, JMLR 11, sections 3.5 and 4; departures: ReLU, Adam",
        parts={
            "codec": _part("mlp", widths=(1000, 1000), latent_dim=1000, initializer="he_normal"),
            "corruption": _part("masking", share=0.25),
            "code": _part("continuous", activation="relu"),
            "reconstruction": _part("bernoulli"),
            # A layer's moments begin at 0 when it is due, long after Adam's correction of that has
            # faded: with the usual 0.999 its first steps are several times too long. At ten times
            # this rate and 0.999 most ReLU units of the second layer fell silent.
            "optimizer": _part("adam", learning_rate=1e-4, beta_2=0.95),
        },
        loop={"stack_steps": 1_000},
        run={"split": "train[:50000]", "batch_size": 250},
        quick=4_000,
        paper="not stated in epochs",
    ),
    "classifier": Recipe(
        family="classifier",
        summary="784-1000-1000-1000-10 with dropout; start_from an autoencoder tunes its layers",
        source="Srivastava et al. 2014, JMLR 15, section 6.1.1; Vincent et al. 2010, JMLR 11",
        parts={"network": _part("mlp"), "optimizer": _part("adam", learning_rate=1e-3)},
        loop={"ema": 0.999},
        run={"split": "train[:50000]", "batch_size": 250, "conditional": True},
        quick=6_000,
        paper="not stated in epochs",
    ),
}

_CYCLEGAN = Recipe(
    family="cyclegan",
    summary="two domains without pairs: translators that undo each other",
    source="Zhu et al. 2017, arXiv:1703.10593, section 4 and the authors' code; departures: "
    "width 32 (64), 64x64 pixels (256x256), batch 4 (1)",
    # The published code's least squares lack the half that ours have in the translators' loss.
    parts={
        "network": _part("residual", width=32, blocks=6),
        "objective": _part("least_squares", coding="zero_one"),
        "optimizer": _part(
            "adam", learning_rate=2e-4, beta_1=0.5, falls_from=5_000, falls_until=10_000
        ),
    },
    loop={"adversarial_weight": 2.0, "identity_weight": 0.5, "flip": True, "jitter": 286 / 256},
    run={
        "dataset": "cycle_gan/monet2photo", "image_size": 64, "batch_size": 4,
        "jit_compile": False, "steps_per_execution": 1,
    },
    quick=10_000,
    paper="100 epochs, then 100 with a falling rate",
)  # fmt: skip

RECIPES |= {
    "cyclegan": _CYCLEGAN,
    "cyclegan_digits": _variant(
        _CYCLEGAN,
        summary="cyclegan for digits: small networks, patches as large as the image",
        source="Zhu et al. 2017, arXiv:1703.10593; sizes and norms by measurement",
        # Instance norm raises the few grey pixels of an almost black image to ghosts of strokes.
        parts={
            "network": _part(
                "residual", width=16, blocks=3, edge_kernel=3, norm="batch", padding="zeros",
                patch_norm="none", patch_width=32, patch_layers=2,
            ),
            "optimizer": _part("adam", learning_rate=1e-3, falls_from=1_500, falls_until=3_000),
        },
        loop={"identity_weight": 0.0, "flip": False, "jitter": 1.0, "ema": 0.998},
        run={
            "dataset": "mnist,ramp_mnist", "split": "train[:30000],train[30000:]",
            "image_size": None, "batch_size": 16,
        },
        quick=3_000,
        paper="none: 12 minutes on 1 core",
    ),
}  # fmt: skip

_PIX2PIX = Recipe(
    family="pix2pix",
    summary="image to image with pairs made by a degradation (--set degradation=grey)",
    source="Isola et al. 2017, arXiv:1611.07004, sections 3 and 6; departures: width 32 (64), a "
    "latent beside the dropout",
    parts={
        "network": _part("unet", width=32, patch_width=32),
        "objective": _part("non_saturating", discriminator_weight=0.5),
        "degradation": _part("low_resolution"),
        "optimizer": _part("adam", learning_rate=2e-4, beta_1=0.5),
    },
    run={
        "dataset": "cifar10", "batch_size": 16, "jit_compile": False, "steps_per_execution": 1,
    },
    quick=4_000,
    paper="200 epochs",
)  # fmt: skip

RECIPES |= {
    "pix2pix": _PIX2PIX,
    "inpainting": _variant(
        _PIX2PIX,
        summary="digits whose middle is missing, completed",
        source="Isola et al. 2017, arXiv:1611.07004; Pathak et al. 2016, arXiv:1604.07379; sizes "
        "by measurement",
        parts={
            # Without blocks the middle of the hole is drawn by what does not see its border.
            "network": _part("unet", dropout=0.0, patch_layers=2, blocks=3),
            "degradation": _part("central_mask", size=12),
            "optimizer": _part("adam", learning_rate=5e-4, falls_from=1_000, falls_until=2_000),
        },
        loop={"ema": 0.999},
        run={"dataset": "mnist", "batch_size": 64},
        quick=2_000,
        paper="none: 8 minutes on 1 core",
    ),
}

RECIPES |= {
    "tag_cgan": Recipe(
        summary="image features to tags (--dataset FILE.npz with features, tags, tag_names)",
        source="Mirza & Osindero 2014, arXiv:1411.1784, section 4.2; departures: tags as bits, "
        "narrower branches, WGAN-GP's loss, mismatched tags, by measurement",
        # With the logistic loss and sigmoids D told generated tags at once, and G gave the same few
        # common tags to all images. On Corel5k the paper's widths give D
        # thirty times the weights.
        parts={
            "network": _part(
                "tags",
                latent_width=100,
                feature_width=300,
                tag_units=100,
                feature_units=200,
                joint_units=60,
                output="bits",
            ),
            "objective": _part("wasserstein"),
            "regularizer": _part("gradient_penalty", weight=10.0),
            "optimizer": _part("adam", learning_rate=1e-3, beta_1=0.5, beta_2=0.9),
        },
        # Without mismatched tags as negatives D asks whether tags are real, not whose they are;
        # after 2,000 steps it has learnt Corel5k's images by heart.
        loop={"mismatched": True, "n_critic": 2},
        run={"dataset": "FILE.npz", "conditional": True, "batch_size": 100},
        quick=2_000,
        paper="not stated",
    ),
}

MODELS = Registry("model", RECIPES)
