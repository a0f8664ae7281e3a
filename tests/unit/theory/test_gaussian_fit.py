"""One Gaussian for a mixture: the quadrature, the optima that f-GAN prints."""

import numpy as np
import pytest

from tfgan_survey import theory
from tfgan_survey.data import GaussianMixture

# Mean, deviation and divergence of the best Gaussian: f-GAN (Nowozin et al. 2016), table of the
# univariate mixture example.
PRINTED = {
    "kl": (1.0100, 1.8308, 0.2831),
    "reverse_kl": (1.5782, 1.6319, 0.2480),
    "jensen_shannon": (1.3070, 1.7542, 0.1280),
    "jeffrey": (1.3218, 1.7034, 0.5705),
    "pearson": (0.5737, 1.9274, 0.6457),
}


@pytest.mark.parametrize("name", PRINTED)
def test_numeric_optimum_is_the_one_that_the_paper_prints(name):
    np.testing.assert_allclose(
        theory.best_gaussian(name, theory.paper_mixture()), PRINTED[name], atol=6e-4
    )


def test_kl_optimum_has_the_moments_of_the_mixture():
    mixture = GaussianMixture([-2.0, 1.0], [0.5, 1.0], [0.25, 0.75])
    found = theory.best_gaussian("kl", mixture)
    assert found.mean == pytest.approx(0.25, abs=1e-4)
    variance = 0.25 * (0.25 + 4) + 0.75 * (1 + 1) - 0.25**2
    assert found.deviation == pytest.approx(np.sqrt(variance), abs=1e-4)


def test_divergences_that_are_multiples_share_their_optimum():
    mixture = theory.paper_mixture()

    def value(name):
        return theory.gaussian_divergence(name, mixture, 0.8, 1.5)

    assert value("jeffrey") == pytest.approx(value("kl") + value("reverse_kl"), abs=1e-6)
    assert value("alpha_two") == pytest.approx(value("pearson") / 2, rel=1e-6)
    assert value("alpha_half") == pytest.approx(2 * value("squared_hellinger"), rel=1e-6)
    assert value("gan") == pytest.approx(value("jensen_shannon") - np.log(4), abs=1e-6)
    # f-GAN's "Jensen-Shannon" row is twice the usual one
    grid = np.linspace(-10, 13, 4601)
    q = theory.cells(GaussianMixture([0.8], 1.5).log_density, grid)
    js = theory.jensen_shannon(theory.cells(mixture.log_density, grid), q)
    assert value("jensen_shannon") == pytest.approx(2 * js, abs=1e-5)


@pytest.mark.parametrize("name", ["kl", "total_variation"])
def test_divergence_of_a_gaussian_from_itself_is_zero(name):
    assert theory.gaussian_divergence(name, GaussianMixture([0.4], 1.2), 0.4, 1.2) == pytest.approx(
        0, abs=1e-9
    )
