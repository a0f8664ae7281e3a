"""The model on paper: bytes and turns of a ring all-reduce, and the page written from results."""

import distributed
import pytest


def test_scaling_on_paper():
    assert distributed.bytes_a_step(1000, 1) == 0
    assert distributed.bytes_a_step(1000, 2) == 4000  # half there, half back, of 4,000 bytes
    assert distributed.bytes_a_step(1000, 1024) == pytest.approx(7992.1875)
    seconds = distributed.step_seconds(0.1, 1000, 4, 1e6, 0.001, 2)
    assert seconds == pytest.approx(0.1 + 0.006 + 0.012)
    batch = distributed.hiding_batch(0.001, 1000, 2, 1e6)
    assert 0.001 * batch / (0.001 * batch + 0.004) == pytest.approx(0.9)


def test_the_page_holds_what_was_measured():
    row = {"float64": {"2": 3e-12}, "float32": {"2": 4e-4}, "another order": 5e-4}
    results = {
        "weights": {"steps": 200, "batch": 64, "rows": {"MLP": row}},
        "scaling": {
            "model": "dcgan", "share": 64, "parameters": 1_000_000, "processor": "a processor",
            "date": "2026-01-01", "seconds": {"1": [0.1, 0.1], "2": [0.11, 0.11]},
        },
    }  # fmt: skip
    text = distributed.page(results)
    assert "| MLP | 3.0e-12 | 4.0e-04 | 5.0e-04 |" in text
    assert "| 2 | 0.1100 | 1164 | 0.91 |" in text
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| 1,024 |")]
    (row,) = rows
    assert row[1].strip() == "7.99"  # 2 x 1023/1024 x 4 MB
    # 8 MB take 6.4 ms at 10 Gbit/s; nine times as long at 1/640 s an image.
    assert int(row[5]) == round(9 * 0.0079921875e9 / 1.25e9 / (0.1 / 64))
