"""Write every figure of docs/theory.md, and the numbers that it quotes.

    python benchmarks/theory_figures.py [--only NAME ...] [--output docs/figures]

Each figure is a function of its seeds; `numbers.json` beside them holds what was measured. All but
`gaussian_fits` (12 trainings) take up to a minute on one core.

Longer than other files, because each figure is one function that shares next to nothing with the
others and is read beside its section of the document.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from theory_trainings import hold_still, linear_pair, points_gan, train_gaussian, train_recorded

from tfgan_survey import pictures, theory
from tfgan_survey.data import GaussianMixture, ring
from tfgan_survey.files import write_json, written_aside

DATA, FAKE, D_COLOUR, THEORY = "#222222", "#1a9850", "#2166ac", "#b2182b"
DPI = 80


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, **options):
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, **options)


def save(figure: Figure, path: Path) -> None:
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=DPI)
    # A palette keeps line drawings small enough for a repository.
    with Image.open(path) as drawn:
        small = drawn.convert("RGB").quantize(128)
    pictures.save(small, path)


def optimal_discriminator(path: Path) -> dict:
    """D* beside a discriminator of this package, trained against a generator that stands still."""
    import keras

    from tfgan_survey.models import GAN
    from tfgan_survey.objectives.minimax import Minimax

    data, fake = GaussianMixture([-1.0, 1.5], [0.5, 0.7], [0.4, 0.6]), GaussianMixture([0.3], 1.0)
    grid = np.linspace(-3.5, 4.0, 751)
    p, q = theory.cells(data.log_density, grid), theory.cells(fake.log_density, grid)
    gan = GAN(linear_pair([[1.0]], [0.3], activation="leaky_relu"), Minimax())
    gan.compile(keras.optimizers.Adam(2e-3), keras.optimizers.SGD(0.0), jit_compile=False)
    train_recorded(gan, data.sample(200_000), 2000, lambda model: None, 500, 1024)
    d = scores_to_probabilities(gan, grid[:, None])
    best = theory.optimal_discriminator(p, q)
    exact, reached = theory.generator_value(p, q), theory.game_value(p, q, d)
    figure, axis = new_figure(6.5, 3.2)
    width = grid[1] - grid[0]
    axis.plot(grid, p / width, color=DATA, label="data p")
    axis.plot(grid, q / width, color=FAKE, label="generator q")
    axis.plot(grid, best, color=D_COLOUR, label="D* = p / (p + q)")
    axis.plot(grid[::20], d[::20], "o", color=THEORY, markersize=4, label="trained D")
    axis.set(
        title=f"V(G, D*) = -log 4 + 2 JS = {exact:.4f};  trained D reaches {reached:.4f}",
        ylim=(0, 1.05),
        xlabel="x",
    )
    axis.legend(fontsize=8)
    save(figure, path)
    return {
        "C(G)": exact,
        "V of the trained D": reached,
        "mean error of D, by p and q": float(np.abs(d - best) @ (p + q) / 2),
    }


def saturation(path: Path) -> dict:
    """The two generator losses and their slopes over the score."""
    scores = np.linspace(-10, 4, 281)
    slopes = theory.score_gradients(scores)
    figure, (left, right) = new_figure(8, 3, 1, 2)
    left.plot(scores, -np.logaddexp(0, scores), color=D_COLOUR, label="log(1 - D)")
    left.plot(scores, np.logaddexp(0, -scores), color=THEORY, label="-log D")
    left.set(title="generator loss", xlabel="score of a generated example")
    right.semilogy(scores, -slopes.saturating, color=D_COLOUR, label="log(1 - D)")
    right.semilogy(scores, -slopes.non_saturating, color=THEORY, label="-log D")
    right.set(title="size of its slope", xlabel="score of a generated example")
    for axis in (left, right):
        axis.axvspan(-10, -4, color="0.93")
        axis.legend(fontsize=8)
    save(figure, path)
    at = theory.score_gradients(np.array([-4.0, -10.0]))
    return {
        "slopes of log(1 - D) at scores -4, -10": at.saturating.tolist(),
        "slopes of -log D at scores -4, -10": at.non_saturating.tolist(),
    }


def two_lines(path: Path) -> dict:
    """JS and W1 of two parallel lines: closed form, and what trained discriminators report."""
    import keras

    from tfgan_survey.models import GAN
    from tfgan_survey.objectives.minimax import Minimax
    from tfgan_survey.objectives.wasserstein import Wasserstein
    from tfgan_survey.regularizers.gradient_penalty import GradientPenalty

    rng = np.random.default_rng(0)
    points = np.stack([np.zeros(50_000), rng.uniform(size=50_000)], 1)
    weight, shifts, found = 10.0, (-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0), {"js": [], "w1": []}
    for shift in shifts:
        for name, objective, regularizer in (
            ("js", Minimax(), None),
            ("w1", Wasserstein(), GradientPenalty(weight)),
        ):
            pair = linear_pair(
                [[0.0, 1.0]],
                [shift, 0.0],
                latent="uniform_01",
                activation="leaky_relu",
                discriminator_widths=(32, 32),
            )
            gan = GAN(pair, objective, regularizer)
            gan.compile(
                keras.optimizers.Adam(3e-3, 0.5), keras.optimizers.SGD(0.0), jit_compile=False
            )
            sums = train_recorded(
                gan, points, 600, lambda model: model.loss_means.totals.numpy()[0], 100
            )
            d_loss = (sums[-1] - sums[-2]) / 100
            found[name].append(float((math.log(4) - d_loss) / 2 if name == "js" else -d_loss))
    fine = np.linspace(-1.2, 1.2, 241)
    figure, (lines, left, right) = new_figure(9.5, 3, 1, 3, width_ratios=(1, 1.6, 1.6))
    lines.plot([0, 0], [0, 1], color=DATA, lw=3, label="data")
    lines.plot([0.5, 0.5], [0, 1], color=FAKE, lw=3, label="generator")
    lines.annotate("", (0.03, 0.5), (0.47, 0.5), arrowprops={"arrowstyle": "<->"})
    lines.text(0.25, 0.55, "shift", ha="center")
    lines.set(xlim=(-0.3, 0.8), ylim=(-0.1, 1.4), xticks=[], yticks=[])
    exact = [theory.parallel_lines(shift) for shift in fine]
    off = fine != 0
    left.plot(fine[off], np.array([e.jensen_shannon for e in exact])[off], color=D_COLOUR)
    left.plot(0, 0, "o", color=D_COLOUR, fillstyle="none", label="closed form")
    left.plot(shifts, found["js"], "x", color=THEORY, label="trained minimax D")
    left.set(title="JS: log 2 for every shift but 0", ylim=(-0.05, 0.85), xlabel="shift")
    right.plot(fine, [e.wasserstein for e in exact], color=D_COLOUR, label="W1, closed form")
    biased = np.abs(fine) + fine**2 / (2 * weight)
    right.plot(fine, biased, ":", color=D_COLOUR, label="with the penalty's bias")
    right.plot(shifts, found["w1"], "x", color=THEORY, label="trained critic")
    right.set(title="W1: falls with the shift", xlabel="shift")
    for axis in (lines, left, right):
        axis.legend(fontsize=7)
    save(figure, path)
    return {"shifts": list(shifts), "JS of trained D": found["js"], "W1 of critic": found["w1"]}


def log_d_gradient(path: Path) -> dict:
    """The gradient of the log D form by the generator's mean, D* still and moving."""
    grid = np.linspace(-8, 8, 3201)
    p = theory.cells(GaussianMixture([-1.5, 1.5], [0.7, 0.7]).log_density, grid)
    means = np.linspace(-4, 4, 161)
    found = [theory.log_d_gradients(grid, p, mean, 1.0) for mean in means]
    figure, (left, middle, right) = new_figure(10.5, 3.2, 1, 3)
    claimed = np.array([f.claimed[0] for f in found])
    still, moving = (np.array([getattr(f, n)[0] for f in found]) for n in ("still", "moving"))
    left.plot(means, claimed, color="0.75", lw=6, label="KL(q||p) - 2 JS")
    left.plot(means, still, color=D_COLOUR, label="-E_q log D*, D* still")
    left.plot(means, moving, "--", color=THEORY, label="D* moving along")
    left.set(title="gradient by the generator's mean", xlabel="mean of q")
    middle.plot(means, still - claimed, color=D_COLOUR, label="D* still")
    middle.plot(means, moving - claimed, "--", color=THEORY, label="D* moving along")
    middle.set(title="gradient minus that of KL - 2 JS", xlabel="mean of q")
    right.plot(means, [f.value for f in found], color=D_COLOUR, label="-E_q log D*")
    right.plot(means, [f.claimed_value for f in found], color="0.6", lw=3, label="KL(q||p) - 2 JS")
    right.plot(means, [f.gap for f in found], "--", color=THEORY, label="2 log 2 + E_p log D*")
    right.set(title="values, and their difference", xlabel="mean of q")
    for axis in (left, middle, right):
        axis.legend(fontsize=7)
    save(figure, path)
    one = theory.log_d_gradients(grid, p, 2.0, 1.0)
    return {
        "largest |still - claimed|": max(float(np.abs(f.still - f.claimed).max()) for f in found),
        "largest |moving - claimed|": max(float(np.abs(f.moving - f.claimed).max()) for f in found),
        "at mean 2 (still, moving, claimed)": [one.still[0], one.moving[0], one.claimed[0]],
        "at mean 2 (value, claimed value, gap)": [one.value, one.claimed_value, one.gap],
    }


def convergence(path: Path) -> dict:
    """Proposition 2: the generator's density descends C(G), D solved or in k steps."""
    grid = np.linspace(-6, 6, 601)
    p = theory.cells(GaussianMixture([-1.5, 1.0], [0.5, 0.8], [0.3, 0.7]).log_density, grid)
    start = theory.cells(GaussianMixture([2.5], 1.2).log_density, grid)
    updates, numbers = 100, {}
    figure, (left, right) = new_figure(9.5, 3.4, 1, 2)
    path_of = theory.descend(p, start, updates, rate=0.1)
    width = grid[1] - grid[0]
    left.plot(grid, p / width, color=DATA, lw=2, label="data p")
    for k, shade in ((0, 0.85), (5, 0.65), (15, 0.45), (40, 0.2)):
        colour = (0.1 * (1 + shade), 0.6, 0.3, 1 - shade + 0.15)
        left.plot(grid, path_of[k] / width, color=colour, label=f"q after {k} updates")
    left.set(title="p_g itself descends (rate 0.1, D solved)", xlabel="x")
    left.legend(fontsize=7)

    def distances(**options):
        return [
            2 * theory.jensen_shannon(p, q) for q in theory.descend(p, start, updates, **options)
        ]

    cases = [
        ("D solved, rate 1: (p + q)/2", D_COLOUR, {"rate": 1.0}),
        ("D solved, rate 0.1", THEORY, {"rate": 0.1}),
        ("D: 1 step of 0.05", "#fdae61", {"rate": 0.1, "d_steps": 1, "d_rate": 0.05}),
        ("D: 5 steps", "#d8b365", {"rate": 0.1, "d_steps": 5, "d_rate": 0.05}),
        ("D: 25 steps", "#8c510a", {"rate": 0.1, "d_steps": 25, "d_rate": 0.05}),
    ]
    for label, colour, options in cases:
        values = np.array(distances(**options))
        numbers[f"2 JS after {updates} updates, {label}"] = float(values[-1])
        numbers[f"highest 2 JS, {label}"] = float(values.max())
        right.semilogy(np.maximum(values, 1e-9), color=colour, label=label)
    bound = theory.convergence_bound(p, start, updates, 0.1)
    right.semilogy(np.arange(1, updates + 1), bound, ":", color=THEORY, label="bound KL / (0.1 k)")
    right.set(title="C(G) + log 4 = 2 JS", xlabel="generator updates", ylim=(1e-8, 10))
    right.legend(fontsize=7)
    save(figure, path)
    return numbers


def helvetica(path: Path) -> dict:
    """Train on a ring, then let G go on against a D that no longer moves."""
    from tfgan_survey.metrics import mixture_coverage

    mixture = ring(8, radius=2.0, sigma=0.15)
    centres, sigma, bounds = mixture.modes, 0.15, (-4.0, 4.0)
    points = np.clip(mixture.sample(50_000), *bounds)
    gan = points_gan(2, latent_dim=8, output_range=bounds, n_critic=5, jit_compile=False)

    def probe(model):
        return model.pair.from_unit(model.generate(1000, seed=0))

    before = train_recorded(gan, points, 5000, probe, 1000)
    hold_still(gan.d_optimizer)
    gan.n_critic = 1
    after = train_recorded(gan, points, 1000, probe, 100)

    def measured(samples):
        found = mixture_coverage(samples, centres, sigma)
        spread = float(np.sqrt(samples.var(axis=0).sum()))
        return {"modes": int(found.modes), "good": found.high_quality[0], "spread": spread}

    shown = [
        ("1,000 steps of G, 5 of D each", before[-1]),
        ("then 300 of G alone", after[3]),
        ("500 of G alone", after[5]),
        ("1,000 of G alone", after[10]),
    ]
    figure, axes = new_figure(10.5, 3, 1, 4)
    for axis, (title, samples) in zip(axes, shown, strict=True):
        axis.plot(*centres.T, "o", color="0.8", markersize=12)
        axis.plot(*samples.T, ".", color=FAKE, markersize=2)
        axis.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal")
        axis.set_title(title, fontsize=9)
        found = measured(samples)
        axis.set_xlabel(f"{found['modes']} of 8 modes, {found['good']:.0%} good", fontsize=9)
    save(figure, path)
    return {title: measured(samples) for title, samples in shown} | {
        "spread of the data": measured(points)["spread"]
    }


def gaussian_fits(path: Path) -> dict:
    """f-GAN's example: one Gaussian for a mixture, trained and solved for each divergence."""
    from tfgan_survey.objectives.divergences import DIVERGENCES

    mixture, numbers = theory.paper_mixture(), {}
    grid = np.linspace(-4, 7, 500)
    figure, axes = new_figure(10.5, 6.6, 3, 4, sharex=True, sharey=True)
    for axis, name in zip(axes.flat, DIVERGENCES, strict=True):
        best, fit = theory.best_gaussian(name, mixture), train_gaussian(name, mixture)
        axis.fill_between(grid, np.exp(mixture.log_density(grid)), color="0.85", label="mixture")
        for label, one, style in (("optimum", best, "-"), ("trained", fit, "--")):
            curve = np.exp(GaussianMixture([one.mean], one.deviation).log_density(grid))
            colour = D_COLOUR if style == "-" else THEORY
            axis.plot(grid, curve, style, color=colour, label=label)
        axis.set_title(
            f"{name}\n{best.divergence:.3f}, trained bound {fit.divergence:.3f}", fontsize=8
        )
        axis.set_ylim(0, 0.6)
        numbers[name] = {"optimum": list(best), "trained": list(fit)}
    axes.flat[0].legend(fontsize=7)
    save(figure, path)
    return numbers


def figure_1(path: Path) -> dict:
    """The paper's figure 1 as a film: data, generator and D of a real 1-D training."""
    mixture = GaussianMixture([-1.6, 1.2], [0.5, 0.7], [0.4, 0.6])
    low, high = -4.0, 4.0
    grid = np.linspace(low, high, 161)
    p = theory.cells(mixture.log_density, grid)
    edges = np.append(grid, 2 * high - grid[-2]) - (grid[1] - grid[0]) / 2
    latents = np.linspace(-1, 1, 20_001, dtype=np.float32)[:, None]
    gan = points_gan(
        1, latent_dim=1, widths=(64, 64), output_range=(low, high), learning_rate=1e-3, n_critic=3
    )

    def probe(model):
        made = model.generator(latents).numpy()[:, 0]
        q, _ = np.histogram(made, bins=edges)
        return q / q.sum(), made, scores_to_probabilities(model, grid[:, None])

    points = np.clip(mixture.sample(50_000), low, high)
    early = train_recorded(gan, points, 600, probe, 30)
    seen = [(30 * i, *one) for i, one in enumerate(early)]
    late = train_recorded(gan, points, 6000, probe, 300)
    seen += [(600 + 300 * i, *one) for i, one in enumerate(late) if i]
    frames = [_figure_1_frame(grid, p, *one, latents[:, 0]) for one in seen]
    pictures.save_film(frames, path, seconds=8)
    last_q, last_d = seen[-1][1], seen[-1][3]
    return {
        "2 JS before": 2 * theory.jensen_shannon(p, seen[0][1]),
        "2 JS at the end": 2 * theory.jensen_shannon(p, last_q),
        "2 JS of 20,001 points of the data": 2
        * theory.jensen_shannon(p, np.histogram(points[:20_001], bins=edges)[0] / 20_001),
        "mean D at the end, by p": float(p @ last_d),
        "mean |D - 1/2| at the end, by p": float(p @ np.abs(last_d - 0.5)),
        "generator steps": seen[-1][0] // 3,
    }


def _figure_1_frame(grid, p, step, q, made, d, latents) -> Image.Image:
    figure = Figure(figsize=(5.6, 3.9), dpi=DPI)
    FigureCanvasAgg(figure)
    top, bottom = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": (4, 1), "hspace": 0.12, "bottom": 0.08}
    )
    width = grid[1] - grid[0]
    smooth = np.convolve(q, np.ones(3) / 3, mode="same")
    top.plot(grid, p / width, ":", color=DATA, lw=2, label="data p")
    top.plot(grid, smooth / width, color=FAKE, label="generator q")
    top.set(ylim=(0, 0.7), ylabel="density")
    top.set_title(f"after {step // 3} generator steps", fontsize=9)
    right = top.twinx()
    right.plot(grid, d, "--", color=D_COLOUR, label="D")
    with np.errstate(invalid="ignore"):
        right.plot(grid, p / (p + smooth), color="#9ecae1", lw=2.5, label="D*", zorder=0)
    right.set(ylim=(0, 1.02), ylabel="D")
    top.legend(loc="upper left", fontsize=7)
    right.legend(loc="upper right", fontsize=7)
    span = grid[-1] - grid[0]
    for index in range(0, len(latents), 800):
        ends = [latents[index] * span / 2, made[index]]
        bottom.plot(ends, [0, 1], color="0.5", lw=0.6)
    bottom.set(ylim=(0, 1), yticks=[0, 1], yticklabels=["z", "G(z)"], xlim=(grid[0], grid[-1]))
    figure.canvas.draw()
    frame = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3])
    return frame.quantize(24, dither=Image.Dither.NONE)


def batch_norm_bound(path: Path) -> dict:
    """The survey's snippet beside its mended form, on the shipped digits."""
    from tfgan_survey.data import load_arrays
    from tfgan_survey.zoo import build

    digits = load_arrays("mnist_mini", "train")
    steps, every, curves = 1248, 52, {}
    for name in ("survey_gan_legacy", "survey_gan"):
        gan = build(name, digits.image_shape)

        def probe(model):
            totals = float(model.loss_means.totals.numpy()[0])
            layer = model.discriminator.layers[-1]
            gamma = float(layer.gamma[0]) if hasattr(layer, "gamma") else math.nan
            return totals, gamma

        seen = train_recorded(gan, digits.images, steps, probe, every, 128)
        losses = np.diff([total for total, _ in seen]) / every
        curves[name] = (losses, [abs(gamma) for _, gamma in seen[1:]])
    at = every * np.arange(1, steps // every + 1)
    figure, (left, right) = new_figure(8.5, 3.2, 1, 2)
    left.plot(at, curves["survey_gan"][0], color=FAKE, label="survey_gan (mended)")
    left.plot(at, curves["survey_gan_legacy"][0], color=THEORY, label="survey_gan_legacy")
    bound = float(theory.batch_norm_score_bound())
    left.axhline(bound, color="k", ls=":", label="log 4, Jensen's bound")
    left.set(title="d_loss on real digits", xlabel="steps", ylim=(0, None))
    right.plot(at, curves["survey_gan_legacy"][1], color=THEORY)
    right.set(title="|gamma| of the batch norm on the scores", xlabel="steps", ylim=(0, None))
    left.legend(fontsize=8)
    save(figure, path)
    legacy, gammas = curves["survey_gan_legacy"]
    return {
        "least d_loss, legacy": float(legacy.min()),
        "last d_loss, legacy": float(legacy[-1]),
        "gamma at the end": gammas[-1],
        "last d_loss, mended": float(curves["survey_gan"][0][-1]),
    }


def smoothing(path: Path) -> dict:
    """What targets and flips make of D*."""
    grid = np.linspace(-4, 5, 451)
    p = theory.cells(GaussianMixture([0.0], 1.0).log_density, grid)
    q = theory.cells(GaussianMixture([1.5], 0.8).log_density, grid)
    cases = [
        ("1 / 0", 1.0, 0.0, D_COLOUR),
        ("0.9 / 0, one-sided", 0.9, 0.0, "#4393c3"),
        ("0.7 / 0.3, or 30 % flipped", 0.7, 0.3, FAKE),
        ("50 % flipped", 0.5, 0.5, "0.4"),
        ("1.3 / 0: no score reaches it", 1.3, 0.0, THEORY),
    ]
    figure, axis = new_figure(6.5, 3.2)
    for label, real, fake, colour in cases:
        axis.plot(grid, theory.optimal_discriminator(p, q, real, fake), color=colour, label=label)
    axis.axhspan(1, 1.4, color="0.93")
    axis.set(title="D* under targets (real / fake)", xlabel="x", ylim=(0, 1.4))
    axis.legend(fontsize=7, loc="center right")
    save(figure, path)
    return {}


def scores_to_probabilities(gan, points: np.ndarray) -> np.ndarray:
    """Return D at points, shape `(n,)`."""
    scores = gan.pair.score(np.asarray(points, np.float32))
    return gan.objective.probabilities(scores).numpy()[:, 0].astype(np.float64)


FIGURES: dict[str, Callable[[Path], dict]] = {
    "optimal_discriminator": optimal_discriminator,
    "saturation": saturation,
    "two_lines": two_lines,
    "log_d_gradient": log_d_gradient,
    "convergence": convergence,
    "helvetica": helvetica,
    "gaussian_fits": gaussian_fits,
    "batch_norm_bound": batch_norm_bound,
    "smoothing": smoothing,
    "figure_1": figure_1,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=sorted(FIGURES), help="default: all")
    parser.add_argument("--output", type=Path, default=Path("docs/figures"))
    arguments = parser.parse_args()
    numbers_file = arguments.output / "numbers.json"
    numbers = json.loads(numbers_file.read_text()) if numbers_file.exists() else {}
    for name in arguments.only or FIGURES:
        start = time.perf_counter()
        path = arguments.output / f"{name}{'.gif' if name == 'figure_1' else '.png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        found = FIGURES[name](path)
        numbers[name] = json.loads(
            json.dumps(found), parse_float=lambda text: float(f"{float(text):.6g}")
        )
        write_json(numbers_file, {key: numbers[key] for key in FIGURES if key in numbers})
        seconds = time.perf_counter() - start
        print(
            f"{path}: {path.stat().st_size:,} bytes, {seconds:.0f} s  {numbers[name]}", flush=True
        )


if __name__ == "__main__":
    main()
