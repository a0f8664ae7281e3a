"""What a discriminator's layers make of images, pooled to one row an image: features for others."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfgan_survey.data.domains import UnpairedSet
from tfgan_survey.errors import SettingError, unknown_name
from tfgan_survey.evaluation.target import Target
from tfgan_survey.files import written_aside
from tfgan_survey.layers.maxout import Maxout
from tfgan_survey.layers.packing import Pack
from tfgan_survey.models import TrainableModel
from tfgan_survey.models.discriminating import Discriminates

GRID = 4
"""Published: each layer's map is pooled to 4 x 4."""
_BATCH = 500
_NONLINEAR = (
    keras.layers.LeakyReLU, keras.layers.ReLU, keras.layers.ELU, keras.layers.PReLU, Maxout
)  # fmt: skip
_LAYER = np.dtype([("name", "U64"), ("start", "i8"), ("stop", "i8")])


class Layer(NamedTuple):
    """A layer's share of the features: its name, and its columns `start` to before `stop`."""

    name: str
    start: int
    stop: int


class LayerFeatures:
    """A discriminator as a function from images to the max-pooled features of all its layers.

    Formula:
        f(x) = (pool(a_1(x)), ..., pool(a_L(x))),  a_l: what layer l gives after its nonlinearity;
        of maps (h, w, c): pool(a)[i, j, k] = max a[p, q, k],  h i / 4 <= p < h (i + 1) / 4 rounded
        outwards, q likewise of w; sides below 4 are kept; of vectors pool(a) = a

    Why:
        What was learnt without labels, for a linear classifier to be trained on few of them. The
        score is left out: it is one linear map of the last of these. Networks are in inference
        mode, so that an image's features do not depend on the others of its batch.

        Were a conditional discriminator told the label, its features would hold it. It is told
        nothing instead, the same for every image: a code of zeros. Layers that the condition does
        not reach are what they always are; those that see nothing else, such as a branch for
        labels, are left out.

        `layers` are names and columns in the order of the network, `width` is the number of
        features, `spec` what the discriminator is built for.

    Args:
        model: a model with a discriminator; where it keeps an average of its weights to score
            with, that one is read.
        discriminator: which, where the model has several, such as `a`; None for the only one.

    Raises:
        SettingError: no discriminator, several of which none is named, one that sees several
            examples at once, or one without a nonlinear layer.
        UnknownNameError: no discriminator of that name.

    Example:
        >>> features = LayerFeatures(load_run("runs/dcgan"))
        >>> features(load_arrays("mnist", "test").images).shape
        (10000, 1536)

    Source:
        Radford et al. 2016, arXiv:1511.06434, section 5.1.
    """

    def __init__(self, model: TrainableModel, discriminator: str | None = None):
        scorers = model.scorers() if isinstance(model, Discriminates) else {}
        if not scorers:
            able = ", ".join(sorted(model.abilities)) or "nothing that is asked for by name"
            raise SettingError(
                f"{model.name} has no discriminator whose features could be read: what it can do "
                f"is {able}. Give a run of a GAN, such as dcgan."
            )
        if discriminator is None and len(scorers) > 1:
            raise SettingError(
                f"{model.name} has the discriminators {' and '.join(scorers)}: name one of them by "
                "discriminator."
            )
        self.discriminator = next(iter(scorers)) if discriminator is None else discriminator
        if self.discriminator not in scorers:
            raise unknown_name("discriminator", self.discriminator, scorers)
        self.spec, network = scorers[self.discriminator]
        outputs = dict(_image_layers(network))
        if not outputs:
            raise SettingError(
                f"the discriminator of {model.name} has no nonlinear layer: its features would be "
                "the pixels."
            )
        read = keras.Model(network.inputs, list(outputs.values()))
        sizes = [
            int(np.prod([min(GRID, side) for side in one.shape[1:-1]])) * one.shape[-1]
            for one in outputs.values()
        ]
        borders = np.cumsum([0, *sizes]).tolist()
        self.layers = tuple(map(Layer, outputs, borders, borders[1:]))
        self.width = borders[-1]

        def forward(images):
            inputs = self.spec.to_network(images)
            if self.spec.conditional:
                inputs = [inputs, _nothing(self.spec.condition, tf.shape(images)[0])]
            made = read(inputs, training=False)
            made = made if isinstance(made, list) else [made]
            return tf.concat([tf.cast(max_pooled(one), tf.float32) for one in made], axis=1)

        self._forward = tf.function(forward, reduce_retracing=True)

    def batches(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the features of up to 500 images at a time, float32 `(batch, width)`.

        Args:
            images: as data sets keep them, uint8 or points `(n, *image_shape)`, or floats in
                [0, 1].

        Raises:
            ValueError: another shape or dtype.
        """
        if tuple(images.shape[1:]) != tuple(self.spec.image_shape):
            raise ValueError(
                f"images of shape {images.shape}; expected (n, "
                f"{', '.join(map(str, self.spec.image_shape))})."
            )
        for start in range(0, len(images), _BATCH):
            yield self._forward(images[start : start + _BATCH]).numpy()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the features of all images at once, float32 `(n, width)`.

        Args:
            images: see `batches`.
        """
        made = np.empty((len(images), self.width), np.float32)
        start = 0
        for batch in self.batches(images):
            made[start : start + len(batch)] = batch
            start += len(batch)
        return made


def max_pooled(maps: tf.Tensor, grid: int = GRID) -> tf.Tensor:
    """Pool maps to a grid of their maxima, and lay them out in one row an example.

    Formula:
        see `LayerFeatures`; windows of sides that `grid` does not divide overlap

    Args:
        maps: `(batch, height, width, channels)`, or vectors `(batch, n)`, which stay as they are.
        grid: cells of a side.

    Returns:
        `(batch, min(grid, height) * min(grid, width) * channels)`.
    """
    for axis in range(1, len(maps.shape) - 1):
        size = maps.shape[axis]
        cells = min(grid, size)
        windows = [(cell * size // cells, -(-(cell + 1) * size // cells)) for cell in range(cells)]
        maps = tf.stack(
            [
                tf.reduce_max(tf.gather(maps, tf.range(*window), axis=axis), axis=axis)
                for window in windows
            ],
            axis=axis,
        )
    return tf.reshape(maps, (-1, int(np.prod(maps.shape[1:]))))


def _image_layers(network: keras.Model) -> Iterator[tuple[str, keras.KerasTensor]]:
    """Yield name and output of the nonlinear layers that the images reach, in order."""
    reached = {id(network.inputs[0])}
    for operation in network.operations:
        if isinstance(operation, Pack):
            raise SettingError(
                f"this discriminator sees {operation.size} examples at once (packing), so there "
                "are no features of one; train with packing=1."
            )
        if not any(id(one) in reached for one in tf.nest.flatten(operation.input)):
            continue
        reached |= {id(one) for one in tf.nest.flatten(operation.output)}
        activation = getattr(operation, "activation", keras.activations.linear)
        if isinstance(operation, _NONLINEAR) or activation is not keras.activations.linear:
            yield operation.name, operation.output


def _nothing(condition, num: tf.Tensor) -> tf.Tensor:
    """Return rows whose code is zero; a class of no number has the one-hot code of zeros."""
    value = tf.cast(-1 if condition.one_hot else 0, condition.dtype)
    return tf.fill((num, *condition.row_shape), value)


# ---------------------------------------------------------------------- files


def write_features(
    target: str | os.PathLike | Target,
    output: str | os.PathLike,
    split: str = "train",
    test_split: str = "test",
    *,
    discriminator: str | None = None,
    half: bool = False,
    log: Callable[[str], None] = print,
    **home,
) -> Path:
    """Write the features of a training and a test set, for classifiers and searches of any kind.

    The file is written batch by batch, so memory holds the images and one batch of features.

    Args:
        target: a run folder or `.keras` file of a model with a discriminator.
        output: the `.npz`: `features` `(n, width)`, `labels` `(n,)`, `test_features`,
            `test_labels`, and `layers`, records of `name`, `start` and `stop`, the layer's columns.
        split: which examples become `features`.
        test_split: which become `test_features`.
        discriminator: see `LayerFeatures`; of two domains, that one's images are read.
        half: float16 instead of float32, half the size.
        log: gets what the file will hold and its size.
        **home: `dataset`, `data_dir` and `source`, as for `Target`.

    Returns:
        `output`.

    Raises:
        SettingError: a file of samples, see also `LayerFeatures`; images of another shape than the
            model's; features beyond what float16 holds.
        RunError: there is no model to load.
        DataError: the data cannot be had.
        OSError: the file cannot be written.
    """
    if not isinstance(target, Target):
        target = Target(target, **home)
    if target.subject is None:
        raise SettingError(
            f"{target.path} holds samples; features are read of a discriminator: give a run folder "
            "or a .keras file."
        )
    model = target.subject.model
    features = LayerFeatures(model, discriminator)
    sets = {"": target.read(split), "test_": target.read(test_split)}
    if all(isinstance(one, UnpairedSet) for one in sets.values()) and model.domains > 1:
        sets = {prefix: getattr(one, features.discriminator) for prefix, one in sets.items()}
    for one in sets.values():
        if (shape := tuple(one.image_shape)) != tuple(features.spec.image_shape):
            raise SettingError(
                f"{model.name} takes images {'x'.join(map(str, features.spec.image_shape))}, those "
                f"of {one.name} are {'x'.join(map(str, shape))}; give --dataset."
            )
    dtype = np.dtype(np.float16 if half else np.float32)
    num = sum(len(one.images) for one in sets.values())
    megabytes = num * features.width * dtype.itemsize / 1e6
    log(
        f"{num:,} examples x {features.width:,} features of {len(features.layers)} layers, {dtype}"
        f": {megabytes:,.0f} MB"
    )
    with written_aside(output) as aside, zipfile.ZipFile(aside, "w") as archive:
        for prefix, one in sets.items():
            shape = (len(one.images), features.width)
            batches = (_cast(batch, dtype) for batch in features.batches(one.images))
            _write_array(archive, f"{prefix}features", shape, dtype, batches)
            labels = np.asarray(one.labels)
            _write_array(archive, f"{prefix}labels", labels.shape, labels.dtype, [labels])
        layers = np.array(list(features.layers), _LAYER)
        _write_array(archive, "layers", layers.shape, layers.dtype, [layers])
    return Path(output)


def _cast(batch: np.ndarray, dtype: np.dtype) -> np.ndarray:
    largest, most = float(np.abs(batch).max()), float(np.finfo(dtype).max)
    if largest > most:
        raise SettingError(
            f"features up to {largest:.3g} came, {dtype} holds {most:.3g} at most; write float32."
        )
    return batch.astype(dtype)


def _write_array(archive: zipfile.ZipFile, name: str, shape, dtype: np.dtype, parts) -> None:
    """Write one array of an `.npz` part by part, as `numpy.savez` would at once."""
    # An entry without a date, so that the same features give the same bytes.
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
        header = {
            "descr": np.lib.format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": tuple(shape),
        }
        np.lib.format.write_array_header_1_0(entry, header)
        for part in parts:
            entry.write(np.ascontiguousarray(part).tobytes())
