"""The page in a real browser: ten sevens by a click, a walk, the keyboard, the curl command."""

import base64
import io
import json
import re
import shlex
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

import tfgan_survey.serving
from tfgan_survey.export import export_savedmodel
from tfgan_survey.pictures import to_uint8
from tfgan_survey.zoo import build

PAGE = Path(tfgan_survey.serving.__file__).parent / "api" / "page.html"
INSTALLER = Path(__file__).parents[4] / "tools" / "install_browser.sh"


@pytest.fixture
def page(browser, digit_server):
    """Return a function that opens the page with a query and waits for its first pictures."""

    def open_page(query="", server=digit_server):
        browser.get(f"http://127.0.0.1:{server.rest_port}/{query}")
        return Page(browser)

    yield open_page
    faults = [entry for entry in browser.get_log("browser") if "Error:" in entry["message"]]
    assert not faults, faults


@pytest.fixture(scope="module")
def closed_server(start, digits):
    """A server that answers no pages of other origins."""
    return start(models=(digits[1] / "plain",))


class Page:
    def __init__(self, driver):
        self.driver = driver
        self.settled()

    def __getitem__(self, name):
        return self.driver.find_element(By.ID, name)

    @property
    def note(self):
        return self["note"].text

    @property
    def bad(self):
        return "bad" in self["note"].get_attribute("class")

    def settled(self):
        def idle(driver):
            return driver.execute_script(
                "return document.readyState === 'complete' && !document.body.ariaBusy"
                " && document.getElementById('note').textContent !== ''"
            )

        WebDriverWait(self.driver, 30, 0.05).until(idle)

    def click(self, name):
        self[name].click()
        self.settled()

    def fill(self, name, value):
        self[name].clear()
        self[name].send_keys(str(value))

    def images(self):
        """Return alt texts and decoded pictures, loaded ones only."""
        found = self.driver.find_elements(By.CSS_SELECTOR, "#pictures img")
        for image in found:
            state = self.driver.execute_script(
                "return [arguments[0].complete, arguments[0].naturalWidth]", image
            )
            assert state == [True, 28], state
        files = [base64.b64decode(i.get_attribute("src").partition(",")[2]) for i in found]
        arrays = [np.asarray(Image.open(io.BytesIO(file)), int) for file in files]
        return [i.get_attribute("alt") for i in found], np.stack(arrays)

    def canvas(self, selector):
        """Return the grey values of a canvas."""
        url = self.driver.execute_script(
            "return document.querySelector(arguments[0]).toDataURL('image/png')", selector
        )
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))), int)[
            ..., 0
        ]

    def slide(self, place):
        self.driver.execute_script(
            "const p = document.getElementById('place'); p.value = arguments[0];"
            "p.dispatchEvent(new Event('input'))",
            place,
        )


def wanted(gan, num, labels, seed):
    return to_uint8(gan.generate(num, labels, seed))[..., 0].astype(int)


def test_a_click_gives_ten_sevens(page, digits):
    shown = page()
    alts, images = shown.images()
    assert alts == [f"{i}, seed {i}" for i in range(10)], "all digits come first"
    Select(shown["digit"]).select_by_visible_text("7")
    shown.click("generate")
    alts, images = shown.images()
    assert alts == [f"7, seed {i}" for i in range(10)]
    assert np.abs(images - wanted(digits[0]["cgan_mnist"], 10, 7, 0)).max() <= 1
    assert not shown.bad and shown.note.startswith("10 pictures")


def test_count_seed_and_an_address_that_keeps_them(page, digits, browser):
    shown = page()
    Select(shown["digit"]).select_by_visible_text("3")
    shown.fill("count", 4)
    shown.fill("seed", 21)
    shown.click("generate")
    alts, images = shown.images()
    assert alts == [f"3, seed {i}" for i in range(21, 25)]
    assert np.abs(images - wanted(digits[0]["cgan_mnist"], 4, 3, 21)).max() <= 1
    again = page("?" + browser.current_url.partition("?")[2])
    np.testing.assert_array_equal(again.images()[1], images)


def test_the_keyboard_does_it_all(page, browser):
    shown = page()
    browser.execute_script("document.body.focus()")
    seen = []
    for _ in range(15):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(browser.switch_to.active_element)
        if seen[-1].get_attribute("id") == "generate":
            break
    reached = [e.get_attribute("id") for e in seen]
    assert reached == ["pick", "digit", "count", "seed", "generate"]
    outline = browser.execute_script("return getComputedStyle(arguments[0]).outline", seen[-1])
    assert "solid 3px" in outline, "the focus is seen"
    seen[1].send_keys("7")
    seen[2].send_keys(Keys.CONTROL, "a")
    seen[2].send_keys("2", Keys.ENTER)
    shown.settled()
    assert shown.images()[0] == ["7, seed 0", "7, seed 1"]
    # From there to the end of the page: no trap, and every control is reached.
    order = []
    for _ in range(15):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        element = browser.switch_to.active_element
        order.append(element.get_attribute("id") or element.text or element.tag_name)
        if element.tag_name in ("summary", "body"):
            break
    expected = ["seed", "generate", "shuffle", "save", "pictures-curl", "Copy", "walk-digit",
                "to-digit", "from", "to", "walk"]  # fmt: skip
    assert order[:-1] == expected and order[-1].startswith("Server")


def test_every_control_has_a_name(page, browser):
    page()
    nameless = browser.execute_script(
        "return [...document.querySelectorAll('input, select, button')].filter((e) =>"
        " !(e.labels && e.labels.length && e.labels[0].textContent.trim()) &&"
        " !e.textContent.trim()).map((e) => e.outerHTML)"
    )
    assert nameless == []


@pytest.mark.parametrize(("name", "label"), [("cgan_mnist", 7), ("plain", None)])
def test_a_walk_leads_from_seed_to_seed(page, digits, name, label):
    gan = digits[0][name]
    shown = page(f"?model={name}")
    if label is not None:
        Select(shown["walk-digit"]).select_by_visible_text(str(label))
    assert shown["walk-digit"].is_displayed() == (label is not None)
    shown.fill("from", 4)
    shown.fill("to", 2**33 + 1)
    shown.click("walk")
    assert shown.note.startswith("From seed 4 to seed 8589934593")
    first, last = wanted(gan, 1, label, 4)[0], wanted(gan, 1, label, 2**33 + 1)[0]
    middle = shown.canvas("#strip li:nth-child(8) canvas")
    assert np.abs(shown.canvas("#strip li:first-child canvas") - first).max() <= 1
    assert np.abs(shown.canvas("#strip li:last-child canvas") - last).max() <= 1
    assert min(np.abs(middle - first).max(), np.abs(middle - last).max()) > 1
    assert np.abs(shown.canvas("#frame") - first).max() <= 1
    shown.slide(15)
    assert np.abs(shown.canvas("#frame") - last).max() <= 1
    shown["play"].click()
    WebDriverWait(shown.driver, 5, 0.05).until(
        lambda _: shown["place"].get_property("value") != "15"
    )
    shown["play"].click()
    assert shown["play"].get_attribute("aria-pressed") == "false"


def test_a_walk_leads_from_class_to_class(page, digits, browser):
    gan, shown = digits[0]["cgan_mnist"], page("?model=cgan_mnist")
    Select(shown["walk-digit"]).select_by_visible_text("3")
    Select(shown["to-digit"]).select_by_visible_text("8")
    shown.fill("to", 0)
    shown.click("walk")
    assert shown.note.startswith("From 3, seed 0 to 8, seed 0;")
    frames = to_uint8(gan.walk(0, [3, 8], frames=16))[..., 0].astype(int)
    for place in (0, 7, 15):
        shown.slide(place)
        assert np.abs(shown.canvas("#frame") - frames[place]).max() <= 1
    command = browser.execute_script("return document.getElementById('walk-curl').textContent")
    pixels = np.rint(255 * np.array(post_curl(command)))[0, ..., 0]
    assert np.abs(pixels - frames[15]).max() <= 1
    # Without a way between classes there is no second one to choose.
    Select(shown["pick"]).select_by_visible_text("plain")
    shown.settled()
    assert shown.images()[0][0] == "seed 0" and not shown["to-digit"].is_displayed()
    assert "model=plain" in browser.current_url and not shown["walked"].is_displayed()
    assert browser.find_element(By.TAG_NAME, "h1").text == "Pictures on request"


def test_shuffled_seeds_and_a_picture_to_keep(page, digits, browser):
    shown = page("?model=cgan_mnist&count=3&digit=4")
    seeds = {shown["seed"].get_attribute("value")}
    for _ in range(2):
        shown.click("shuffle")
        seeds.add(shown["seed"].get_attribute("value"))
    assert len(seeds) == 3
    assert shown.images()[0][0] == f"4, seed {shown['seed'].get_attribute('value')}"
    browser.execute_script(
        "HTMLAnchorElement.prototype.click = function () {"
        " window.kept = [this.download, this.href]; }"
    )
    shown.click("save")
    name, link = browser.execute_script("return window.kept")
    assert name == f"cgan_mnist_seed{shown['seed'].get_attribute('value')}.png"
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(link.partition(",")[2]))), int)
    images = shown.images()[1]
    assert sheet.shape[:2] == (56, 3 * 58 - 2)
    for i, image in enumerate(images):
        np.testing.assert_array_equal(sheet[::2, 58 * i : 58 * i + 56 : 2, 0], image)
    shown.click("walk")
    shown.click("save-walk")
    name, link = browser.execute_script("return window.kept")
    assert name == "cgan_mnist_walk.png"
    size = Image.open(io.BytesIO(base64.b64decode(link.partition(",")[2]))).size
    assert size == (16 * 58 - 2, 56)


@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_is_wider_than_the_window(page, browser, width):
    shown = page("?model=cgan_mnist&count=12")
    size = browser.get_window_size()
    override = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", override)
    try:
        shown.click("walk")
        wide = browser.execute_script("return document.documentElement.scrollWidth")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width and size == browser.get_window_size()


def post_curl(command):
    """Send what a shell would send for a printed curl command."""
    program, silent, address, flag, body = shlex.split(command)
    assert (program, silent, flag) == ("curl", "-s", "-d")
    return httpx.post(address, content=body).json()["outputs"]


def test_the_curl_commands_give_what_is_shown(page, digits, browser):
    shown = page("?digit=5&count=3&seed=9")
    files = [base64.b64decode(o["b64"]) for o in post_curl(shown["pictures-curl"].text)]
    images = np.stack([np.asarray(Image.open(io.BytesIO(file)), int) for file in files])
    np.testing.assert_array_equal(images, shown.images()[1])
    shown.click("walk")
    shown.slide(6)
    command = browser.execute_script("return document.getElementById('walk-curl').textContent")
    pixels = np.rint(255 * np.array(post_curl(command)))[0, ..., 0]
    assert np.abs(pixels - shown.canvas("#frame")).max() <= 1
    browser.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    browser.find_element(By.CSS_SELECTOR, "[data-copy=pictures-curl]").click()
    WebDriverWait(browser, 5, 0.05).until(lambda _: shown.note == "Copied.")
    copied = browser.execute_async_script(
        "navigator.clipboard.readText().then(arguments[arguments.length - 1])"
    )
    assert copied == shown["pictures-curl"].text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("count", "0", "Count: expected a whole number from 1 to 256."), ("seed", "", "First seed")],
)
def test_a_wrong_number_is_told_and_focused(page, browser, field, value, words):
    shown = page()
    shown.fill(field, value)
    shown.click("generate")
    assert shown.bad and shown.note.startswith(words)
    assert browser.switch_to.active_element.get_attribute("id") == field


def test_an_unknown_model_is_told_and_can_be_mended(page):
    shown = page("?model=nobody")
    assert shown.bad and "404: Servable not found" in shown.note
    assert not shown["generate"].is_enabled() and shown["model"].is_displayed()
    shown.fill("model", "plain")
    shown["model"].send_keys(Keys.ENTER)
    shown.settled()
    assert not shown.bad and shown.images()[0][0] == "seed 0"
    assert not shown["digit"].is_displayed()


@pytest.fixture(scope="module")
def translator(start, tmp_path_factory):
    """A small model from grey to colour and back, and a server of it and of one with classes."""
    root = tmp_path_factory.mktemp("translator")
    small = {"width": 2, "blocks": 1, "patch_width": 2, "patch_layers": 1}
    model = build("cyclegan_digits", ((8, 12, 1), (8, 12, 3)), **small)
    export_savedmodel(model, root / "pair")
    clothed = build("survey_gan", (8, 8, 3), num_classes=3, latent_dim=2)
    clothed.spec.learn_class_names(["shirt", "<b>shoe", "bag"])
    export_savedmodel(clothed, root / "clothes")
    return model, start(models=(root / "clothes", root / "pair"))


def test_an_upload_is_translated(page, translator, tmp_path, browser):
    model, server = translator
    colour = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    Image.fromarray(colour).save(tmp_path / "fits.png")
    Image.fromarray(np.full((30, 20), 90, np.uint8)).save(tmp_path / "large.png")
    (tmp_path / "none.png").write_text("no picture")
    shown = page("?model=pair", server=server)
    assert shown.note == "Choose a picture." and not shown["generate"].is_displayed()
    shown.click("translate")
    assert shown.bad and shown.note == "Picture: choose a file."

    def translated(name, way):
        shown["file"].send_keys(str(tmp_path / name))
        Select(shown["direction"]).select_by_visible_text(way)
        shown.click("translate")
        images = browser.find_elements(By.CSS_SELECTOR, "#translated img")
        files = [i.get_attribute("src").partition(",")[2] for i in images]
        arrays = [np.asarray(Image.open(io.BytesIO(base64.b64decode(f))), int) for f in files]
        return [i.get_attribute("alt") for i in images], arrays

    alts, (source, made) = translated("fits.png", "b to a")
    assert alts == ["fits.png, source", "fits.png, b to a"] and not shown.bad
    np.testing.assert_array_equal(source[..., :3], colour)
    wanted = to_uint8(model.translate(colour[None], "b2a"))[0, ..., 0].astype(int)
    assert np.abs(made - wanted).max() <= 1
    _, (_, made) = translated("large.png", "a to b")
    flat = np.full((1, 8, 12, 1), 90, np.uint8)
    assert np.abs(made - to_uint8(model.translate(flat, "a2b"))[0].astype(int)).max() <= 2
    assert shown.note.endswith("stretched from 20x30 to 12x8.")
    translated("none.png", "a to b")
    assert shown.bad and shown.note == "none.png is no picture that this browser can read."


def test_classes_are_called_as_the_export_says(page, translator, browser):
    shown = page("?count=4", server=translator[1])
    tiles = browser.find_elements(By.CSS_SELECTOR, "#pictures img")
    assert [one.get_attribute("alt") for one in tiles] == [
        "shirt, seed 0", "<b>shoe, seed 1", "bag, seed 2", "shirt, seed 3",
    ]  # fmt: skip
    assert browser.find_element(By.TAG_NAME, "h1").text == "Pictures on request"
    labels = [one.text for one in browser.find_elements(By.CSS_SELECTOR, "[data-noun]")]
    assert set(filter(None, labels)) <= {"class", "Class"} and any(labels)
    assert [one.text for one in Select(shown["digit"]).options] == [
        "all",
        "shirt",
        "<b>shoe",
        "bag",
    ]
    Select(shown["pick"]).select_by_visible_text("pair")
    shown.settled()
    assert shown.note == "Choose a picture." and not shown["generate"].is_displayed()


def test_another_server_needs_cors(page, digit_server, closed_server):
    def query(server, model):
        return f"?model={model}&url=http://127.0.0.1:{server.rest_port}"

    shown = page(query(digit_server, "cgan_mnist"), server=closed_server)
    assert not shown.bad and len(shown.images()[0]) == 10
    shown.click("walk")
    assert not shown.bad
    shown = page(query(closed_server, "plain"))
    assert shown.bad and "does it allow this page's origin (CORS)?" in shown.note


def test_the_page_is_small_and_asks_nobody_else():
    text = PAGE.read_text(encoding="utf-8")
    assert len(text) < 30_000
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)|@import|\burl\(|<script src""", text)
    assert "innerHTML" not in text, "answers are shown as text, never as markup"


def test_it_is_the_page_that_the_server_gives(digit_server):
    answer = httpx.get(f"http://127.0.0.1:{digit_server.rest_port}/")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.content == PAGE.read_bytes()


def test_the_installer_is_a_valid_script():
    subprocess.run(["sh", "-n", INSTALLER], check=True)
    text = INSTALLER.read_text(encoding="utf-8")
    assert (
        "chromium chromium-driver" in text and json.dumps("--no-install-recommends")[1:-1] in text
    )
