"""The CSV tables of a run: any column, nothing dropped in silence, damage is told."""

import math

import pytest

from tfgan_survey.training.history import HISTORY_COLUMNS, loss_history, probe_history


def test_every_logged_value_reaches_the_file(tmp_path):
    table = loss_history(tmp_path / "history.csv")
    table.add({"kl_loss": 0.25, "steps": 20, "epoch": 1, "d_loss": 1.5})
    table.add({"epoch": 2, "steps": 40, "d_loss": 1.25, "new": 7})
    lines = table.path.read_text().splitlines()
    assert lines == ["epoch,steps,d_loss,kl_loss,new", "1,20,1.5,0.25,", "2,40,1.25,,7"]
    assert table.read() == [
        {"epoch": 1, "steps": 20, "d_loss": 1.5, "kl_loss": 0.25, "new": None},
        {"epoch": 2, "steps": 40, "d_loss": 1.25, "kl_loss": None, "new": 7},
    ]
    assert table.damage() is None


def test_known_columns_keep_their_order(tmp_path):
    table = loss_history(tmp_path / "history.csv")
    table.add({name: 1 for name in reversed(HISTORY_COLUMNS)})
    assert table.path.read_text().splitlines()[0] == ",".join(HISTORY_COLUMNS)


def test_numbers_come_back_as_they_were(tmp_path):
    table = probe_history(tmp_path / "probe.csv")
    row = {"steps": 3, "num": 5, "a": 1.0, "b": math.inf, "c": -1e-30, "d": 0.1 + 0.2}
    table.add(row)
    (found,) = table.read()
    assert found == row and [type(value) for value in found.values()] == [int] * 2 + [float] * 4
    table.add({"steps": 4, "num": 5, "a": math.nan})
    assert math.isnan(table.read()[1]["a"])


def test_a_row_replaces_the_one_of_its_key_and_later_rows_are_dropped(tmp_path):
    table = loss_history(tmp_path / "history.csv")
    for epoch, steps in ((1, 20), (2, 33), (2, 40), (3, 60)):
        table.add({"epoch": epoch, "steps": steps})
    assert [row["steps"] for row in table.read()] == [20, 40, 60]
    before = table.path.stat().st_mtime_ns
    assert len(table.drop_after(60)) == 3 and table.path.stat().st_mtime_ns == before
    assert [row["steps"] for row in table.drop_after(40)] == [20, 40]
    assert [row["steps"] for row in table.read()] == [20, 40]


@pytest.mark.parametrize(
    ("text", "steps", "damage"),
    [
        ("epoch,steps,x\n1,20,1\n2,40,2\n", [20, 40], None),
        ("epoch,steps,x\n1,20,1\n2,40,2", [20], "has 1 damaged line"),  # 2 or the start of 2.5?
        ("epoch,steps,x\n1,20,1\n2,40\n3,60,3\n", [20, 60], "has 1 damaged line"),
        ("epoch,steps,x\n1,20,1,9\n2,4o,2\n", [], "has 2 damaged lines"),
        ("epoch,steps,x\n1,2.5,1\n2,,2\n", [], "has 2 damaged lines"),
        ("epoch,x\n1,20\n", [], "has no header with epoch and steps"),
        ("epoch,steps,steps\n1,20,20\n", [], "has no header with epoch and steps"),
        ("", [], "has no header with epoch and steps"),
        ("\0\n\0", [], "has no header with epoch and steps"),
        ("epoch,steps\n1,20\n\0,\0\n", [20], "has 1 damaged line"),
    ],
)
def test_damage_is_told_and_good_rows_are_read(tmp_path, text, steps, damage):
    table = loss_history(tmp_path / "history.csv")
    table.path.write_text(text)
    assert [row["steps"] for row in table.read()] == steps and table.damage() == damage


def test_no_file_is_no_damage(tmp_path):
    table = loss_history(tmp_path / "history.csv")
    assert table.read() == [] and table.damage() is None
