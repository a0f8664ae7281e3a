"""The network axis of translation: from one domain of images to another, and patch scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import keras
from annotated_types import Ge, Le

from tfgan_survey.errors import SettingError
from tfgan_survey.layers.padding import ReflectionPadding
from tfgan_survey.layers.resampling import PixelShuffle
from tfgan_survey.layers.warp import LearntFrame
from tfgan_survey.networks.blocks import NormName, normalization
from tfgan_survey.networks.initializers import InitializerName, Initializers
from tfgan_survey.networks.scorer import Scorer
from tfgan_survey.registry import Registry, Units, checked

Upsampling = Literal["transposed", "pixel_shuffle", "nearest"]
Halvings = Annotated[int, Ge(0), Le(6)]
Blocks = Annotated[int, Ge(0), Le(64)]
# Images in [-1, 1], which tanh makes.
_RANGE = (-1.0, 1.0)
_SLOPE = 0.2
_KERNEL = 4
# tanh(2 x) is 0.96 at the ends of the range: near x, and its slope there is not 0.
_SKIPPED = 2.0
# Channels of a patch discriminator double with each halving, up to 8 times the first.
_MOST_DOUBLED = 8


@keras.saving.register_keras_serializable("tfgan_survey")
class Translation:
    """Two translators between two domains, and a discriminator for each.

    Why:
        What is known of a domain is a `Scorer`: shape, range and discriminator. A loop over two
        domains is told no more than that.

    Args:
        a: domain A.
        b: domain B.
        a_to_b: maps images of A to images of B, each in its range.
        b_to_a: the other way.

    Raises:
        ValueError: a translator's shapes are not those of the domains.
    """

    # What the rooms above ask of a spec: no condition, no latent, pictures.
    condition = num_classes = latent_dim = None
    conditional = takes_points = False

    def __init__(self, a: Scorer, b: Scorer, a_to_b: keras.Model, b_to_a: keras.Model):
        self.a, self.b, self.a_to_b, self.b_to_a = a, b, a_to_b, b_to_a
        for name, network, source, target in (("a_to_b", a_to_b, a, b), ("b_to_a", b_to_a, b, a)):
            made = network.input_shape[1:], network.output_shape[1:]
            if made != (source.image_shape, target.image_shape):
                raise ValueError(
                    f"{name} maps {made[0]} to {made[1]}; expected {source.image_shape} to "
                    f"{target.image_shape}."
                )

    @property
    def image_shape(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shapes of an image of A and of one of B."""
        return self.a.image_shape, self.b.image_shape

    def facts(self) -> dict[str, Any]:
        """Return what a client must know: the shapes of both sides."""
        return {"image_shapes": {"a": list(self.a.image_shape), "b": list(self.b.image_shape)}}

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs, the networks' own configurations included."""
        serialize = keras.saving.serialize_keras_object
        return {name: serialize(getattr(self, name)) for name in ("a", "b", "a_to_b", "b_to_a")}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Translation:
        """Build the object from what `get_config` returned."""
        return cls(**{k: keras.saving.deserialize_keras_object(v) for k, v in config.items()})


# ---------------------------------------------------------------------- discriminators


def patch_features(
    x: keras.KerasTensor, initializers: Initializers, width: int, layers: int, norm: str
) -> keras.KerasTensor:
    """Return patch scores of images: one for each place, of what is around it.

    Formula:
        C(w)-C(2w)-...-C(2^(layers-1) w) with stride 2, C(2^layers w) with stride 1, one score a
        place; kernel 4, one row of zeros on each side, LeakyReLU 0.2, no norm in the first layer.
        receptive field: r <- (r - 1) stride + 4, from the score back to the image

    Why:
        A judge of patches has few weights, takes any size, and leaves what a picture shows on the
        whole to the other losses. `layers` 1, 2, 3, 4 see 16, 34, 70, 142 pixels.

    Args:
        x: images.
        initializers: where the weights start.
        width: channels of the first layer.
        layers: those with stride 2.
        norm: of all hidden layers but the first.

    Returns:
        Linear scores `(batch, h', w', 1)`.

    Source:
        Isola et al. 2017, arXiv:1611.07004, sections 3.2.2 and 6.1.2.
    """

    def convolved(x, channels: int, strides: int, bias: bool = True):
        x = keras.layers.ZeroPadding2D(1)(x)
        return keras.layers.Conv2D(
            channels, _KERNEL, strides, use_bias=bias, kernel_initializer=initializers()
        )(x)

    x = keras.layers.LeakyReLU(_SLOPE)(convolved(x, width, 2))
    for layer in range(1, layers + 1):
        channels = width * min(2**layer, _MOST_DOUBLED)
        x = convolved(x, channels, 2 if layer < layers else 1, bias=norm == "none")
        x = normalization(norm, scale=norm != "instance")(x)
        x = keras.layers.LeakyReLU(_SLOPE)(x)
    return keras.layers.Activation("linear", dtype="float32", name="scores")(convolved(x, 1, 1))


def patch_discriminator(
    image_shape: Sequence[int], initializers: Initializers, width: int, layers: int, norm: str
) -> Scorer:
    """Return a domain with a discriminator of patches, see `patch_features`.

    Args:
        image_shape: `(height, width, channels)` of the domain.
        initializers: where the weights start.
        width: channels of the first layer.
        layers: those with stride 2.
        norm: of the hidden layers.

    Raises:
        SettingError: so few pixels that no patch is left.
    """
    smallest = 3 * 2**layers
    if min(image_shape[:2]) < smallest:
        raise SettingError(
            f"patch_layers={layers}: images of {image_shape[0]}x{image_shape[1]} have no patches "
            f"left; it needs at least {smallest} pixels a side. Take fewer layers."
        )
    images = keras.Input(tuple(image_shape), name="images")
    scores = patch_features(images, initializers, width, layers, norm)
    network = keras.Model(images, scores, name="discriminator")
    return Scorer(network, image_shape=image_shape, output_range=_RANGE)


# ---------------------------------------------------------------------- translators


class Pieces:
    """Layers of one translator, drawn from its initialisers.

    Args:
        initializers: where the weights start.
        norm: see `normalization`.
        padding: `reflection` or `zeros`.
    """

    def __init__(self, initializers: Initializers, norm: str, padding: str):
        self.initializers, self.norm, self.padding = initializers, norm, padding

    def convolved(self, x, channels: int, kernel: int, strides: int = 1):
        """Convolve, and keep the size where the stride is 1.

        Args:
            x: maps.
            channels: of the result.
            kernel: side, odd.
            strides: 1 or 2.
        """
        edge = kernel // 2
        if strides == 1 and self.padding == "reflection":
            x = ReflectionPadding(edge)(x)
        else:
            x = keras.layers.ZeroPadding2D(edge)(x)
        return self._conv(channels, kernel, strides)(x)

    def _conv(self, channels: int, kernel: int, strides: int = 1):
        return keras.layers.Conv2D(
            channels, kernel, strides, kernel_initializer=self.initializers()
        )

    def normalized(self, x):
        """Normalise; instance norm as published, without scale and shift.

        Args:
            x: maps.
        """
        return normalization(self.norm, scale=self.norm != "instance")(x)

    def block(self, x, channels: int):
        """Return x and what two convolutions add to it.

        Args:
            x: maps.
            channels: theirs.
        """
        y = self.normalized(self.convolved(x, channels, 3))
        y = self.convolved(keras.layers.ReLU()(y), channels, 3)
        return keras.layers.Add()([x, self.normalized(y)])

    def doubled(self, x, channels: int, upsampling: str):
        """Return maps of twice the side.

        Args:
            x: maps.
            channels: of the result.
            upsampling: see `residual_translator`.
        """
        if upsampling == "transposed":
            return keras.layers.Conv2DTranspose(
                channels, _KERNEL, 2, padding="same", kernel_initializer=self.initializers()
            )(x)
        if upsampling == "pixel_shuffle":
            return PixelShuffle(2)(self.convolved(x, 4 * channels, 3))
        return self.convolved(keras.layers.UpSampling2D(2)(x), channels, 3)


def residual_translator(
    source: Sequence[int],
    target: Sequence[int],
    initializers: Initializers,
    name: str,
    *,
    width: int,
    blocks: int,
    halvings: int,
    edge_kernel: int,
    norm: str,
    padding: str,
    upsampling: str,
    frame: bool,
    skip: bool,
) -> keras.Model:
    """Return a translator: convolutions down, residual blocks, convolutions up.

    Formula:
        c7(w)-d(2w)-d(4w)-R(4w) x blocks-u(2w)-u(w)-c7(channels), tanh; norm and ReLU after all but
        the last.  With skip: tanh(c7(...) + 2 x), which starts near x itself

    Args:
        source: shape of what comes in.
        target: shape of what comes out; of another size, the source is stretched to it first.
        initializers: where the weights start.
        name: of the network.
        width: w.
        blocks: how many residual blocks.
        halvings: how often the side is halved, and doubled again.
        edge_kernel: of the first and the last convolution, odd; 7 as published.
        norm: see `normalization`.
        padding: `reflection` or `zeros`.
        upsampling: `transposed` convolution (kernel 4, which covers every pixel equally often; the
            paper has 3), `pixel_shuffle`, or `nearest` pixels and a convolution.
        frame: whether a `LearntFrame` comes first.
        skip: whether the image, in its frame, is added before the tanh. Where the domains are near
            each other, translators that start as the identity keep classes that translators from
            nothing may exchange; where the frames are not, they keep the wrong ones.

    Raises:
        SettingError: the target's sides are not divisible that often, or too small; an even kernel.

    Source:
        Zhu et al. 2017, arXiv:1703.10593, section 7.2, after Johnson et al. 2016.
    """
    if edge_kernel % 2 == 0:
        raise SettingError(f"edge_kernel={edge_kernel}: expected an odd number, such as 7.")
    if any(side % 2**halvings or side // 2**halvings < 2 for side in target[:2]):
        raise SettingError(
            f"halvings={halvings}: images of {target[0]}x{target[1]} cannot be halved that often; "
            f"take fewer, or sides that are multiples of {2**halvings} (--set image_size=...)."
        )
    pieces = Pieces(initializers, norm, padding)
    relu = keras.layers.ReLU
    images = keras.Input(tuple(source), name="images")
    x = stretched(images, target)
    x = seen = LearntFrame()(x) if frame else x
    x = relu()(pieces.normalized(pieces.convolved(x, width, edge_kernel)))
    for level in range(1, halvings + 1):
        x = relu()(pieces.normalized(pieces.convolved(x, width * 2**level, 3, 2)))
    for _ in range(blocks):
        x = pieces.block(x, width * 2**halvings)
    for level in reversed(range(halvings)):
        x = relu()(pieces.normalized(pieces.doubled(x, width * 2**level, upsampling)))
    x = pieces.convolved(x, target[2], edge_kernel)
    if skip:
        x = keras.layers.Add()([x, _SKIPPED * _recoloured(seen, target[2])])
    x = keras.layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(images, x, name=name)


def _recoloured(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    """Return images with another number of channels: the mean of all, or grey in each."""
    if x.shape[-1] == channels:
        return x
    return keras.ops.repeat(keras.ops.mean(x, axis=-1, keepdims=True), channels, axis=-1)


def stretched(x: keras.KerasTensor, target: Sequence[int]) -> keras.KerasTensor:
    """Return images stretched to the size of a target where they have another.

    Args:
        x: images.
        target: `(height, width, channels)`.
    """
    if tuple(x.shape[1:3]) == tuple(target[:2]):
        return x
    return keras.layers.Resizing(*target[:2], interpolation="bilinear")(x)


# ---------------------------------------------------------------------- the axis


def translation(
    image_shape: Sequence[Sequence[int]],
    seed: int,
    initializer: InitializerName,
    translator: Callable[..., keras.Model],
    patch: tuple[int, int, str],
) -> Translation:
    """Build both translators and both discriminators.

    Args:
        image_shape: shapes of an image of A and of one of B.
        seed: of the weights.
        initializer: see `Initializers`.
        translator: makes one, of `(source, target, initializers, name)`.
        patch: width, layers and norm of the discriminators.

    Raises:
        SettingError: one shape instead of two, or shapes that the networks cannot take.
    """
    shapes = [tuple(shape) for shape in image_shape if not isinstance(shape, int)]
    if len(shapes) != 2 or any(len(shape) != 3 for shape in shapes):
        raise SettingError(
            f"translators are built for two domains of pictures; {tuple(image_shape)} came. Name "
            "two data sets, as in --dataset mnist,mnist_m.npz, or a folder with trainA and trainB."
        )
    a, b = shapes
    initializers = Initializers(initializer, seed)
    return Translation(
        patch_discriminator(a, initializers, *patch),
        patch_discriminator(b, initializers, *patch),
        translator(a, b, initializers, "a_to_b"),
        translator(b, a, initializers, "b_to_a"),
    )


@checked
def residual(
    image_shape: Sequence[Sequence[int]],
    num_classes: None = None,
    *,
    seed: int = 0,
    width: Units = 64,
    blocks: Blocks = 9,
    halvings: Halvings = 2,
    edge_kernel: Units = 7,
    norm: NormName = "instance",
    padding: Literal["reflection", "zeros"] = "reflection",
    upsampling: Upsampling = "transposed",
    frame: bool = False,
    skip: bool = False,
    patch_width: Units = 64,
    patch_layers: Annotated[int, Ge(1), Le(6)] = 3,
    patch_norm: NormName = "instance",
    initializer: InitializerName = "normal_002",
) -> Translation:
    """Build residual translators and patch discriminators for two domains.

    Args:
        image_shape: shapes of an image of A and of one of B, `(height, width, channels)` each.
        num_classes: not taken.
        seed: of the weights.
        width: see `residual_translator`; so are `blocks`, `halvings`, `edge_kernel`, `norm`,
            `padding`, `upsampling`, `frame` and `skip`. Published: 64, 9 blocks for 256x256, 6 for
            128x128.
        blocks: see `width`.
        halvings: see `width`.
        edge_kernel: see `width`.
        norm: see `width`.
        padding: see `width`.
        upsampling: see `width`.
        frame: see `width`.
        skip: see `width`.
        patch_width: see `patch_features`; so are `patch_layers` and `patch_norm`.
        patch_layers: see `patch_width`.
        patch_norm: see `patch_width`.
        initializer: see `Initializers`.

    Returns:
        The four networks; images in [-1, 1].

    Raises:
        SettingError: one shape instead of two, or images that cannot be halved so often.

    Source:
        Zhu et al. 2017, arXiv:1703.10593, section 7.2.
    """
    if num_classes is not None:
        raise SettingError("translators see no labels; leave conditional out.")

    def translator(source, target, initializers, name):
        return residual_translator(
            source, target, initializers, name, width=width, blocks=blocks, halvings=halvings,
            edge_kernel=edge_kernel, norm=norm, padding=padding, upsampling=upsampling, frame=frame,
            skip=skip,
        )  # fmt: skip

    patch = (patch_width, patch_layers, patch_norm)
    return translation(image_shape, seed, initializer, translator, patch)


TRANSLATIONS = Registry("translation", {"residual": residual})
