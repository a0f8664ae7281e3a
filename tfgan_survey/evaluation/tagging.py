"""Words for images: what a trained model says of features, from a file to a table."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgan_survey.data.sets.own import read_npz
from tfgan_survey.data.sets.tagged import check_features
from tfgan_survey.errors import DataError, RunError
from tfgan_survey.files import write_text
from tfgan_survey.metrics.tagging import NUM, check_words, top_tags
from tfgan_survey.models.tagging import VOTES, names_tags, tag_shares
from tfgan_survey.training.run import load_run


def tag(
    run: str | os.PathLike,
    features: str | os.PathLike,
    num: int = NUM,
    num_votes: int = VOTES,
    seed: int = 0,
    words: Sequence[str] | None = None,
    output: str | os.PathLike | None = None,
) -> list[list[tuple[str, float]]]:
    """Return the tags of images, each with the share of generated vectors that have it.

    Args:
        run: run folder or `.keras` file of a model that makes tags from features.
        features: an `.npz` with `features` `(n, size)`, or a `.csv` of numbers, a row an image,
            without a heading.
        num: tags an image, those with most of the votes first; at most as many as there are.
        num_votes: generated vectors an image, see `models.tagging.tag_shares`.
        seed: of the first of them.
        words: tags that come into question; None for all of the vocabulary.
        output: a `.csv` to be written, with the columns row, rank, tag and share; None for none.

    Returns:
        A list of `num` tags with their shares for each row of features.

    Raises:
        DataError: the features cannot be read, are of another length or hold NaN values.
        RunError: there is no model, or one that does not make tags.
        SettingError: `num` or `num_votes` out of range.
        UnknownNameError: words out of the model's vocabulary.

    Example:
        >>> tag("runs/tag_cgan", "features.npz", num=2)[0]
        [('sky', 0.83), ('plane', 0.61)]
    """
    model = load_run(run)
    if not names_tags(model):
        able = " and ".join(sorted(model.abilities)) or "do nothing that is asked for by name"
        raise RunError(
            f"{run} makes no tags: it can {able}. Train one on features and tags, as by "
            "`tfgan-survey train tag_cgan --dataset FILE.npz`."
        )
    vocabulary = model.spec.vocabulary
    if words is not None:
        check_words(words, vocabulary)
    given = _read(Path(features), model.spec.condition.size)
    allowed = np.arange(len(vocabulary))
    if words is not None:
        allowed = np.flatnonzero(np.isin(vocabulary, words))
    shares = tag_shares(model, given, num_votes, seed)[:, allowed]
    best = top_tags(shares, min(num, len(allowed)) if words is not None else num)
    found = [
        [(vocabulary[allowed[place]], float(row[place])) for place in order]
        for row, order in zip(shares, best, strict=True)
    ]
    if output is not None:
        write_text(output, _table(found))
    return found


def _table(found: Sequence[Sequence[tuple[str, float]]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("row", "rank", "tag", "share"))
    for i, tags in enumerate(found):
        writer.writerows(
            (i, rank, word, f"{share:g}") for rank, (word, share) in enumerate(tags, 1)
        )
    return text.getvalue()


def _read(path: Path, size: int) -> np.ndarray:
    """Return the features in a file, float32 `(n, size)`."""
    if path.suffix == ".npz":
        rows = read_npz(path, ("features",), ())["features"]
    elif path.suffix == ".csv":
        rows = _read_csv(path)
    else:
        raise DataError(f"{path}: expected an .npz with features, or a .csv of numbers.")
    try:
        return check_features(rows, size)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error


def _read_csv(path: Path) -> np.ndarray:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text: {error}") from error
    rows: list[list[float]] = []
    for number, cells in enumerate(csv.reader(lines), 1):
        if not cells:
            continue
        try:
            rows.append([float(cell) for cell in cells])
        except ValueError as error:
            raise DataError(
                f"{path}, line {number}: {error}; expected numbers with commas between them and "
                "no heading."
            ) from error
        if len(rows[-1]) != len(rows[0]):
            raise DataError(
                f"{path}, line {number} has {len(rows[-1])} numbers, the first {len(rows[0])}."
            )
    if not rows:
        raise DataError(f"{path} holds no row of numbers.")
    return np.array(rows)
