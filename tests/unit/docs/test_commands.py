"""What a reader is told to type and to look at is there."""

import ast
import re
import shlex
from pathlib import Path

import pytest
import reproduce

from tfgan_survey import zoo
from tfgan_survey.cli import cli
from tfgan_survey.pretrained import PRETRAINED

ROOT = Path(__file__).parents[3]
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for pattern in ("*.md", "docs/**/*.md", "deploy/*.md", "saved_models/*.md")
    for path in sorted(ROOT.glob(pattern))
    if path.name != "CHANGELOG.md"
}
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.S | re.M)


def told(start):
    """Commands in fences and backticks that begin so: (document, command) pairs."""
    for name, text in DOCUMENTS.items():
        text = text.replace("\\\n", " ")
        found = [line for fence in FENCE.findall(text) for line in fence.splitlines()]
        found += [" ".join(one.split()) for one in re.findall(r"`([^`]+)`", FENCE.sub("", text))]
        # A subcommand without arguments is spoken of; capitals stand for the reader's own words.
        spoken = re.compile(r"[A-Z]{3,}|--set$|^tfgan-survey \w+$")
        for one in found:
            one = re.sub(r"^[\w./]*(?=tfgan-survey )", "", one.removeprefix("tools/"))
            if one.startswith(start) and not (start == "tfgan-survey " and spoken.search(one)):
                yield name.replace(".zh.md", ".md"), one


@pytest.mark.parametrize(("name", "command"), sorted(set(told("tfgan-survey "))))
def test_the_command_line_accepts(name, command, monkeypatch):
    monkeypatch.chdir(ROOT)
    for _, one in told("tfgan-survey export "):  # what is told to be exported can be served
        exported = f"saved_models/{Path(one.split()[2]).name}"
        command = re.sub(rf"{exported}(?=\s|$)", "saved_models/cgan_mnist", command)
    group, arguments = cli, shlex.split(command, comments=True)[1:]
    context = None
    while hasattr(group, "resolve_command"):
        _, group, arguments = group.resolve_command(context, arguments)
    if group.name == "serve":
        exported = {one.split("--output ")[1].split()[0] for _, one in told("tfgan-survey export ")
                    if "--output " in one}  # fmt: skip
        arguments = ["saved_models/cgan_mnist" if one in exported else one for one in arguments]
    asked = group.make_context(group.name, list(arguments)).params
    if group.name == "train" and asked["model"]:
        pairs = dict(pair.split("=", 1) for pair in asked["settings"])
        zoo.resolve(asked["model"], pairs)
    if group.name in ("sample", "evaluate", "export") and not arguments[0].endswith(".npz"):
        folder = arguments[0]
        trained = {f"runs/{one.split()[2]}" for _, one in told("tfgan-survey train ")}
        outputs = {one.split("--output ")[1].split()[0] for _, one in told("tfgan-survey train ")
                   if "--output " in one}  # fmt: skip
        made = "runs/cgan_mnist"  # by make mnist
        named = re.sub(r"/[\w]+\.keras$", "", folder)
        assert named in {made, *trained, *outputs, *PRETRAINED}


def declared(path):
    """Options that a program's parser, or the one that benchmarks share, declares."""
    shared = ROOT / "benchmarks" / "kept_runs.py"
    sources = [path, *([shared] if "kept_runs" in path.read_text(encoding="utf-8") else [])]
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
                yield from (one.value for one in node.args if isinstance(one, ast.Constant))


PROGRAMS = {one for one in told("python ") if not one[1].startswith("python -m")}


@pytest.mark.parametrize(("name", "command"), sorted(PROGRAMS))
def test_programs_and_their_options_are_there(name, command):
    program, *arguments = shlex.split(command, comments=True)[1:]
    path = ROOT / program
    assert path.is_file(), f"{name} names {program}"
    options = {one.strip("[]") for one in arguments if one.lstrip("[").startswith("--")}
    assert options <= set(declared(path)), f"{name}: {command}"
    if program == "benchmarks/reproduce.py" and "--rows" in arguments:
        assert arguments[arguments.index("--rows") + 1] in reproduce._rows()


@pytest.mark.parametrize(("name", "command"), sorted(set(told("make "))))
def test_make_has_the_target(name, command):
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.M)
    assert command.split()[1] in targets, f"{name}: {command}"


def anchor(heading):
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", DOCUMENTS[name])):
        if "://" in target:
            continue
        path, _, part = target.partition("#")
        there = (ROOT / name).parent / path if path else ROOT / name
        assert there.exists(), f"{name}: {target}"
        if part:
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.M)
            assert part in map(anchor, headings), f"{name}: {target}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_in_backticks_are_there(name):
    """Paths of the repository; those of a run and with a placeholder are made later."""
    for one in re.findall(r"`([\w./-]+/[\w./-]+)`", FENCE.sub("", DOCUMENTS[name])):
        if one.split("/")[0] in ("tfgan_survey", "benchmarks", "docs", "tests", "tools", "deploy"):
            assert (ROOT / one).exists(), f"{name}: {one}"
