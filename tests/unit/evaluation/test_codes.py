"""Codes as they are pictured: against models whose weights say what they must be."""

from statistics import NormalDist

import numpy as np
import pytest

from tfgan_survey.conditions import Vector
from tfgan_survey.data.images import ImageSet
from tfgan_survey.errors import SettingError
from tfgan_survey.evaluation.codes import Coded, ends, interpolations
from tfgan_survey.zoo import build

SHAPE = (2, 3, 1)


def linear(numbers=2, **options):
    """An autoencoder whose code is the first pixels, and whose decoder puts them back."""
    model = build("autoencoder", SHAPE, output="linear", bias="zeros", widths=(),
                  latent_dim=numbers, jit_compile=False, **options)  # fmt: skip
    picks = np.eye(6, numbers, dtype=np.float32)
    for network, kernel in ((model.encoder, picks), (model.decoder, picks.T)):
        (dense,) = [one for one in network.layers if one.weights]
        dense.set_weights([kernel, np.zeros(kernel.shape[1], np.float32)])
    return model


def digits(num=200, names=tuple("0123456789"), **options):
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (num, *SHAPE)).astype(np.uint8)
    labels = rng.integers(0, len(names), num).astype(np.int32)
    return ImageSet("digits", images, labels, len(names), tuple(names), **options)


@pytest.fixture(scope="module")
def coded():
    return Coded(linear(), digits())


# ---------------------------------------------------------------------- the plane


def test_codes_of_two_numbers_are_shown_as_they_are(coded):
    expected = coded.data.images.reshape(200, 6)[:, :2] / 255
    np.testing.assert_allclose(coded.plane.points, expected, atol=1e-6)
    assert coded.plane.said == "codes of 2 numbers"
    np.testing.assert_array_equal(coded.classes, coded.data.labels)


def test_longer_codes_are_shown_by_their_two_main_directions():
    """The points' covariance is diagonal and holds the two largest eigenvalues of the codes'."""
    coded = Coded(linear(4), digits())
    values = np.linalg.eigvalsh(np.cov(coded.codes.T))[::-1]
    np.testing.assert_allclose(np.cov(coded.plane.points.T), np.diag(values[:2]), atol=1e-6)
    share = f"{values[:2].sum() / values.sum():.0%}"
    assert f"codes of 4 numbers: first two principal components, {share} of" in coded.plane.said
    assert coded.region is None
    with pytest.raises(SettingError, match="these are of 4"):
        coded.decoded_plane()


def test_a_code_of_one_number_lies_over_its_class():
    coded = Coded(linear(1), digits())
    np.testing.assert_allclose(coded.plane.points[:, 0], coded.codes[:, 0])
    np.testing.assert_array_equal(coded.plane.points[:, 1], coded.data.labels)
    alike = Coded(linear(1), digits(names=("image",)))
    assert alike.classes is None and not alike.plane.points[:, 1].any()


def test_the_decoded_plane_lies_as_the_points_do(coded):
    """400 evenly spaced codes within the middle 95 %: first number rightwards, second upwards."""
    steps = np.diff(coded.ticks, axis=1)
    np.testing.assert_allclose(steps, np.repeat(steps[:, :1], 19, axis=1), atol=1e-5)
    low, high = coded.region
    for axis in range(2):
        np.testing.assert_allclose(np.mean(coded.codes[:, axis] < low[axis]), 0.025, atol=0.006)
        np.testing.assert_allclose(np.mean(coded.codes[:, axis] > high[axis]), 0.025, atol=0.006)
    plane = coded.decoded_plane().reshape(20, 20, 6)
    for row, column in ((0, 0), (0, 19), (19, 0), (7, 12)):
        expected = [coded.ticks[0, column], coded.ticks[1, 19 - row], 0, 0, 0, 0]
        np.testing.assert_allclose(plane[row, column], expected, atol=1e-6)


def test_a_model_with_a_prior_is_decoded_at_equal_shares_of_it():
    vae = build("vae", SHAPE, widths=(4,), latent_dim=2, jit_compile=False)
    coded = Coded(vae, digits())
    shares = [[NormalDist().cdf(float(tick)) for tick in axis] for axis in coded.ticks]
    np.testing.assert_allclose(shares, np.tile((np.arange(20) + 0.5) / 20, (2, 1)), atol=1e-6)
    assert "normal distribution" in coded.said and coded.decoded_plane().shape == (400, *SHAPE)
    vae.abilities = frozenset({"encode"})
    where = np.quantile(coded.codes, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(Coded(vae, digits()).region, where, atol=1e-6)


def test_a_mixture_fitted_to_the_codes_is_no_prior(coded):
    mixed = linear(mixture_components=2)
    mixed.conclude(coded.data.images)
    assert "sample" in mixed.abilities
    np.testing.assert_array_equal(Coded(mixed, coded.data).ticks, coded.ticks)


# ---------------------------------------------------------------------- from one to another


def test_the_ends_are_the_first_7_and_the_first_9_or_of_the_first_two_classes():
    data = digits()
    found = ends(data)
    assert found.indices == (list(data.labels).index(7), list(data.labels).index(9))
    assert found.names == ("the first 7", "the first 9")
    clothes = digits(names=("shirt", "shoe", "bag"))
    expected = (list(clothes.labels).index(0), list(clothes.labels).index(1))
    assert ends(clothes) == (expected, ("the first shirt", "the first shoe"))
    absent = ImageSet("one", data.images[:9], np.full(9, 3, np.int32), 10, data.class_names)
    rows = np.zeros((9, 5), np.float32)
    for other in (absent, ImageSet("rows", data.images[:9], rows, condition=Vector(5))):
        assert ends(other) == ((0, 1), ("the first example", "the second"))
    with pytest.raises(SettingError, match="there are 1"):
        ends(ImageSet("few", data.images[:1], data.labels[:1], 10, data.class_names))


def test_the_way_is_a_line_in_pixels_and_in_every_model_s_codes():
    """decode(alpha a_7 + (1 - alpha) a_9): here the first pixels of the blend, the rest black."""
    data = digits()
    pair = data.images[list(ends(data).indices)] / 255
    made = interpolations([("two", linear(2)), ("four", linear(4))], data)
    assert list(made) == ["pixels", "two", "four"]
    alpha = np.linspace(1, 0, 11).reshape(-1, 1, 1, 1)
    blend = alpha * pair[0] + (1 - alpha) * pair[1]
    np.testing.assert_allclose(made["pixels"], blend, atol=1e-6)
    for name, numbers in (("two", 2), ("four", 4)):
        flat = made[name].reshape(11, 6)
        np.testing.assert_allclose(flat[:, :numbers], blend.reshape(11, 6)[:, :numbers], atol=1e-6)
        assert not flat[:, numbers:].any()


def test_a_conditional_model_is_told_the_label_of_the_nearer_end():
    data = digits()
    told = build("vae", SHAPE, num_classes=10, widths=(4,), latent_dim=2, jit_compile=False)
    made = interpolations([("told", told)], data, steps=5)["told"]
    indices = list(ends(data).indices)
    codes = told.encode(data.images[indices], data.labels[indices])
    alpha = np.array([1, 0.75, 0.5, 0.25, 0])[:, None]
    on_the_way = alpha * codes[0] + (1 - alpha) * codes[1]
    np.testing.assert_allclose(made, told.decode(on_the_way, np.array([7, 7, 7, 9, 9])), atol=1e-6)
    other = told.decode(on_the_way, np.array([9, 9, 9, 7, 7]))
    assert np.abs(made - other).max() > 1e-3, "labels matter"
    plane = Coded(told, data)
    first = np.repeat(data.labels[:1], 400)
    corner = [plane.ticks[0, 0], plane.ticks[1, 19]]
    np.testing.assert_allclose(
        plane.decoded_plane()[0], told.decode(np.array([corner]), first[:1])[0], atol=1e-6
    )
    assert f"the first example's condition ({data.labels[0]})" in plane.said


def test_refusals():
    data, model = digits(), linear()
    gan = build("survey_gan", SHAPE, generator_widths=(4,), discriminator_widths=(4,))
    with pytest.raises(SettingError, match="gan has no codes: what it can do is sample"):
        interpolations([("gan", gan)], data)
    with pytest.raises(SettingError, match="has no codes"):
        Coded(gan, data)
    wide = ImageSet("wide", np.zeros((4, 2, 5, 1), np.uint8), np.zeros(4, np.int32), 1, ("a",))
    with pytest.raises(SettingError, match="takes images 2x3x1, those of wide are 2x5x1"):
        interpolations([("model", model)], wide)
    for name in ("pixels", "twice"):
        with pytest.raises(SettingError, match="name of its own"):
            interpolations([(name, model), ("twice", model)], data)
    with pytest.raises(SettingError, match="two ends"):
        interpolations([("model", model)], data, steps=1)


def test_pictures_of_many_models_trace_each_once(coded):
    """Batches of 256 and the rest share a graph; else TensorFlow warns on a command's stderr."""
    model = coded.model
    for name, rows in (("encode", coded.data.images), ("decode", coded.codes)):
        getattr(model, name)(rows, batch_size=64)
        assert model._traced[name].experimental_get_tracing_count() == 1
