"""Images as uint8 arrays in original order; pixels are scaled in the training step."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from tfgan_survey.data.examples import ExampleSet
from tfgan_survey.errors import SettingError
from tfgan_survey.settings import check_channels


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet(ExampleSet):
    """Images and labels of one split, in original order.

    Args:
        name: data set and split, for messages.
        images: uint8, shape `(n, height, width, channels)`, 0..255, channels 1 or 3.
        labels: int32, shape `(n,)`, in 0..num_classes-1.
        num_classes: number of classes of the data set, also of those absent from this split.
        class_names: `num_classes` names.

    Raises:
        ValueError: dtype or shape differs; the message names what came.

    Example:
        >>> digits = load_arrays("mnist_mini", "test[:100]")
        >>> digits.images.shape, digits.num_classes
        ((100, 28, 28, 1), 10)
    """

    def __post_init__(self):
        images = self.images
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            raise ValueError(
                f"{self.name}: images are {images.dtype} {images.shape}; expected uint8 "
                "(n, height, width, 1 or 3)."
            )
        super().__post_init__()

    def resized(self, image_size: int | tuple[int, int], crop: bool = False) -> ImageSet:
        """Resize every image with a bilinear filter that is antialiased when it shrinks.

        Args:
            image_size: the side, or `(height, width)`, in pixels, at least 1.
            crop: see `fitted`.

        Returns:
            This set when the size is already right, otherwise a new set, uint8.

        Raises:
            SettingError: a size that is not one or two positive integers.
        """
        height, width = sides(image_size)
        if (height, width) == self.image_shape[:2]:
            return self
        channels = self.image_shape[2]
        images = np.empty((len(self), height, width, channels), np.uint8)
        for source, target in zip(self.images, images, strict=True):
            picture = Image.fromarray(source[..., 0] if channels == 1 else source)
            target[...] = np.asarray(fitted(picture, height, width, crop)).reshape(target.shape)
        return dataclasses.replace(self, images=images)

    def with_channels(self, channels: int) -> ImageSet:
        """Make every image grey, or of red, green and blue.

        Formula:
            grey to colour: the grey value three times; colour to grey:
            (299 R + 587 G + 114 B) / 1000, rounded.

        Args:
            channels: 1 or 3.

        Returns:
            This set when the number is already right, otherwise a new set, uint8.

        Raises:
            SettingError: another number.

        Source:
            Pillow's conversion to "L", ITU-R 601-2 luma.
        """
        if check_channels(channels) == self.image_shape[2]:
            return self
        if channels == 3:
            images = np.repeat(self.images, 3, axis=3)
        else:
            images = np.empty((*self.images.shape[:3], 1), np.uint8)
            for source, target in zip(self.images, images, strict=True):
                target[..., 0] = np.asarray(Image.fromarray(source).convert("L"))
        return dataclasses.replace(self, images=images)


def sides(image_size: int | tuple[int, int]) -> tuple[int, int]:
    """Return height and width.

    Args:
        image_size: the side, or `(height, width)`, in pixels, at least 1.

    Raises:
        SettingError: a size that is not one or two positive integers.
    """
    size = (image_size, image_size) if np.ndim(image_size) == 0 else tuple(image_size)
    if len(size) != 2 or any(int(s) != s or s < 1 for s in size):
        raise SettingError(
            f"image_size is {image_size!r}; expected a positive integer or (height, width)."
        )
    return int(size[0]), int(size[1])


def fitted(picture: Image.Image, height: int, width: int, crop: bool = False) -> Image.Image:
    """Resize a picture with a bilinear filter that is antialiased when it shrinks.

    Args:
        picture: any size.
        height: in pixels.
        width: in pixels.
        crop: take the largest middle part of the wanted proportions, rather than stretch the whole.
    """
    box = None
    if crop:
        scale = min(picture.height / height, picture.width / width)
        top, left = (picture.height - scale * height) / 2, (picture.width - scale * width) / 2
        box = (left, top, left + scale * width, top + scale * height)
    return picture.resize((width, height), Image.Resampling.BILINEAR, box)
