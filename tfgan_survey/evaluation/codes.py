"""What codes look like: where they lie, what the plane holds, the way from one to another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tfgan_survey.data.images import ImageSet
from tfgan_survey.errors import SettingError
from tfgan_survey.layers.sampling import LATENTS, latent_quantile
from tfgan_survey.models import TrainableModel

SIDE = 20
"""The lecture decodes 400 points of the plane of codes."""
STEPS = 11
MOST = 2500
"""Codes in a picture; more points cannot be told apart."""
_ENDS = ("7", "9")
# The middle 95 of 100 codes; the middle of the outermost of 20 shares of equal probability.
_OUTSIDE = 0.5 / SIDE


class Points(NamedTuple):
    """Codes as points of the plane, and how they came there, in words."""

    points: np.ndarray
    said: str


class Coded:
    """A model's codes of a data set's first examples, as they are pictured.

    Args:
        model: a model that can encode.
        data: the examples, such as a test set; a conditional model is told their labels.
        most: how many of them, from the first on.

    Raises:
        SettingError: the model cannot encode, or takes images of another shape.
    """

    def __init__(self, model: TrainableModel, data: ImageSet, most: int = MOST):
        check_codes(model.name, model, data)
        self.model, self.data = model, data
        self.images, self.labels = data.images[:most], data.labels[:most]

    @cached_property
    def codes(self) -> np.ndarray:
        """Their codes, each laid out in a row: float32 `(n, numbers)`."""
        codes = self.model.encode(self.images, *self._told(self.labels))
        return codes.reshape(len(codes), -1)

    @property
    def classes(self) -> np.ndarray | None:
        """Class ids of the examples; None where the data set tells none apart."""
        return self.labels if len(self.data.class_names) > 1 else None

    @cached_property
    def plane(self) -> Points:
        """The codes in two dimensions.

        Why:
            Two numbers are a point already. More are projected to their first two principal
            components, the plane that keeps most of their variance; one is drawn over the class.
        """
        numbers = self.codes.shape[1]
        if numbers == 2:
            return Points(self.codes, "codes of 2 numbers")
        if numbers == 1:
            over = np.zeros(len(self.codes)) if self.classes is None else self.classes
            return Points(np.column_stack([self.codes[:, 0], over]), "codes of 1 number, by class")
        from sklearn.decomposition import PCA

        fitted = PCA(2, random_state=0)
        points = fitted.fit_transform(self.codes)
        share = float(np.nan_to_num(fitted.explained_variance_ratio_).sum())
        return Points(
            points,
            f"codes of {numbers} numbers: first two principal components, {share:.0%} of the "
            "variance",
        )

    # ------------------------------------------------------------------ the plane, decoded

    @cached_property
    def ticks(self) -> np.ndarray | None:
        """Where the plane is decoded, float32 `(2, 20)`: a row an axis; None unless it has two.

        Why:
            Codes of a model with a known distribution of latents are likeliest where that is
            dense, so equal shares of its probability are shown (Kingma & Welling 2014, figure 4).
            Of other codes nothing is known but where they lie: evenly spaced points between their
            quantiles (the lecture's picture).
        """
        if self.codes.shape[1] != 2:
            return None
        if self.prior is not None:
            shares = np.linspace(_OUTSIDE, 1 - _OUTSIDE, SIDE)
            return np.tile(
                [latent_quantile(self.prior, share) for share in shares], (2, 1)
            ).astype(np.float32)  # fmt: skip
        low, high = np.quantile(self.codes, [_OUTSIDE, 1 - _OUTSIDE], axis=0)
        return np.linspace(low, high, SIDE, axis=1).astype(np.float32)

    @property
    def prior(self) -> str | None:
        """Distribution that the codes are trained towards, where it is a known one."""
        if "sample" not in self.model.abilities:
            return None
        return self.model.latent if self.model.latent in LATENTS else None

    @property
    def region(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Lowest and highest corner of what is decoded; None unless codes are of two numbers."""
        return None if self.ticks is None else (self.ticks[:, 0], self.ticks[:, -1])

    @property
    def said(self) -> str:
        """Which points are decoded, in words."""
        where = "evenly spaced in the region where the codes lie (95 % of them along each axis)"
        if self.prior is not None:
            where = f"at equal shares of the {self.prior} distribution of each number"
        told = ""
        if self.model.spec.conditional:
            told = f", all under the first example's condition ({self.labels[0]})"
        return f"{SIDE * SIDE} codes {where}{told}"

    def decoded_plane(self) -> np.ndarray:
        """Decode the plane; the first number grows to the right, the second upwards.

        Returns:
            float32 `(400, height, width, channels)` in [0, 1], row by row from the top left.

        Raises:
            SettingError: codes of other than two numbers.
        """
        if self.ticks is None:
            numbers = self.codes.shape[1]
            raise SettingError(
                f"the plane is decoded of codes of 2 numbers; these are of {numbers}."
            )
        across, up = np.meshgrid(self.ticks[0], self.ticks[1][::-1])
        codes = np.stack([across, up], axis=-1).reshape(-1, *self.model.code_shape)
        return self.model.decode(codes, *self._told(np.repeat(self.labels[:1], len(codes), axis=0)))

    def _told(self, labels: np.ndarray) -> tuple[np.ndarray, ...]:
        return (labels,) if self.model.spec.conditional else ()


# ---------------------------------------------------------------------- from one to another


class Ends(NamedTuple):
    """Two examples between whose codes a way leads, and what they are in words."""

    indices: tuple[int, int]
    names: tuple[str, str]


def ends(data: ImageSet) -> Ends:
    """Choose the first 7 and the first 9; of other data the first example of each of two classes.

    Args:
        data: the examples.

    Returns:
        Their indices, and words for them; the first two examples where there are no two classes.

    Raises:
        SettingError: fewer than two examples.
    """
    if len(data.images) < 2:
        raise SettingError(f"{data.name}: a way leads between two examples; there are "
                           f"{len(data.images)}.")  # fmt: skip
    names = list(data.class_names)
    wanted = [names.index(one) for one in _ENDS] if set(_ENDS) <= set(names) else [0, 1]
    found = [np.flatnonzero(data.labels == one) for one in wanted] if len(names) > 1 else [[], []]
    if not all(len(one) for one in found):
        return Ends((0, 1), ("the first example", "the second"))
    first, last = (int(one[0]) for one in found)
    return Ends((first, last), tuple(f"the first {names[one]}" for one in wanted))


def interpolations(
    models: Sequence[tuple[str, TrainableModel]], data: ImageSet, steps: int = STEPS
) -> dict[str, np.ndarray]:
    """Decode codes on the line between two examples' codes, model by model, below their blend.

    Formula:
        row k: decode_k(alpha a_7 + (1 - alpha) a_9),  a_i = encode_k(x_i),  alpha = 1 ... 0;
        first row: alpha x_7 + (1 - alpha) x_9

    Why:
        The blend of pixels shows both digits at once. A code that has learnt what digits have in
        common passes through digits.

    Args:
        models: names and models that can encode; each becomes a row.
        data: where the two examples are from, see `ends`.
        steps: pictures in a row, at least 2.

    Returns:
        Name to float32 `(steps, height, width, channels)` in [0, 1], `pixels` first. A conditional
        model decodes under the label of the nearer end.

    Raises:
        SettingError: a model cannot encode, or takes images of another shape; a name given twice
            or `pixels`; fewer than two steps.

    Source:
        The lecture's page on interpolation in codes.
    """
    if steps < 2:
        raise SettingError(f"steps={steps}: a way has at least its two ends.")
    names = ["pixels", *(name for name, _ in models)]
    if len(set(names)) < len(names):
        raise SettingError(f"rows are called {', '.join(names)}; each needs a name of its own.")
    both = list(ends(data).indices)
    images, labels = data.images[both], data.labels[both]
    alpha = np.linspace(1.0, 0.0, steps, dtype=np.float32)
    made = {"pixels": _blend(images.astype(np.float32) / 255.0, alpha)}
    for name, model in models:
        check_codes(name, model, data)
        told = model.spec.conditional
        codes = model.encode(images, *((labels,) if told else ()))
        nearer = np.where(alpha >= 0.5, 0, 1)
        made[name] = model.decode(_blend(codes, alpha), *((labels[nearer],) if told else ()))
    return made


def _blend(pair: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    weight = alpha.reshape(-1, *[1] * (pair.ndim - 1))
    return weight * pair[0] + (1 - weight) * pair[1]


def check_codes(name: str, model: TrainableModel, data: ImageSet) -> None:
    """Make sure that a model can encode these examples.

    Args:
        name: what it is called in the message.
        model: any model.
        data: the examples.

    Raises:
        SettingError: it cannot encode, or takes examples of another shape.
    """
    if "encode" not in model.abilities:
        able = ", ".join(sorted(model.abilities)) or "nothing that is asked for by name"
        raise SettingError(f"{name} has no codes: what it can do is {able}.")
    check_shape(name, model, data)


def check_shape(name: str, model: TrainableModel, data: ImageSet) -> None:
    """Make sure that examples are of the shape that a model takes.

    Args:
        name: what it is called in the message.
        model: any model.
        data: the examples.

    Raises:
        SettingError: they are of another.
    """
    shape = tuple(data.images.shape[1:])
    if tuple(model.spec.image_shape) != shape:
        raise SettingError(
            f"{name} takes images {'x'.join(map(str, model.spec.image_shape))}, those of "
            f"{data.name} are {'x'.join(map(str, shape))}; picture runs of one size together."
        )
