"""Numbers in the documents are those of the files that the committed commands wrote.

A measured number gets a sentence here: an f-string of the document's own words, whose numbers come
from the JSON. `test_every_measured_number_has_its_sentence` finds those without one. Hence the
length of this file: it has the sentences of all documents.
"""

import json
import re
from functools import cache
from pathlib import Path
from statistics import fmean, stdev

import ablations
import critic_loss
import discriminator_features
import inpainting
import numpy as np
import pretraining
import pytest
import reproduce
import tagging
import translation

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "benchmarks" / "results"


@cache
def read(path):
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def flat(text):
    """Line breaks are the editor's business."""
    return " ".join(text.split())


@cache
def document(name):
    return flat((ROOT / name).read_text(encoding="utf-8"))


def run(row, steps, seed=0):
    return read(f"benchmarks/results/reproduce/{row}-{steps}steps-seed{seed}.json")


def measured(record, name):
    return next(one for one in record["measurements"] if one["name"] == name)


def value(record, name):
    return measured(record, name)["value"]


def reference(record, name, kind="real"):
    found = measured(record, name)["reference"]
    return next(one for one in found if one["name"].startswith(kind))


def seeds(row, steps, name):
    return [value(run(row, steps, seed), name) for seed in range(3)]


def table_records(page=reproduce.MEASURED):
    """The files behind a page's table: of each row those with most steps."""
    for row, settings in reproduce._rows().items():
        if settings.page != page:
            continue
        paths = sorted((RESULTS / "reproduce").glob(f"{row}-*steps-seed*.json"))
        found = [one for one in (read(path.relative_to(ROOT)) for path in paths)]
        found = [one for one in found if one["row"] == row]
        for one in found:
            if one["steps"] == max(other["steps"] for other in found):
                yield row, settings, one


# ---------------------------------------------------------------------- docs/measurements.md


def main_job():
    record = run("cgan_mnist", 12_000)
    minutes = record["training_seconds"] / 60
    yield f"12,000 steps, {minutes:.0f} minutes on one core"

    def cell(one, digits):
        return f"{one['value']:.{digits}f} +- {one['standard_error']:.{digits}f}"

    names = ("gan_test", "gan_train", "frechet_distance")
    test, train, frechet = (measured(record, name) for name in names)
    real = {name: reference(record, name) for name in (*names, "precision", "recall")}
    untrained = reference(record, "frechet_distance", "untrained")
    yield (f"(`gan_test`) | {cell(test, 4)} | 0.99 | {real['gan_test']['value']:.4f} | - |")
    yield (
        f"(`gan_train`, 3 seeds) | {cell(train, 4)} | 0.97 | {real['gan_train']['value']:.4f} | - |"
    )
    diversity, worst = (
        [value(record, name), reference(record, name)["value"]]
        for name in ("class_diversity", "worst_class_diversity")
    )
    yield (
        f"| {diversity[0]:.3f} ({worst[0]:.3f}) | 0.93 | {diversity[1]:.3f} ({worst[1]:.3f}) | - |"
    )
    yield (
        f"| Frechet distance | {cell(frechet, 3)} | | {cell(real['frechet_distance'], 3)} "
        f"| {untrained['value']:.0f} |"
    )
    both = [
        [pick(record, name) for name in ("precision", "recall")]
        for pick in (
            value,
            lambda record, name: reference(record, name)["value"],
            lambda record, name: reference(record, name, "untrained")["value"],
        )
    ]
    own, images, none = both
    yield (
        f"| precision / recall | {own[0]:.3f} / {own[1]:.3f} | | {images[0]:.3f} / {images[1]:.3f} "
        f"| {none[0]:.0f} / {none[1]:.0f} |"
    )
    yield f"classifier ({100 * real['gan_test']['value']:.2f} % on the test set)"


def beside_pytorch():
    other, record = read("benchmarks/results/pytorch_cgan.json"), run("cgan_mnist", 12_000)
    yield f"in PyTorch {'.'.join(other['torch'].split('.')[:2])} ("
    yield f"--minutes {other['training_seconds'] / 60:.0f}`)"
    names = ("frechet_distance", "gan_test", "gan_train", "class_diversity", "precision", "recall")
    for start, digits, get in (
        (f"`cgan_mnist`, {record['steps']:,} steps", 3, lambda name: value(record, name)),
        (f"PyTorch-GAN's `cgan`, {other['steps']:,} steps", 2, other.get),
    ):
        frechet, *rest = (get(name) for name in names)
        test, train, diversity, precision, recall = (f"{one:.3f}" for one in rest)
        yield (
            f"| {start} | {frechet:.{digits}f} | {test} | {train} | {diversity} "
            f"| {precision} / {recall} |"
        )


def reproduction():
    yield flat(reproduce.table())
    low, high = [], []
    for row, settings, one in table_records():
        (high if row == "gan_2014" else low).append(one["training_seconds"] / 60)
        if settings.dataset == "mnist":
            untrained = reference(one, "frechet_distance", "untrained")["value"]
            assert value(one, "frechet_distance") < untrained / 5, row
            score = {m["name"]: m["value"] for m in one["measurements"]}.get("classifier_score", 9)
            assert (score < 5) == (row in ("wgan", "survey_gan")), row
    yield f"in {min(low):.0f} to {max(low):.0f} minutes on one core (`gan_2014`: {high[0]:.0f})"
    first, last = (value(run("wgan", steps), "classifier_score") for steps in (9_000, 16_000))
    yield f"had {first:.1f} after 9,000 steps and {last:.1f} after 16,000, still rising"
    a, b, c = (value(run("survey_gan", s), "classifier_score") for s in (18_750, 23_400, 46_800))
    yield f"`survey_gan` had {a:.1f}, {b:.1f} and {c:.1f} after 18,750, 23,400 and 46,800 steps"
    quick = run("gan_2014", 12_000)
    yield f"only `gan_2014` (12,000 steps, score {value(quick, 'classifier_score'):.1f})"


def against_225():
    best = run("pearson-averaged", 20_000)
    assert min(seeds("pearson-averaged", 20_000, "parzen_log_likelihood")) > 225
    minutes = sorted(run("pearson-averaged", 20_000, s)["training_seconds"] / 60 for s in range(3))
    yield f"`pearson-averaged` passes it in {minutes[1]:.0f} minutes on one core"
    plain = value(run("fgan-pearson", 6_000), "parzen_log_likelihood")
    yield f"`fgan-pearson` has {plain:.0f} after 6,000 steps"
    falling = run("pearson-averaged-falling", 60_000)
    for name, sign in (("parzen_log_likelihood", 1), ("frechet_distance", -1)):
        assert sign * value(falling, name) < sign * value(best, name)
    yield "three times the steps lower the score and do not help the Frechet distance"
    ratio = value(run("cgan_mnist", 12_000), "frechet_distance") / fmean(
        seeds("pearson-averaged", 20_000, "frechet_distance")
    )
    assert ratio == pytest.approx(1 / 3, abs=0.05)
    yield "`cgan_mnist`, with a third of that Frechet distance"


def mixtures():
    kept = [sorted(seeds(row, 40_000, "modes")) for row in ("ring", "grid")]
    (a, b, c), (d, e, f) = ([f"{one:.0f}" for one in modes] for modes in kept)
    yield f"kept {a}, {b} and {c} of 8 and {d}, {e} and {f} of 25"
    tuned = [run(f"{name}-tuned", 40_000, seed) for name in ("ring", "grid") for seed in range(3)]
    assert {value(one, "modes") for one in tuned} == {8, 25}
    minutes = [one["training_seconds"] / 60 for one in tuned]
    yield f"all modes in {min(minutes):.1f} to {max(minutes):.1f} minutes on one core (six runs)"


def train_steps():
    rows = {one["network"]: one for one in read("benchmarks/results/train_step.json")}
    assert {one["repeats"] for one in rows.values()} == {7}
    for title, name, digits in (("survey MLP", "mlp", 0), ("dcgan, width 32", "dcgan", 1)):
        row = rows[name]
        cells = [
            f"{row['median'][who]:.{digits}f} ({min(all_):.{digits}f} to {max(all_):.{digits}f})"
            for who, all_ in row["steps_per_second"].items()
            if who != "floor"
        ]
        ratios = [f"{row['ratio'][f'ours/{who}']:.2f}" for who in ("guide", "pytorch")]
        yield f"| {title} | " + " | ".join([*cells, f"{row['median']['floor']:.0f}", *ratios])
    reached = [
        rows["mlp"]["ratio"]["ours/guide"] >= 1.8,
        rows["mlp"]["ratio"]["ours/pytorch"] >= 1.3,
        rows["dcgan"]["ratio"]["ours/guide"] >= 1.2,
    ]
    assert reached == [True, False, False]
    yield "1.8 and 1.3 on the MLP and 1.2 over the guide on the convolutional pair; the last two"


def serving():
    results = read("benchmarks/results/serving.json")
    yield f"--seconds {results['seconds']}`"
    ours, mlp = results["models"]

    def at(protocol, rows, batching, key):
        wanted = {"protocol": protocol, "rows": rows, "batching": batching, "clients": 64}
        return next(one for one in ours["runs"] if wanted.items() <= one.items())[key]

    floor, grpc, rest = (one for one in ours["goals"][:3])
    off, on = (at("grpc", 16, batching, "images_per_second") for batching in (False, True))
    yield (
        f"| gRPC, 16 images a request | {off:,.0f} images/s | {on:,.0f} images/s, "
        f"{floor['value']:.2f} of the floor ({ours['floor']['images_per_second']:,.0f}) "
        f"| {on / off:.2f} |"
    )
    for name, protocol, goal in (("gRPC", "grpc", grpc), ("REST", "rest", rest)):
        off, on = (at(protocol, 1, batching, "requests_per_second") for batching in (False, True))
        yield (
            f"| {name}, 1 image | {off:,.0f} requests/s | {on:,.0f} requests/s "
            f"| {goal['value']:.2f} (bound {goal['bound']:.1f}) |"
        )
    assert [one["goal"] for one in ours["goals"]] == [0.6, 1.3, 1.3, *[5.0] * 8]
    assert [one["reached"] for one in (floor, grpc, rest)] == [True, True, False]
    yield "The goals were 0.6 of the floor, 1.3 for the gain of batching and a p99"
    for model in (ours, mlp):
        tails = {one["what"]: one["value"] for one in model["goals"][3:]}
        for label, batching in (("unbatched", "off"), ("batched", "on")):
            cells = [
                next(
                    f"{value:.1f}"
                    for what, value in tails.items()
                    if what.startswith(f"{protocol}, batching {batching}, {rows} images")
                )
                for protocol in ("grpc", "rest")
                for rows in (1, 16)
            ]
            yield f"| `{model['model']}`, {label} | " + " | ".join(cells) + " |"
    missed = sum(not one["reached"] for one in mlp["goals"][3:])
    part, over_grpc, over_rest = (one["value"] for one in mlp["goals"][:3])
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
    yield (
        f"so it misses more: {part:.2f} of a floor of {mlp['floor']['images_per_second']:,.0f} "
        f"images/s, a gain of {over_grpc:.2f} over gRPC ({over_rest:.2f} over REST), "
        f"{words[missed]} of eight quotients"
    )


def inception():
    found = read("benchmarks/results/inception_cifar10.json")
    yield f"images of CIFAR-10 give {found['value']:.4f}, published as {found['published']}"


# ---------------------------------------------------------------------- docs/theory.md


def theory_figures():
    numbers = read("docs/figures/numbers.json")
    slopes = numbers["saturation"]
    losses = ("log(1 - D)", "-log D")
    gone, kept = (-slopes[f"slopes of {name} at scores -4, -10"][1] for name in losses)
    yield f"the first is gone: {gone:.6f} against {kept:.6f} at s = -10"
    log_d = numbers["log_d_gradient"]
    still = f"{log_d['largest |still - claimed|']:.0e}".replace("e-0", "e-")
    yield f"difference over 161 generators is {still}"
    yield f"by up to {log_d['largest |moving - claimed|']:.2f}"
    lines = numbers["two_lines"]
    js = dict(zip(lines["shifts"], lines["JS of trained D"], strict=True))
    apart = [found for shift, found in js.items() if shift]
    yield f"minimax {min(apart):.4f} to {max(apart):.4f} everywhere"
    w1 = dict(zip(lines["shifts"], lines["W1 of critic"], strict=True))
    yield (
        f"gradient penalty {w1[0.2]:.3f}, {w1[0.5]:.3f}, {w1[1.0]:.3f} for shifts of 0.2, 0.5, 1"
    )
    film = numbers["figure_1"]
    yield (
        f"2 JS has fallen from {film['2 JS before']:.3f} to {film['2 JS at the end']:.3f} (as many "
        f"points drawn from the data: {film['2 JS of 20,001 points of the data']:.3f})"
    )
    at = [
        numbers["helvetica"][name]
        for name in (
            "1,000 steps of G, 5 of D each",
            "then 300 of G alone",
            "500 of G alone",
            "1,000 of G alone",
        )
    ]
    good, modes = ([one[key] for one in at] for key in ("good", "modes"))
    a, b, c = (f"{100 * one:.0f} %" for one in good[:3])
    yield f"better, {a}, {b}, {c} within three deviations of a mode"
    yield (f"modes vanish: {modes[0]}, {modes[1]}, {modes[2]}, and after 1,000 steps {modes[3]}.")
    bound = numbers["batch_norm_bound"]
    yield (
        f"d_loss comes down to {bound['least d_loss, legacy']:.4f} in 1,248 steps (log 4 = "
        f"{np.log(4):.4f}) and gamma to {bound['gamma at the end']:.2f}; the mended form is at "
        f"{bound['last d_loss, mended']:.2g}."
    )


def gaussian_fits():
    fits = read("docs/figures/numbers.json")["gaussian_fits"]
    off, short = [], []
    for name, fit in fits.items():
        (mean, deviation, d_f), (m, s, reached) = fit["optimum"], fit["trained"]
        reached = abs(reached) if abs(reached) < 5e-5 else reached
        yield (
            f"| {name} | {mean:.3f}, {deviation:.3f} | {d_f:.4f} | {m:.3f}, {s:.3f} "
            f"| {reached:.4f} |"
        )
        if name != "total_variation":
            off.append((abs(m - mean), abs(s - deviation)))
            if name != "gan":
                short.append(100 * (1 - reached / d_f))
    mean, deviation = np.max(off, axis=0)
    yield (
        f"Eleven of twelve land within {np.ceil(1000 * mean) / 1000:.3f} of the optimal mean and "
        f"{np.ceil(1000 * deviation) / 1000:.3f} of the deviation; their bounds are "
        f"{min(short):.0f} to {max(short):.0f} % below the divergence"
    )
    mean, deviation, _ = fits["kl"]["optimum"]
    yield f"KL matches mean and deviation ({mean:.3f}, {deviation:.3f})"


def ablation_rows():
    runs = ablations.read_runs(RESULTS / "ablations")

    def of(name, key="frechet_distance", digits=0):
        found = [one[key] for one in runs[name]]
        return f"{fmean(found):.{digits}f}", f"{stdev(found):.{digits}f}"

    def pair(name):
        return " ± ".join(of(name))

    mean = {name: fmean(one["frechet_distance"] for one in found) for name, found in runs.items()}
    yield (
        f"slope at generated images falls from {of('base', 'slope', 1)[0]} to "
        f"{of('both_0.7_0.3', 'slope', 1)[0]}"
    )
    smoothed = ("base", "real_0.9", "real_0.7", "real_1.3", "both_0.9_0.1", "both_0.7_0.3")
    assert max(smoothed, key=mean.get) == "real_1.3"
    yield f"worst of the six, d_loss is at {of('real_1.3', 'd_loss')[0]} after 2,000 steps"
    assert mean["no_norm_in_d"] - mean["base"] == pytest.approx(11, abs=1.5)
    yield f"D of the mlp it does harm ({pair('mlp_norm_in_d')} against {pair('mlp_leaky')})"
    third, seventh = (fmean(one[key] for one in runs["mlp_relu"]) for key in ("silent", "dead"))
    assert (third, seventh) == (pytest.approx(1 / 3, abs=0.02), pytest.approx(1 / 7, abs=0.02))
    yield "a third of the activations pass nothing and a seventh of the units are dead"
    yield (
        f"(distance {pair('mlp_relu')}), with ELU there are digits ({pair('mlp_elu')}). But Leaky "
        f"ReLU, without a silent unit, is little better ({pair('mlp_leaky')})"
    )
    assert min(mean, key=mean.get) == "pixel_shuffle"
    yield "PixelShuffle in G is the best of all rows"
    yield f"({sum(map(len, runs.values()))} runs, about an hour)"


# ---------------------------------------------------------------------- docs/critic_loss.md


def critic():
    found = {name: one[0] for name, one in critic_loss.read_runs(RESULTS / "critic_loss").items()}
    described = {name: critic_loss.describe(one) for name, one in found.items()}
    warm = {name: f"{one['warm']:.2f}" for name, one in described.items()}
    final = {name: f"{one['final']:.0f}" for name, one in described.items()}
    yield f"rank correlation {warm['wgan']} for weight clipping and {warm['wgan_gp']} for the"
    yield f"does not follow: {warm['dcgan']}, it stands still near"
    js = critic_loss.distance_estimate(found["dcgan"])[6:]
    yield f"stands still near {np.median(js):.2f} while the Frechet distance falls from"
    distances = found["dcgan"]["curve"]["frechet_distance"]
    yield f"distance falls from {distances[6]:.0f} to {distances[-1]:.0f}."
    rising = critic_loss.distance_estimate(found["wgan_gp_mlp"])
    yield (
        f"improve ({warm['wgan_gp_mlp']} over all, {min(rising[10:]):.1f} to {rising[-1]:.1f} at "
        "the end)"
    )
    yield f"critic's loss stays level ({warm['wgan_no_norm_in_g']})"
    ends = [critic_loss.distance_estimate(found[name])[-1] for name in ("wgan", "wgan_gp")]
    yield f"it says nothing ({ends[0]:.1f} here, {ends[1]:.0f} there)"
    mlp = described["dcgan_mlp"]
    yield f"(Frechet distance {mlp['final']:.0f}, score {mlp['score']:.1f}; its D wins"
    yield f"both critics' go on to {final['wgan_mlp']} and {final['wgan_gp_mlp']}."
    yield f"it loses quality ({final['dcgan_no_norm_in_g']} against {final['dcgan']})"
    yield (
        f"more slowly: {final['wgan_no_norm_in_g']} against {final['wgan']}, "
        f"{final['wgan_gp_no_norm_in_g']} against {final['wgan_gp']}."
    )


# ---------------------------------------------------------------------- docs/codes.md, by hand


def faces():
    record = read("benchmarks/results/olivetti_retrieval.json")

    def pair(name):
        one = measured(record, name)
        cells = [one, reference(record, name, "pixels")]
        return [f"{cell['value']:.3f} ± {cell['standard_error']:.3f}" for cell in cells]

    precision, average = (pair(name) for name in ("precision_at_10", "retrieval_map"))
    yield f"{precision[0]} by code and {precision[1]} by pixels"
    yield f"precision {average[0]} and {average[1]} (errors over the 80)"


# ---------------------------------------------------------------------- discriminator_features.md


def features_by_labels():
    found = discriminator_features.read_runs(RESULTS / "discriminator_features")

    def of(kind, labels):
        errors = [100 * one["test_error"] for one in found[f"mnist-{kind}-{labels}"]]
        return f"{fmean(errors):.1f} ± {stdev(errors):.1f} %"

    kinds = ("trained", "untrained", "pixels")
    few, more = ([of(kind, labels) for kind in kinds] for labels in (100, 1_000))
    yield (
        f"features leave an error of {few[0]}, an untrained one's {few[1]}, pixels {few[2]}. "
        f"With 1,000 labels both discriminators are far better than pixels ({more[2]}), and the "
        f"training brings nothing: {more[0]} against {more[1]} of random weights."
    )


def sampling():
    few, many = read("benchmarks/results/sampling.json")["runs"]
    assert many["num"] == 10 * few["num"]
    assert abs(many["peak_mb"] - few["peak_mb"]) < 0.02 * few["peak_mb"]
    yield (
        f"{few['num']:,} images took {few['peak_mb']:.0f} MB at the peak and {many['num']:,} "
        f"took {many['peak_mb']:.0f} MB"
    )


SENTENCES = {
    "docs/measurements.md": (
        main_job,
        beside_pytorch,
        reproduction,
        against_225,
        mixtures,
        train_steps,
        serving,
        inception,
    ),
    "docs/theory.md": (theory_figures, gaussian_fits, ablation_rows),
    "docs/critic_loss.md": (critic,),
    "docs/codes.md": (faces,),
    "docs/discriminator_features.md": (features_by_labels,),
    "docs/exports.md": (sampling,),
}


@pytest.mark.parametrize(
    ("name", "source"), [(name, one) for name, group in SENTENCES.items() for one in group]
)
def test_a_measured_number_is_that_of_its_file(name, source):
    missing = [one for one in source() if flat(one) not in document(name)]
    assert not missing, f"{name} does not say what the files say:\n" + "\n".join(missing)


def test_the_table_of_codes_is_that_of_its_files(monkeypatch):
    monkeypatch.chdir(ROOT)
    table = reproduce.table(reproduce.CODES)
    assert table in (ROOT / reproduce.CODES).read_text(encoding="utf-8")
    reached = {row: one for row, _, one in table_records(reproduce.CODES)}
    goals = {"deep_autoencoder": 3.0, "discrete_autoencoder": 3.3}
    for row, goal in goals.items():
        assert value(reached[row], "reconstruction_error") <= goal, row
    assert value(reached["vae"], "negative_log_likelihood") <= 89.9
    with_prior, without = (
        value(reached[row], "frechet_distance") for row in ("vae-grey", "vae-no-prior")
    )
    assert without > 3 * with_prior


@pytest.mark.parametrize(
    "program",
    [ablations, critic_loss, discriminator_features, inpainting, pretraining, tagging, translation],
)
def test_a_written_report_is_what_its_program_writes(program, tmp_path):
    name = program.__name__
    report = tmp_path / f"{name}.md"
    there = (ROOT / "docs" / report.name).read_text(encoding="utf-8")
    report.write_text(there, encoding="utf-8")  # notes by hand are kept from it
    program.render(RESULTS / name, report)
    assert report.read_text(encoding="utf-8") == there


# Numbers that no file holds: settings, published values, measurements told with their command.
BY_HAND = {
    "docs/measurements.md": (
        "TensorFlow 2.21, Keras 3.15",
        "about 8.5 on two at the 24 steps",
        "recognised 0.994 but trained a classifier to 0.964 only",
        "weight 0.1) in its place with Adam 5e-4 gave 0.984 and 0.982",
        "latents of samples from 0.85 of their interval",
        "Weights 1, 0.3 and 0.1 were alike",
        "209.1 +- 2.3 (",
        "published means (6.3 and 17.3 after",
        "an earlier one gave 1.29 on the second line",
        "--seconds 1.5",
        "PyTorch 2.13",
    ),
    "docs/theory.md": (
        "sum and",
        "0.33 N(-1, 0.255^2) + 0.67 N(2, 1.415^2)",
        "survey, section 2.4.3",
        "The survey's 1.3 asks for D* = 1.3",
        "by 0.3 for each unit",
        "no amount from 0.7 to 0.9",
        "fall from",
        "1.3 is the worst",
        "shifts of 0.2, 0.5, 1",
    ),
    "docs/critic_loss.md": (),
    "docs/discriminator_features.md": (),
}
SECTIONS = {
    "docs/measurements.md": ("# Measured", None),
    "docs/theory.md": ("# Theory", None),
    "docs/critic_loss.md": ("## What it shows", None),
    "docs/discriminator_features.md": ("## What it shows", None),
}
# Not measurements: code, links and pictures, arXiv's numbers.
ELSEWHERE = re.compile(r"`[^`]*`|\]\([^)]*\)|arXiv:[\d.]+|Theorem [\d.]+")


@pytest.mark.parametrize("name", SECTIONS)
def test_every_measured_number_has_its_sentence(name):
    start, end = SECTIONS[name]
    text = document(name)
    text = text[text.index(start) : text.index(end) if end else None]
    sentences = [flat(one) for group in SENTENCES[name] for one in group()]
    covered = np.zeros(len(text), bool)
    spans = [match.span() for match in ELSEWHERE.finditer(text)]
    for sentence in (*sentences, *BY_HAND[name]):
        spans += [match.span() for match in re.finditer(re.escape(sentence), text)]
    for first, last in spans:
        covered[first:last] = True
    bare = [
        text[max(0, match.start() - 40) : match.end() + 20]
        for match in re.finditer(r"\d+\.\d+", text)
        if not covered[match.start() : match.end()].all()
    ]
    assert not bare, "give these numbers a sentence above, or say by hand:\n" + "\n".join(bare)
