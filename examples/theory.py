"""Theorems as numbers: D*, C(G), distances, Proposition 2, the snippet's bound.

python examples/theory.py; the figures are written by python benchmarks/theory_figures.py
"""

import numpy as np

from tfgan_survey import theory
from tfgan_survey.data import GaussianMixture


def main() -> None:
    grid = np.linspace(-6, 6, 601)
    p = theory.cells(GaussianMixture([-1.5, 1.0], [0.5, 0.8], [0.3, 0.7]).log_density, grid)
    q = theory.cells(GaussianMixture([0.5], 1.2).log_density, grid)

    best = theory.optimal_discriminator(p, q)
    print(f"V(G, D*)           {theory.game_value(p, q, best):.6f}")
    print(f"-log 4 + 2 JS      {theory.generator_value(p, q):.6f}")
    print("lines 0.5 apart   ", theory.parallel_lines(0.5))

    slopes = theory.score_gradients(np.array([-10.0, 0.0]))
    print("slope at score -10", slopes.saturating[0], "saturating,", slopes.non_saturating[0])

    log_d = theory.log_d_gradients(grid, p, mean=0.5, deviation=1.2)
    print("grad -E log D*     still", log_d.still, "moving", log_d.moving)
    print("grad KL - 2 JS          ", log_d.claimed)

    path = theory.descend(p, q, updates=8)
    values = [2 * theory.jensen_shannon(p, reached) for reached in path]
    print("2 JS, Proposition 2", np.array2string(np.array(values), precision=6))
    print("least d_loss with batch norm on the scores", theory.batch_norm_score_bound(0.0))
    print("best Gaussian under KL", theory.best_gaussian("kl", theory.paper_mixture()))


if __name__ == "__main__":
    main()
