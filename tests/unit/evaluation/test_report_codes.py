"""The report of models that encode: sections by what they can do, of their own test set."""

import base64
import html
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfgan_survey import pictures
from tfgan_survey.data import load_arrays
from tfgan_survey.evaluation import Target, charts, write_report
from tfgan_survey.evaluation.codes import Coded, interpolations
from tfgan_survey.evaluation.gallery import Gallery
from tfgan_survey.training import load_run
from tfgan_survey.training.callbacks import save_model
from tfgan_survey.training.folder import RunFolder
from tfgan_survey.training.looks import denoisings
from tfgan_survey.zoo import build_from_settings, resolve

SMALL = {"dataset": "mnist_mini", "steps": 1, "jit_compile": False, "seed": 2}
CODES = ["Codes", "From code to code", "Reconstructions"]
RETRIEVAL = "Nearest by pixels and by code"
SAMPLES = ["Samples", "Nearest training images", RETRIEVAL, "Walks between latents"]


def untrained(folder, model, classes=None, **options):
    settings = resolve(model, SMALL | options)
    run = RunFolder(folder)
    run.begin(settings, {})
    made = build_from_settings(settings, (28, 28, 1), classes)
    made.conclude(load_arrays("mnist_mini", "train").images)
    save_model(made, run.model)
    run.mark_finished()
    return folder


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "denoiser"
    return untrained(folder, "autoencoder", widths=(), latent_dim=2, corruption="masking")


@pytest.fixture(scope="module")
def page(denoiser, tmp_path_factory):
    return write_report(tmp_path_factory.mktemp("page") / "page.html", denoiser, [])


@pytest.fixture(scope="module")
def test_set():
    return load_arrays("mnist_mini", "test")


def section(path, key):
    """Return a section's text."""
    return path.read_text().partition(f'<section id="{key}">')[2].partition("</section>")[0]


def headings(path):
    return re.findall("<h2>(.*?)</h2>", path.read_text(encoding="utf-8"))


def images(text):
    """Return the pixels of a text's pictures."""
    found = re.findall('src="data:image/png;base64,([^"]*)"', text)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in found]


def strip(row):
    return np.asarray(pictures.grid(row, len(row), scale=1))


def test_what_a_model_cannot_do_has_no_section(denoiser, page, tmp_path):
    assert headings(page) == [RETRIEVAL, *CODES, "Denoised", "Settings and versions"]
    header = html.unescape(page.read_text().partition("<header>")[2].partition("</header>")[0])
    assert f"<code>{denoiser}</code> measured against the data set mnist_mini" in header
    assert "samples" not in header and "seed" not in header
    vae = untrained(
        tmp_path / "vae", "vae", widths=(4,), latent_dim=3, conditional=True, classes=10
    )
    other = write_report(tmp_path / "page.html", vae, [])
    assert headings(other) == [*SAMPLES, *CODES, "Settings and versions"]
    assert "first two principal components" in section(other, "codes")
    assert len(images(section(other, "codes"))) == 0, "no plane of three numbers is decoded"


def test_codes_are_drawn_by_class_beside_the_decoded_plane(denoiser, page, test_set):
    coded, text = Coded(load_run(denoiser), test_set), section(page, "codes")
    groups = re.findall(r'<g class="kind-(\d)">(.*?)(?=<g class="|</svg>)', text, re.S)
    drawn = {int(kind): group.count("<use ") for kind, group in groups}
    assert drawn == dict(enumerate(np.bincount(coded.labels))), "a dot an example"
    for name in test_set.class_names:
        words = re.findall(rf"<text ([^>]*)>{name}</text>", text)
        bold = [one for one in words if "font-weight: 700" in one]
        assert len(bold) == 1 and len(words) >= 2, "at its median, and in the legend"
    assert text.count('class="region"') == 1
    (plane,) = images(text)
    expected = pictures.grid(coded.decoded_plane(), 20, scale=1)
    np.testing.assert_array_equal(plane, np.asarray(expected))


def test_rows_are_those_of_the_model_and_its_test_set(denoiser, page, test_set):
    model = load_run(denoiser)
    way = interpolations([("code", model)], test_set)
    for found, row in zip(images(section(page, "between")), way.values(), strict=True):
        np.testing.assert_array_equal(found, strip(row))
    assert "From the first 7 of the test set to the first 9" in section(page, "between")
    groups = denoisings(model, test_set.images[:30])
    text = section(page, "denoised")
    assert re.findall('class="name">(.*?)<', text) == list(groups) * 3
    blocks = [strip(one[start : start + 10]) for start in (0, 10, 20) for one in groups.values()]
    for found, row in zip(images(text), blocks, strict=True):
        np.testing.assert_array_equal(found, row)
    assert len(images(section(page, "reconstructions"))) == 6


def test_walks_between_codes_of_a_mixture_are_straight(tmp_path):
    folder = untrained(tmp_path / "run", "autoencoder", widths=(), latent_dim=2,
                       mixture_components=2)  # fmt: skip
    walks = Gallery(Target(folder)).walks()
    assert "in a straight line from one latent (mixture, 2 numbers)" in walks["note"]
    assert len(walks["rows"]) == 6


def test_the_classes_colours_are_the_page_s_in_light_and_the_pictures_own():
    made = charts.class_scatter(np.eye(2), "t", np.array([0, 1]), ["a", "<b>"]).svg
    assert not re.search(r"#(?![mp][0-9a-f]{10})", made) and "&lt;b&gt;" in made
    style = (Path(charts.__file__).parent / "style.html").read_text()
    for index, colour in enumerate(pictures.CLASS_COLOURS):
        assert f"--c{index}: {colour}" in style and style.count(f"--c{index}: #") == 2
    for name in set(re.findall(r"var\((--\w+)\)", made)):
        assert style.count(f"{name}: #") == 2, f"{name} in light and in dark"


def test_the_page_of_codes_in_a_browser(page, browser):
    for width in (1100, 390):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        browser.get(page.as_uri())
        shown = browser.execute_script(
            "return [...document.images].map((i) => [i.naturalWidth, i.width, i.alt])"
        )
        assert len(shown) == 40 + 1 + 2 + 6 + 9
        assert all(natural > 0 and wide > 10 and alt for natural, wide, alt in shown)
        boxes = browser.execute_script(
            "return [...document.querySelectorAll('#codes figure')].map("
            "(f) => { const b = f.getBoundingClientRect(); return [b.x, b.y, b.width]; })"
        )
        (left, top, wide), (left_2, top_2, wide_2) = boxes
        beside = abs(top - top_2) < 2 and left_2 >= left + wide
        below = abs(left - left_2) < 2 and top_2 > top
        assert (beside if width > 1000 else below) and min(wide, wide_2) > 250
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.get_log("browser") == []
