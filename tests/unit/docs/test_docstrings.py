"""Docstrings that a documentation generator can read: `Args` complete, headers alone, sources."""

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import pytest

import tfgan_survey
from tfgan_survey.zoo import MODELS

ROOT = Path(tfgan_survey.__file__).parent
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))
SECTIONS = "Formula|Why|Args|Attributes|Returns|Yields|Raises|Example|Source"


@cache
def tree(name):
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def functions(node):
    return [one for one in node.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))]


def decorators(node):
    return {
        getattr(found, "attr", getattr(found, "id", ""))
        for one in node.decorator_list
        for found in [one.func if isinstance(one, ast.Call) else one]
    }


def parameters(function, method=False):
    found = function.args
    names = [one.arg for one in (*found.posonlyargs, *found.args)]
    names = names[1:] if method and "staticmethod" not in decorators(function) else names
    names += [found.vararg.arg] if found.vararg else []
    names += [one.arg for one in found.kwonlyargs]
    names += [found.kwarg.arg] if found.kwarg else []
    return [name for name in names if not name.startswith("_")]


def overrides(method, node, name):
    """Whether a class below it explains the method: one of the package, of Keras, of click."""
    path = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    module = importlib.import_module(f"tfgan_survey.{path}")
    below = getattr(module, node.name).__mro__[1:]
    return any(method.name in vars(base) for base in below)


def constructor(node):
    """Parameters of a class: of its own `__init__`, or the fields of a dataclass."""
    for method in functions(node):
        if method.name == "__init__":
            return parameters(method, method=True)
    if "dataclass" not in decorators(node):
        return []
    return [
        one.target.id
        for one in node.body
        if isinstance(one, ast.AnnAssign)
        and not one.target.id.startswith("_")
        and "ClassVar" not in ast.unparse(one.annotation)
        and "init=False" not in ast.unparse(one)
    ]


def public(name):
    """What is explained to a caller: (qualified name, docstring, parameters)."""
    if any(part.startswith("_") and part != "__init__.py" for part in name.split("/")):
        return
    for node in tree(name).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, ast.get_docstring(node), constructor(node)
            for method in functions(node):
                own = not method.name.startswith("_") and method.name != "from_config"
                setter = {"setter", "property", "cached_property"} & decorators(method)
                if own and not setter and not overrides(method, node, name):
                    yield (
                        f"{node.name}.{method.name}",
                        ast.get_docstring(method),
                        parameters(method, method=True),
                    )
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            # The flags of a command explain themselves by their help.
            commands = {"command", "group"} & decorators(node)
            if not node.name.startswith("_") and not commands:
                yield node.name, ast.get_docstring(node), parameters(node)


def documented(docstring):
    """Names in the sections `Args` and `Attributes`."""
    found = re.findall(r"^(?:Args|Attributes):\n((?:(?: .*)?(?:\n|\Z))+)", docstring or "", re.M)
    lines = [line for section in found for line in section.splitlines()]
    names = [re.match(r" {4}((?:\*{0,2}\w+(?:, )?)+)(?: \([^)]*\))?:", line) for line in lines]
    return [one.lstrip("*") for match in names if match for one in match[1].split(", ")]


def offenders(name):
    for qualified, docstring, wanted in public(name):
        there = documented(docstring)
        if wanted and sorted(there) != sorted(wanted):
            missing = [one for one in wanted if one not in there]
            unknown = [one for one in there if one not in wanted]
            yield qualified, missing, unknown


@pytest.mark.parametrize("name", FILES)
def test_args_name_every_parameter(name):
    found = [
        f"{qualified}: without {', '.join(missing) or 'nothing'}"
        + (f"; no parameter {', '.join(unknown)}" if unknown else "")
        for qualified, missing, unknown in offenders(name)
    ]
    assert not found, f"{name}\n" + "\n".join(found)


@pytest.mark.parametrize("name", FILES)
def test_headers_stand_alone_on_their_line(name):
    for node in ast.walk(tree(name)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node) or ""
            crowded = re.findall(rf"^ *(?:{SECTIONS}): *\S.*$", docstring, re.M)
            assert not crowded, f"{name}, {getattr(node, 'name', 'module')}: {crowded}"
            bare = re.findall(rf"^(?:{SECTIONS}):\n(?!    )", docstring + "\n", re.M)
            assert not bare, f"{name}, {getattr(node, 'name', 'module')}: indent the text below"


@pytest.mark.parametrize("room", ["objectives", "regularizers"])
def test_each_loss_and_penalty_names_its_source(room):
    named = 0
    for file in FILES:
        for node in tree(file).body if file.startswith(f"{room}/") else ():
            if isinstance(node, ast.ClassDef) and any(
                isinstance(one, (ast.Assign, ast.AnnAssign))
                and "name" in ast.unparse(one).split("=")[0].split(":")[0].split()
                and isinstance(one.value, ast.Constant)
                and one.value.value not in ("", "none")
                for one in node.body
            ):
                named += 1
                assert re.search(r"^Source:", ast.get_docstring(node) or "", re.M), node.name
    assert named >= 2


@pytest.mark.parametrize("name", MODELS)
def test_each_recipe_names_its_source(name):
    assert re.search(
        r"arXiv:\d{4}\.\d{4,5}|JMLR \d+|survey|lecture|by measurement", MODELS[name].source
    ), name


def test_the_lint_sees_what_is_missing():
    """On a text of its own: a name left out, one too many, two in a line, a star."""
    text = (
        "One line.\n\nArgs:\n    first, *rest: both.\n        more: of it.\n    last (int): it.\n"
    )
    assert documented(text) == ["first", "rest", "last"]
    assert documented(text + "\nReturns:\n    other: no.\n") == ["first", "rest", "last"]
    assert documented("One line.") == []
