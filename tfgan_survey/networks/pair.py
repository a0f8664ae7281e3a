"""The network axis of two players: a generator and a discriminator with what they agree on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tfgan_survey.conditions import Condition, as_condition
from tfgan_survey.networks.builders import public_form
from tfgan_survey.networks.initializers import InitializerName, Initializers
from tfgan_survey.networks.scorer import Scorer
from tfgan_survey.networks.specs import Spec
from tfgan_survey.registry import checked


@keras.saving.register_keras_serializable("tfgan_survey")
class NetworkPair(Scorer):
    """Two Keras models, and the spec that both are built for.

    Args:
        generator: maps `latent` `(batch, latent_dim)` (and the condition's rows, such as `labels`
            int32 `(batch,)`) to images `(batch, *image_shape)` in `output_range`.
        discriminator: maps images (and the condition's rows) to linear `scores`, `(batch, 1)` or a
            patch map `(batch, h, w, 1)`; a sigmoid belongs to the objective.
        image_shape: see `Spec`; so are `latent_dim`, `condition`, `output_range` and `latent`.
        latent_dim: see `Spec`.
        num_classes: shorthand for the condition `Classes(num_classes)`.
        condition: see `Spec`.
        output_range: see `Spec`.
        latent: see `Spec`.

    Raises:
        ValueError: shapes disagree, or the two networks share a variable.
    """

    roles = ("generator", "discriminator")

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        image_shape: Sequence[int],
        latent_dim: int,
        num_classes: int | None = None,
        condition: Condition | int | None = None,
        output_range: tuple[float, float] | None = (0.0, 1.0),
        latent: str = "uniform",
    ):
        self.generator = generator
        super().__init__(
            discriminator, image_shape=image_shape, latent_dim=latent_dim, num_classes=num_classes,
            condition=condition, output_range=output_range, latent=latent,
        )  # fmt: skip

    def generate(self, latents: tf.Tensor, labels=None, training: bool = False, network=None):
        """Run the generator, or another network in its place.

        Args:
            latents: float32 `(batch, latent_dim)`.
            labels: the condition's rows, or None.
            training: whether it runs in training mode.
            network: in the generator's place.
        """
        inputs = latents if labels is None else [latents, labels]
        return (self.generator if network is None else network)(inputs, training=training)

    def _validate(self) -> None:
        super()._validate()
        if (made := self.generator.output_shape[1:]) != self.image_shape:
            raise ValueError(f"The generator makes {made}, image_shape is {self.image_shape}.")
        shared = {id(v) for v in self.generator.variables} & {
            id(v) for v in self.discriminator.variables
        }
        if shared:
            raise ValueError("Generator and discriminator share variables; build them apart.")


def pair_builder(
    *,
    latent_dim: int = 100,
    latent: str = "uniform",
    initializer: InitializerName | None = None,
    output_range: tuple[float, float] | None = (0.0, 1.0),
) -> Callable[[Callable], Callable[..., NetworkPair]]:
    """Make a value of the network axis out of a function that builds its two networks.

    Why:
        What every pair is asked for (shape, condition, seed, latent) is declared here once; a
        builder has its own options alone, and the public signature, which settings are read off,
        has both.

    Args:
        latent_dim: the pair's default.
        latent: the pair's default.
        initializer: the pair's default; None for a pair whose initial weights are no choice.
        output_range: of its images; None for points.

    Returns:
        A decorator. It takes a function `(spec, initializers, *, options) -> (generator,
        discriminator)`, and returns one `(image_shape, num_classes=None, *, condition=None, seed=0,
        latent_dim, latent, options, initializer) -> NetworkPair`. A generator may take a wider
        latent than it was asked to; the pair's is the generator's.

    Example:
        >>> @pair_builder(initializer="keras")
        ... def shallow(spec, initializers, *, width: Units = 8): ...
        >>> pair = shallow((28, 28, 1), num_classes=10, width=4)
    """

    def decorate(build: Callable) -> Callable[..., NetworkPair]:
        signature, doc = public_form(
            build, NetworkPair, latent_dim=latent_dim, latent=latent, initializer=initializer
        )

        def public(*args, **kwargs):
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            options = dict(given.arguments)
            taken = {name: options.pop(name) for name in ("image_shape", "latent_dim", "latent")}
            condition = as_condition(options.pop("num_classes"), options.pop("condition"))
            spec = Spec(condition=condition, output_range=output_range, **taken)
            initializers = Initializers(options.pop("initializer", "keras"), options.pop("seed"))
            generator, discriminator = build(spec, initializers, **options)
            fields = {**vars(spec), "latent_dim": generator.inputs[0].shape[-1]}
            return NetworkPair(generator, discriminator, **fields)

        functools.update_wrapper(public, build)
        public.__signature__, public.__doc__ = signature, doc
        public.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        return checked(public)

    return decorate
