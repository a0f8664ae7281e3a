"""The site: the navigation names its pages, both languages agree, quoted numbers are measured."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import site_hooks
import yaml

import tfgan_survey
from tfgan_survey.zoo import MODELS

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
FILES = (*ROOT.glob("README*.md"), *DOCS.rglob("*.md"))
PAGES = {path.relative_to(ROOT).as_posix() for path in FILES}
CHINESE = sorted(name for name in PAGES if name.endswith(".zh.md"))
# Written by programs, and what goes beyond the how-to pages: in English in both sites.
ENGLISH_ONLY = {
    *(f"docs/{path.stem}.md" for path in (ROOT / "benchmarks").glob("*.py")),
    *(f"docs/{name}.md" for name in ("own_pictures", "looking", "exports", "scaling")),
}
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.S | re.M)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
HAN = re.compile(r"[\u4e00-\u9fff]")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml without making the Python objects that it names."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def leaves(nav):
    if isinstance(nav, str):
        yield nav
    else:
        for one in nav.values() if isinstance(nav, dict) else nav:
            yield from leaves(one)


def titles(nav):
    for one in nav:
        if isinstance(one, dict):
            for title, below in one.items():
                yield title
                yield from titles(below if isinstance(below, list) else [])


def test_the_navigation_has_every_page_and_a_chinese_title_for_it():
    config = yaml.load(read("mkdocs.yml"), Loader)
    named = Counter(f"docs/{one}" for one in leaves(config["nav"]))
    english = {one for one in PAGES if one.startswith("docs/") and not one.endswith(".zh.md")}
    assert set(named) == english
    assert max(named.values()) == 1
    plugin = next(one["i18n"] for one in config["plugins"] if "i18n" in one)
    translated = plugin["languages"][1]["nav_translations"]
    assert set(titles(config["nav"])) == set(translated)
    rooms = {path.parent.name for path in Path(tfgan_survey.__file__).parent.glob("*/__init__.py")}
    for room in rooms - {"cli"}:
        assert f"::: tfgan_survey.{room}\n" in read(f"docs/reference/{room}.md"), room


def test_every_page_by_hand_is_there_in_chinese():
    by_hand = {
        one
        for one in PAGES - ENGLISH_ONLY
        if not one.endswith(".zh.md")
        and not re.match(r"docs/(?:reference|notebooks)/(?!index)", one)
    }
    assert {one.replace(".md", ".zh.md") for one in by_hand} == set(CHINESE)


def shape(name):
    """What both languages have to share: headings' levels, code, pictures, links, numbers."""
    text = read(name)
    prose = FENCE.sub("", text)
    links = re.findall(r"\]\(([^)\s]+)\)", prose)
    prose = re.sub(r"\]\([^)]*\)", "]", prose)
    spans = re.findall(r"`([^`]+)`", prose)
    return {
        "headings": [len(one) for one in re.findall(r"^(#+) ", prose, re.M)],
        "code": FENCE.findall(text),
        "links": sorted(
            re.sub(r"\.zh\.md", ".md", one.partition("#")[0])
            for one in links
            if not one.startswith("README") and one[0] != "#"
        ),
        "rows of tables": len(re.findall(r"^\|", prose, re.M)),
        "names in backticks": Counter(" ".join(one.split()) for one in spans),
        "numbers": Counter(NUMBER.findall(re.sub(r"`[^`]+`", "", prose))),
    }


@pytest.mark.parametrize("name", CHINESE)
def test_both_languages_agree(name):
    english, chinese = shape(name.replace(".zh.md", ".md")), shape(name)
    for part, expected in english.items():
        found = chinese[part]
        if isinstance(expected, Counter):
            found, expected = dict(found - expected), dict(expected - found)
            assert not found and not expected, f"{part}: only {found}, missing {expected}"
        assert found == expected, part
    for paragraph in re.split(r"\n\s*\n", FENCE.sub("", read(name))):
        words = re.sub(r"`[^`]*`|\([^)]*\)|\$\$.*?\$\$", "", paragraph, flags=re.S)
        assert HAN.search(words) or len(re.findall(r"[A-Za-z]{3,}", words)) < 4, paragraph


# Pages whose numbers are told by test_numbers.py or written by programs.
SOURCES = ("measurements", "theory", "codes", "ablations", "critic_loss", "pretraining", "tagging",
           "translation", "inpainting", "discriminator_features")  # fmt: skip
# Settings, versions and definitions on the pages that quote.
GIVEN = {"0.0002", "0.5", "0.2", "1.3", "0.7", "0.9", "0.3", "3.10", "3.11", "2.11", "2.21", "3.15",
         "2.4", "4.9.10", "1.386", "127.0.0.1", "3.1", "3.2", "2.3.1", "4.2"}  # fmt: skip


QUOTING = re.compile(r"docs/(?:tutorial|howto|survey|lecture)/|README|docs/gallery|docs/index")


@pytest.mark.parametrize("name", sorted(filter(QUOTING.match, PAGES - set(CHINESE))))
def test_quoted_numbers_are_measured(name):
    """Rounded to fewer digits is quoted too."""
    known = {one for source in SOURCES for one in NUMBER.findall(read(f"docs/{source}.md"))}
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)|arXiv:[\d.]+", " ", FENCE.sub("", read(name)))
    bare = {one for one in NUMBER.findall(prose) if "." in one} - known - GIVEN
    assert not bare, f"{name} has numbers that no measured page has: {sorted(bare)}"


def test_the_page_of_models_has_every_name():
    rows = re.findall(r"^\| (`[^|]*) \|", read("docs/models.md"), re.M)
    named = {one for row in rows for one in re.findall(r"`(\w+)`", row)}
    assert set(MODELS) <= named, f"docs/models.md needs {sorted(set(MODELS) - named)}"


def test_the_readme_is_short():
    for name in ("README.md", "README.zh.md"):
        assert len(read(name).splitlines()) <= 120


def test_what_is_put_into_pages(tmp_path):
    text = site_hooks.command_line()
    assert "### tfgan-survey train\n" in text
    assert "--resume" in text.split("### tfgan-survey train\n")[1].split("###")[0]
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "words"]},
        {"cell_type": "code", "source": ["1 < 2"], "outputs": [
            {"output_type": "execute_result", "data": {"text/plain": ["True & <b>"]}},
            {"output_type": "display_data", "data": {"image/png": "aGk=\n", "text/plain": "im"}},
        ]},
    ]  # fmt: skip
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    page = site_hooks.notebook(path)
    assert page.startswith("# Title\nwords\n\n```python\n1 < 2\n```")
    assert "True &amp; &lt;b&gt;" in page
    assert 'src="data:image/png;base64,aGk="' in page


def test_chinese_lines_are_joined_where_a_space_would_be_wrong():
    page = "# 标题\n生成器，\n判别器\n  和 D\n损失\n- 一\n\n```\n码\n码\n```\n| 表 |\n表"
    wanted = "# 标题\n生成器，判别器和 D\n损失\n- 一\n\n```\n码\n码\n```\n| 表 |\n表"
    assert site_hooks.joined(page) == wanted


def test_the_notebooks_were_run_in_order_and_without_errors():
    found = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
    assert [path.name[0] for path in found] == list("12345")
    for path in found:
        cells = [one for one in json.loads(path.read_text())["cells"] if one["cell_type"] == "code"]
        assert len(cells) >= 4, path
        assert [one["execution_count"] for one in cells] == list(range(1, len(cells) + 1)), path
        assert not [out for one in cells for out in one["outputs"] if out["output_type"] == "error"]
        assert f"notebook: examples/notebooks/{path.name}" in read(f"docs/notebooks/{path.stem}.md")
