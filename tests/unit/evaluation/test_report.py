"""The report: every section, nothing from elsewhere, and the page in a real browser."""

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from selenium.webdriver.common.by import By

from tfgan_survey.cli import cli
from tfgan_survey.data import load_arrays, ring
from tfgan_survey.errors import RunError, SettingError
from tfgan_survey.evaluation import Target, charts, write_report
from tfgan_survey.metrics import Measurement
from tfgan_survey.training import train
from tfgan_survey.training.folder import RunFolder
from tfgan_survey.training.history import curve_groups

REAL = Measurement("real images", 0.065, 0.0086, 90, 0, "p")
FOUND = [
    Measurement(
        "frechet_distance", 0.5012, 0.054, 90, 0, "features of <b>this</b> & that", (REAL,)
    ),
    Measurement("gan_test", 0.9942, 0.0008, 90, 0, "judge", (), {"per_class": [1.0, 0.98765]}),
    Measurement("reverse_kl", float("inf"), None, 90, 0, "judge"),
]
HEADINGS = ["In plain words", "Measurements", "Samples", "Nearest training images",
            "Walks between latents", "Training", "Settings and versions"]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A conditional run with probes, in a folder whose name is markup."""
    folder = tmp_path_factory.mktemp("runs") / "<i>a&b"
    overrides = {
        "dataset": "mnist_mini", "split": "train[:640]", "batch_size": 32, "jit_compile": False,
        "generator_widths": (8,), "discriminator_widths": (8,), "steps": 40, "latent": "normal",
    }  # fmt: skip
    train(
        "survey_cgan", folder, overrides=overrides, verbose=0, log=lambda line: None,
        probe=["frechet_distance"], probe_every=20, probe_num=80, keep_best="frechet_distance",
    )  # fmt: skip
    return RunFolder(folder)


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    return write_report(tmp_path_factory.mktemp("page") / "report.html", run.path, FOUND)


@pytest.fixture(scope="module")
def digits():
    return load_arrays("mnist_mini", "train")


def headings(path):
    return re.findall("<h2>(.*?)</h2>", path.read_text(encoding="utf-8"))


def asks_nobody(text):
    """Whether a page refers to nothing outside of itself."""
    text = re.sub('(data:image/png;base64,)[^"]*', r"\1", text)
    outside = re.findall(r"""(?:src|href|action)\s*=\s*["'](?!data:|#)[^"']*""", text)
    outside += re.findall(
        r"@import|\burl\((?!#)|<script|<iframe|<object|<base|srcset|refresh", text
    )
    return not outside and not re.search(r"https?:|//[a-z]", text)


def test_a_run_has_every_section_and_nothing_from_elsewhere(page, run):
    text = page.read_text(encoding="utf-8")
    assert headings(page) == HEADINGS
    assert asks_nobody(text)
    assert not asks_nobody(text.replace('src="data:', 'src="x:', 1)), "the check itself sees"
    assert not asks_nobody(text + '<img src="http://a.b/c.png">')
    assert "$" not in text.partition("<body>")[2], "no placeholder is left"
    record = run.record()
    for key, value in {**run.settings().flat(), **record["versions"]}.items():
        shown = value if isinstance(value, str) else json.dumps(value)
        assert f"<dt>{key}</dt><dd>{html.escape(shown)}</dd>" in text, key
    assert not list(page.parent.glob(".writing-*"))


def test_text_is_escaped(page):
    text = page.read_text(encoding="utf-8")
    assert "&lt;i&gt;a&amp;b" in text and "<i>" not in text
    assert "features of &lt;b&gt;this&lt;/b&gt; &amp; that" in text and "<b>" not in text
    hostile = '"><script>'
    for made in (
        charts.line_chart({hostile: ([1, 2], [1, 2])}, hostile, hostile).svg,
        charts.scatter(np.zeros((2, 2)), hostile, np.ones((1, 2)), 0.1).svg,
    ):
        assert hostile not in made and "&lt;script&gt;" in made


def test_what_a_run_says_of_itself_is_escaped_everywhere(tmp_path, run):
    """Columns, settings, class names, metrics and reasons are words of others."""
    hostile = '<u>"x'
    folder = RunFolder(tmp_path / hostile)
    shutil.copytree(run.path, folder.path)
    rows = folder.history.read_text().splitlines()
    folder.history.write_text("\n".join([rows[0] + "," + hostile.replace('"', ""), *(
        f"{row},{i}" for i, row in enumerate(rows[1:])
    )]) + "\n")  # fmt: skip
    target = Target(folder.path)
    target.left_out = {hostile: hostile}
    found = [Measurement(hostile, 1.0, None, 9, 0, hostile, (), {hostile: [hostile]})]
    text = write_report(tmp_path / "page.html", target, found).read_text()
    assert "<u>" not in text and text.count("&lt;u&gt;") > 9
    assert asks_nobody(text)


def test_the_table_holds_values_references_and_directions(page):
    text = page.read_text(encoding="utf-8")
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', text)
    cells = {re.sub("<.*", "", name).strip(): re.findall("<td.*?>(.*?)</td>", row)
             for name, row in rows}  # fmt: skip
    assert cells == {
        "frechet_distance": ["0.501 ± 0.054", "0.0650 ± 0.0086", "90"],
        "gan_test": ["0.99420 ± 0.00080", "–", "90"],
        "reverse_kl": ["inf", "–", "90"],
    }
    meanings = [re.findall('title="(.*?)"', name) for name, _ in rows]
    assert meanings == [["lower is better"], ["higher is better"], ["lower is better"]]
    assert "<dt>gan_test, reverse_kl</dt><dd>judge" in text, "one protocol is said once"
    assert "per class: 1, 0.9877" in text


def test_the_best_model_s_page_says_so(run, tmp_path):
    text = write_report(tmp_path / "best.html", run.best_probed, FOUND).read_text()
    assert "It is the best of its training by frechet_distance:" in text
    assert "Settings and versions" in text


def test_files_of_samples_have_what_is_possible(tmp_path, digits):
    np.savez(tmp_path / "plain.npz", images=digits.images[:37])
    np.savez(tmp_path / "labelled.npz", images=digits.images[:90], labels=digits.labels[:90])
    np.savez(tmp_path / "few.npz", images=digits.images[:3])
    few = write_report(tmp_path / "few.html", tmp_path / "few.npz", FOUND, "mnist_mini")
    assert "The first 3 samples" in few.read_text() and few.read_text().count('class="one"') == 3
    for name in ("plain", "labelled"):
        page = write_report(tmp_path / f"{name}.html", tmp_path / f"{name}.npz", FOUND,
                            "mnist_mini")  # fmt: skip
        assert headings(page) == HEADINGS[:4]
        text = page.read_text()
        assert asks_nobody(text) and text.count("near copy</strong>") == 10, "training images"
    assert text.count('alt="ten samples of class') == 10


def spots(svg, kind):
    """Return where the markers of a group are."""
    group = svg.partition(f'<g class="{kind}">')[2].partition("<g class=")[0]
    return np.array(re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"', group), float)


def test_points_are_drawn_over_their_modes(tmp_path):
    points = ring().sample(300, seed=1)
    points[0] = 50.0
    np.savez(tmp_path / "points.npz", images=points)
    result = CliRunner().invoke(
        cli, ["evaluate", str(tmp_path / "points.npz"), "--dataset", "ring",
              "--report", str(tmp_path / "points.html")], catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0 and f"wrote {tmp_path / 'points.html'}" in result.stdout
    text = (tmp_path / "points.html").read_text()
    assert headings(tmp_path / "points.html") == HEADINGS[:3]
    assert "generated: 300 points, 1 outside" in text
    generated = text.partition("generated:")[2].partition("</svg>")[0]
    drawn = spots(generated, "dots")
    assert len(drawn) == 299 and len(spots(generated, "modes")) == 8
    # Up is positive y, as in the plane: the picture's rows count downwards.
    place = (points[1] * [1, -1] / 1.25 + 1) / 2 * 230.4
    np.testing.assert_allclose(drawn[0], place, atol=0.06)
    np.testing.assert_allclose(spots(generated, "modes")[2], [115.2, 230.4 * 0.1], atol=0.06)


def test_refusals(tmp_path, run, digits):
    outside = tmp_path / "model.keras"
    outside.write_bytes(run.model.read_bytes())
    with pytest.raises(SettingError, match="give --dataset"):
        write_report(tmp_path / "x.html", outside, FOUND)
    with pytest.raises(RunError, match="no model in"):
        write_report(tmp_path / "x.html", tmp_path / "nothing", FOUND)
    result = CliRunner().invoke(cli, ["evaluate", str(run.path), "--report", "page.pdf"])
    assert result.exit_code == 2 and "ending in .html" in result.output
    assert not list(tmp_path.glob("*.html"))


def vertices(svg, kind):
    """Return the points of a line."""
    path = svg.partition(f'<g class="{kind}">')[2].partition('"/>')[0]
    return np.array(re.findall(r"[ML] ([\d.]+) ([\d.]+)", path), float)


def test_lines_lie_where_their_values_say():
    made = charts.line_chart(
        {"loss": ([0, 10, 20, 30], [0.0, 1.0, np.nan, 0.5])}, "t", errors=[0.0, 0.0, 0.0, 0.1],
        mark=30,
    ).svg  # fmt: skip
    line = vertices(made, "line-0")
    assert len(line) == 3, "what is not finite is left out"
    across, down = (line - line[0]).T
    assert across[1] / across[2] == pytest.approx(1 / 3, abs=1e-4)
    assert down[1] < -50 and down[2] / down[1] == pytest.approx(0.5, abs=1e-4), "up is more"
    np.testing.assert_allclose(spots(made, "mark"), line[2:], atol=1e-6)
    band = vertices(made.replace(" -", " "), "band")
    height = band[:, 1].max() - band[:, 1].min()
    assert height > abs(down[1]) * 0.99 and "ends at 0.5" in made
    last = np.sort(band[np.isclose(band[:, 0], line[2, 0], atol=1e-3), 1])
    assert last[-1] - last[0] == pytest.approx(0.2 * abs(down[1]), rel=1e-3), "two errors wide"
    assert charts.line_chart({"loss": ([1], [np.nan])}, "t") is None


def test_charts_are_the_same_every_time_and_take_their_colours_from_the_page():
    def draw():
        lines = {f"line {i}": ([0, 1], [i, 2 * i]) for i in range(8)}
        return charts.line_chart(lines, "eight lines").svg

    made = draw()
    assert made == draw() and asks_nobody(made)
    assert not re.search(r"#(?![mp][0-9a-f]{10})", made), "no colour but the page's own"
    assert {f"var(--s{i})" for i in range(charts.COLOURS)} <= set(re.findall(r"var\([^)]*\)", made))
    style = (Path(charts.__file__).parent / "style.html").read_text()
    for name in set(re.findall(r"var\((--\w+)\)", made)):
        assert style.count(f"{name}: #") == 2, f"{name} in light and in dark"


def test_every_column_of_a_history_is_drawn():
    rows = [
        {"epoch": 1, "steps": 9, "g_updates": 9, "seconds": 1.0, "d_loss": 1.0, "g_loss": 1.0,
         "penalty": 0.0, "d_real": 0.5, "d_fake": 0.5},
        {"epoch": 2, "steps": 18, "g_updates": 18, "seconds": 1.0, "d_loss": 1.0, "g_loss": 1.0,
         "penalty": 0.0, "d_real": 0.5, "d_fake": 0.5, "kl_loss": 2.0, "gamma": 0.3},
    ]  # fmt: skip
    assert curve_groups(rows) == [
        ("loss, mean over an epoch", ["d_loss", "g_loss", "kl_loss"]),
        ("mean output", ["d_real", "d_fake"]),
        ("gamma, mean over an epoch", ["gamma"]),
    ]
    rows[0]["penalty"] = 0.1
    assert curve_groups(rows)[0][1] == ["d_loss", "g_loss", "penalty", "kl_loss"]


def test_matplotlib_that_is_missing_is_named_before_anything_is_measured(tmp_path):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from tfgan_survey.cli import main\n"
        f"main(['evaluate', {str(tmp_path / 'none.npz')!r}, '--report', 'page.html'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "pip install 'tfgan-survey[plots]'" in done.stderr


def test_the_page_in_a_browser_without_a_network(page, browser):
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0},
    )
    for width in (1100, 390):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        browser.get(page.as_uri())
        assert browser.title == "survey_cgan on mnist_mini"
        images = browser.execute_script(
            "return [...document.images].map((i) => [i.naturalWidth, i.width, i.alt])"
        )
        assert len(images) == 10 + 20 + 10
        assert all(natural > 0 and width > 10 and alt for natural, width, alt in images)
        rows = browser.find_elements(By.CSS_SELECTOR, "tbody tr")
        assert [row.find_element(By.TAG_NAME, "th").text.split()[0] for row in rows] == [
            one.name for one in FOUND
        ]
        assert "0.501 ± 0.054" in rows[0].text and "0.0650 ± 0.0086" in rows[0].text
        charts_shown = browser.find_elements(By.CSS_SELECTOR, "svg[role=img]")
        assert len(charts_shown) == 3 and all(one.size["height"] > 100 for one in charts_shown)
        scroll = browser.execute_script("return document.documentElement.scrollWidth")
        assert scroll <= width, "nothing sticks out"
        tops = [one.location["y"] for one in browser.find_elements(By.TAG_NAME, "h2")]
        assert tops == sorted(tops) and len(tops) == len(HEADINGS)
    assert browser.get_log("browser") == []
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [one["params"]["request"]["url"] for one in asked
            if one["method"] == "Network.requestWillBeSent"]  # fmt: skip
    assert {url.partition(":")[0] for url in sent} <= {"file", "data"} and sent
    assert not [one for one in asked if one["method"] == "Network.loadingFailed"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_both_schemes(page, browser, scheme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.get(page.as_uri())
    script = (
        "const of = (css) => getComputedStyle(document.querySelector(css));"
        "return [of('section').backgroundColor, of('h2').color, of('.dim').color, of('a').color,"
        " of('svg text').fill]"
    )
    paper, *inks = [
        np.array(re.findall(r"\d+", text)[:3], float) for text in browser.execute_script(script)
    ]
    assert (paper.mean() > 128) == (scheme == "light")

    def luminance(rgb):
        rgb = rgb / 255
        rgb = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return rgb @ [0.2126, 0.7152, 0.0722]

    for ink in inks:
        low, high = sorted((luminance(ink), luminance(paper)))
        assert (high + 0.05) / (low + 0.05) > 4.5, "WCAG 2.1, 1.4.3"
