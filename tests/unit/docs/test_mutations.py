"""The list of mistakes fits the tree, and the tool tells seen from unseen."""

import json

import mutations
import pytest

ENTRIES = mutations.read_list(mutations.ROOT / mutations.LIST)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda one: f"{one.file}: {one.why}"[:80])
def test_an_entry_fits_the_tree(entry):
    mutations.check(entry, mutations.ROOT)


def test_entries_are_many_and_no_two_are_the_same():
    assert len(ENTRIES) >= 40
    assert len({(one.file, one.old, one.new) for one in ENTRIES}) == len(ENTRIES)


def entry(new, tests=("test_toy.py",), old="return a + b"):
    return {"file": "toy.py", "old": old, "new": new, "why": new, "tests": list(tests)}


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "toy.py").write_text("def add(a, b):\n    return a + b\n")
    test = "from toy import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n"
    (tmp_path / "test_toy.py").write_text(test)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    return tmp_path


def call(tree, entries, *more):
    (tree / "list.json").write_text(json.dumps(entries))
    return mutations.main(["--root", str(tree), "--list", str(tree / "list.json"), *more])


def test_seen_and_unseen_are_told_apart_and_the_tree_is_left_alone(tree, capsys):
    before = (tree / "toy.py").read_bytes()
    assert call(tree, [entry("return a - b"), entry("return a * b")], "--jobs", "2") == 1
    printed = capsys.readouterr().out
    assert "seen   toy.py: return a - b" in printed
    assert "UNSEEN toy.py: return a * b" in printed  # 2 * 2 = 2 + 2
    assert "1 of 2 mistakes are seen" in printed
    assert (tree / "toy.py").read_bytes() == before
    # what is known is not asked again, but it is when the test has changed
    assert call(tree, [entry("return a - b"), entry("return a * b")]) == 1
    assert "to try" not in capsys.readouterr().out
    test = (tree / "test_toy.py").read_text().replace("add(2, 2) == 4", "add(2, 3) == 5")
    (tree / "test_toy.py").write_text(test)
    assert call(tree, [entry("return a - b"), entry("return a * b")]) == 0
    assert "2 of 2 mistakes are seen" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (entry("x", old="return b"), "stands there 0 times"),
        (entry("x", old="b"), "stands there 2 times"),
        (entry("return a + b"), "same text"),
        (entry("x", tests=["test_other.py"]), "no test_other.py"),
        (entry("x", tests=["test_toy.py::test_sub"]), "no test_sub"),
        ({**entry("x"), "file": "other.py"}, "no such file"),
        ({"file": "toy.py"}, "fields"),
    ],
)
def test_stale_entries_are_refused(tree, capsys, wrong, named):
    assert call(tree, [wrong]) == 1
    assert named in capsys.readouterr().err


def test_tests_that_fail_without_a_mistake_are_refused(tree, capsys):
    (tree / "test_toy.py").write_text("def test_add():\n    assert 0\n")
    assert call(tree, [entry("return a - b")]) == 1
    assert "fail without any mistake" in capsys.readouterr().err
