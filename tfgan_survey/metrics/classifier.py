"""The small classifier behind the learnt metrics: architecture and training recipe.

It serves twice. Trained once on the real training set it is shipped in `metrics/weights/` and
gives the features of `frechet_distance` and `kernel_distance`, the probabilities of
`classifier_score` and the verdicts of `gan_test`. Trained on generated samples only it is the
`gan_train` classifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

FEATURE_DIM = 64


def build_classifier(
    image_shape: tuple[int, int, int] = (28, 28, 1), num_classes: int = 10, seed: int = 0
) -> keras.Model:
    """Build the untrained classifier: three 3x3 convolutions, one feature layer, one linear head.

    Why:
        small enough for thousands of images a second on one core, wide enough for 99.3 % on
        MNIST. The feature layer `features` is a linear map followed by batch normalisation
        without scale or centre, so that each feature has mean 0 and variance 1 on the
        training data: distances between features have a scale that can be compared between
        data sets. The rectifier comes after it, so no feature is constant.

    Args:
        image_shape: `(height, width, channels)`, height and width at least 8.
        num_classes: number of classes, at least 2.
        seed: seed of the initial weights and of the dropout.

    Returns:
        Keras model from float32 images in [0, 1] `(batch, h, w, c)` to logits
        `(batch, num_classes)`; its layer named `features` gives float32 `(batch, 64)`.

    Raises:
        ValueError: an image side below 8 or fewer than 2 classes.

    Example:
        >>> build_classifier().output_shape
        (None, 10)
    """
    import keras

    height, width, channels = image_shape
    if min(height, width) < 8:
        raise ValueError(f"image_shape {image_shape} is too small: height and width at least 8.")
    if num_classes < 2:
        raise ValueError(f"num_classes={num_classes}: a classifier needs at least 2 classes.")
    seeds = iter(np.random.SeedSequence(seed).generate_state(8).tolist())

    def kernel():
        return keras.initializers.HeNormal(seed=next(seeds))

    inputs = keras.Input((height, width, channels), name="images")
    x = keras.layers.Rescaling(2.0, -1.0)(inputs)
    for i, filters in enumerate((16, 32, 64)):
        x = keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer=kernel(),
            name=f"convolution_{i}",
        )(x)
        x = keras.layers.BatchNormalization(momentum=0.95, name=f"convolution_norm_{i}")(x)
        x = keras.layers.ReLU()(x)
        if i < 2:
            x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(0.3, seed=next(seeds))(x)
    x = keras.layers.Dense(
        FEATURE_DIM, use_bias=False, kernel_initializer=kernel(), name="embedding"
    )(x)
    x = keras.layers.BatchNormalization(momentum=0.95, scale=False, center=False, name="features")(
        x
    )
    x = keras.layers.ReLU()(x)
    x = keras.layers.Dropout(0.3, seed=next(seeds))(x)
    outputs = keras.layers.Dense(num_classes, kernel_initializer=kernel(), name="logits")(x)
    return keras.Model(inputs, outputs, name="classifier")


def shifted(images: np.ndarray, limit: int, rng: np.random.Generator) -> np.ndarray:
    """Shift every image by its own whole number of pixels, zeros coming in at the border.

    Args:
        images: any dtype, shape `(n, h, w, c)`.
        limit: largest shift in either direction, in pixels; 0 returns a copy.
        rng: source of the shifts.

    Returns:
        Array of the dtype and shape of `images`.
    """
    n, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (limit, limit), (limit, limit), (0, 0)))
    offsets = rng.integers(0, 2 * limit + 1, size=(2, n))
    rows = offsets[0][:, None] + np.arange(height)
    columns = offsets[1][:, None] + np.arange(width)
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def train_classifier(
    images: np.ndarray,
    labels: np.ndarray,
    num_classes: int = 10,
    epochs: int = 12,
    batch_size: int = 128,
    learning_rate: float = 3e-3,
    shift: int = 2,
    flip: bool = False,
    seed: int = 0,
    verbose: int = 0,
) -> keras.Model:
    """Train `build_classifier` on labelled images and return it; no test data is looked at.

    Formula:
        minimise mean_i -log softmax(f(x_i))_{y_i} by Adam, the learning rate falling from
        `learning_rate` to 0 along half a cosine; each epoch shifts every image by up to
        `shift` pixels and, with `flip`, mirrors half of them.

    Args:
        images: uint8, shape `(n, h, w, c)`.
        labels: integers in [0, num_classes), shape `(n,)`.
        num_classes: number of classes of the head.
        epochs: passes over the images.
        batch_size: images a step; an incomplete last batch of an epoch is left out.
        learning_rate: Adam's first step size.
        shift: largest shift in pixels.
        flip: mirror images left to right at random (clothes yes, digits no).
        seed: seed of weights, order, shifts and dropout; the global seeds are left alone.
        verbose: as in `keras.Model.fit`.

    Returns:
        The trained Keras model, see `build_classifier`.

    Raises:
        ValueError: fewer images than one batch.
    """
    if len(images) < batch_size:
        raise ValueError(
            f"{len(images)} images do not fill one batch of {batch_size}; give more images or a "
            "smaller batch_size."
        )
    import keras

    model = build_classifier(images.shape[1:], num_classes, seed)
    steps = len(images) // batch_size
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * steps)
    model.compile(
        keras.optimizers.Adam(schedule),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = rng.permutation(len(images))[: steps * batch_size]
        batch = shifted(images[order], shift, rng)
        if flip:
            mirrored = rng.random(len(batch)) < 0.5
            batch[mirrored] = batch[mirrored, :, ::-1]
        model.fit(
            batch.astype(np.float32) / np.float32(255),
            labels[order],
            batch_size=batch_size,
            shuffle=False,
            initial_epoch=epoch,
            epochs=epoch + 1,
            verbose=verbose,
        )
    return model
