"""The mixture in the graph: what scikit-learn fitted comes back in draws."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.mixture import GaussianMixture as Fitted

from tfgan_survey.layers.mixture import GaussianMixture
from tfgan_survey.layers.sampling import latents_from_seeds

# Three components far apart, of different weights and shapes.
WEIGHTS = np.array([0.2, 0.3, 0.5])
MEANS = np.array([[-9.0, 0.0], [0.0, 9.0], [9.0, -3.0]])
FACTORS = np.array([[[1.0, 0.0], [0.8, 0.4]], [[0.5, 0.0], [0.0, 1.5]], [[1.0, 0.0], [-0.9, 0.6]]])
DRAWS = 20_000


@pytest.fixture(scope="module")
def points():
    generator = np.random.default_rng(0)
    chosen = generator.choice(3, size=3_000, p=WEIGHTS)
    normal = generator.normal(size=(3_000, 2))
    return MEANS[chosen] + np.einsum("nij,nj->ni", FACTORS[chosen], normal)


@pytest.fixture(scope="module")
def mixture(points):
    layer = GaussianMixture(3, 2)
    assert not layer.fitted
    layer.fit(points, seed=0)
    return layer


@pytest.fixture(scope="module")
def drawn(mixture):
    seeds = np.random.default_rng(1).normal(size=(DRAWS, 3))
    return mixture(tf.constant(seeds, tf.float32)).numpy()


def test_the_parameters_are_scikit_learn_s(mixture, points):
    found = Fitted(3, reg_covar=1e-4, random_state=0, max_iter=200).fit(points)
    np.testing.assert_allclose(mixture.cumulative, np.cumsum(found.weights_), rtol=1e-5)
    np.testing.assert_allclose(mixture.means, found.means_, rtol=1e-5, atol=1e-6)
    squares = mixture.factors.numpy() @ mixture.factors.numpy().transpose(0, 2, 1)
    np.testing.assert_allclose(squares, found.covariances_, rtol=1e-4, atol=1e-5)
    assert mixture.fitted


def test_draws_have_the_fitted_weights_means_and_covariances(mixture, drawn, points):
    """Against the fit within 4 standard errors; components are told apart by the nearest mean."""
    means = mixture.means.numpy()
    nearest = ((drawn[:, None] - means) ** 2).sum(axis=-1).argmin(axis=-1)
    weights = np.diff(mixture.cumulative.numpy(), prepend=0.0)
    for index, weight in enumerate(weights):
        own = drawn[nearest == index]
        spread = np.sqrt(weight * (1 - weight) * DRAWS)
        assert abs(len(own) - weight * DRAWS) <= 4 * spread
        factor = mixture.factors.numpy()[index]
        covariance = factor @ factor.T
        error = np.sqrt(np.diag(covariance) / len(own))
        assert (np.abs(own.mean(axis=0) - means[index]) <= 4 * error).all()
        # Var of a sample covariance: (S_ii S_jj + S_ij^2) / n
        diagonal = np.diag(covariance)
        spread = np.sqrt((np.outer(diagonal, diagonal) + covariance**2) / len(own))
        assert (np.abs(np.cov(own.T) - covariance) <= 4 * spread).all()
    assert np.abs(np.sort(weights) - WEIGHTS).max() < 0.05


def test_a_draw_is_a_function_of_its_seed_alone(mixture):
    def draw(*seeds):
        return mixture(latents_from_seeds(tf.constant(seeds, tf.int64), 3, "normal")).numpy()

    several = draw(5, 6, 7)
    np.testing.assert_array_equal(several, draw(5, 6, 7))
    np.testing.assert_array_equal(several[1:2], draw(6))
    assert len({tuple(row) for row in several}) == 3


def test_the_first_number_chooses_and_the_others_place(mixture):
    """u = Phi(n_0) against cumulative weights; n = 0 is the component's mean."""
    cumulative = mixture.cumulative.numpy()
    normal = np.linspace(-3, 3, 61)
    shares = [keras.ops.convert_to_numpy(0.5 * (1 + keras.ops.erf(n / np.sqrt(2)))) for n in normal]
    given = np.stack([normal, np.zeros(61), np.zeros(61)], axis=1)
    wanted = mixture.means.numpy()[np.searchsorted(cumulative[:-1], shares)]
    np.testing.assert_allclose(mixture(tf.constant(given, tf.float32)), wanted, atol=1e-6)


def test_one_component_is_the_data_s_gaussian(points):
    layer = GaussianMixture(1, 2)
    layer.fit(points, seed=0)
    np.testing.assert_allclose(layer.means.numpy()[0], points.mean(axis=0), rtol=1e-4, atol=1e-4)
    factor = layer.factors.numpy()[0]
    np.testing.assert_allclose(factor @ factor.T, np.cov(points.T, bias=True), rtol=1e-3)


def test_fewer_points_than_components_are_refused():
    with pytest.raises(ValueError, match="3 components cannot be fitted to 2 codes"):
        GaussianMixture(3, 2).fit(np.zeros((2, 2)), seed=0)


def test_whether_it_is_fitted_can_be_asked_in_a_graph(mixture):
    asked = tf.function(lambda: tf.constant(mixture.fitted))
    assert bool(asked())
    again = GaussianMixture.from_config(mixture.get_config())
    assert (again.components, again.dimensions, again.fitted) == (3, 2, False)
