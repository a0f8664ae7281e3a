"""How good the tags of images are: precision and recall a tag, and how many are ever right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from tfgan_survey.errors import SettingError, UnknownNameError, nearest
from tfgan_survey.metrics.base import HIGHER, Metric, yields
from tfgan_survey.metrics.bench import Bench
from tfgan_survey.metrics.common import Estimate, Measurement

NUM = 5
"""Tags an image in the protocol of Corel5k; its images have at most as many."""
NEIGHBOURS = 2
C = 3.0
"""Inverse strength of the logistic regressions' penalty: the best of 0.3, 1, 3 and 10 by F1 on
every ninth training image of Corel5k."""
_RESAMPLES = 200


class Tagging(NamedTuple):
    """What assigned tags score, each with its standard error over images.

    Args:
        precision: mean over tags.
        recall: mean over tags.
        f1: harmonic mean of these two means.
        recalled: number of tags that are right at least once, N+.
    """

    precision: Estimate
    recall: Estimate
    f1: Estimate
    recalled: Estimate


def top_tags(shares: np.ndarray, num: int = NUM) -> np.ndarray:
    """Return the tags of the largest shares, the largest first; equal ones in the tags' order.

    Args:
        shares: `(n, number of tags)`.
        num: how many, at most the number of tags.

    Returns:
        Indices int64 `(n, num)`.

    Raises:
        SettingError: more than there are, or none.
    """
    if not 1 <= num <= shares.shape[1]:
        raise SettingError(f"num={num}: expected 1 to the {shares.shape[1]} tags.")
    return np.argsort(-shares, axis=1, kind="stable")[:, :num]


def tagging(assigned: np.ndarray, tags: np.ndarray) -> Tagging:
    """Score the tags that images were given against those that they have.

    Formula:
        of tag t: right_t images have it and were given it, has_t have it, given_t were given it;
        P = mean_t right_t / given_t (0 where it was given to none), R = mean_t right_t / has_t,
        F1 = 2 P R / (P + R) (0 where both are), N+ = #{t: right_t > 0};
        t over the tags that some of these images have
    Why:
        Means over tags ask for the rare ones as well; a few common tags for all images are
        mostly right by image, and score next to nothing here.

    Args:
        assigned: indices `(n, k)`, each tag at most once an image.
        tags: `(n, number of tags)`, 1 where an image has the tag and else 0.

    Returns:
        The four, with standard errors by 200 draws of n images with replacement.

    Raises:
        ValueError: not one row an image, indices that are none of a tag or come twice, no tag.

    Example:
        >>> found = tagging(np.array([[0], [0]]), np.array([[1, 0], [0, 1]]))
        >>> found.precision.value, found.recall.value, found.recalled.value
        (0.25, 0.5, 1.0)

    Source:
        Duygulu et al. 2002, and Makadia et al. 2008 for the means over tags and N+ on Corel5k.
    """
    assigned, tags = np.asarray(assigned), np.asarray(tags)
    if tags.ndim != 2 or assigned.ndim != 2 or len(assigned) != len(tags) or not np.any(tags):
        raise ValueError(
            f"assigned {assigned.shape} and tags {tags.shape}: expected (n, k) and (n, number of "
            "tags), of which images have some."
        )
    count = tags.shape[1]
    if assigned.dtype.kind not in "iu" or assigned.min() < 0 or assigned.max() >= count:
        raise ValueError(f"assigned is {assigned.dtype}; expected indices from 0 to {count - 1}.")
    given = np.zeros(tags.shape, np.float64)
    np.put_along_axis(given, assigned, 1.0, axis=1)
    if given.sum() != assigned.size:
        raise ValueError("assigned has a tag twice for one image; expected different ones.")
    has = (tags > 0).astype(np.float64)
    # The whole set first, then the draws: how often each image counts.
    draws = np.random.default_rng(0).multinomial(
        len(tags), np.full(len(tags), 1 / len(tags)), _RESAMPLES
    )
    weights = np.concatenate([np.ones((1, len(tags))), draws])
    right, has_it, given_it = (weights @ one for one in (given * has, has, given))
    there = has_it > 0
    num = there.sum(axis=1)
    precision = (right / np.maximum(given_it, 1)).sum(axis=1, where=there) / num
    recall = (right / np.maximum(has_it, 1)).sum(axis=1, where=there) / num
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    recalled = (right > 0).sum(axis=1).astype(np.float64)
    return Tagging(
        *(Estimate(float(one[0]), float(one[1:].std(ddof=1)))
          for one in (precision, recall, f1, recalled))
    )  # fmt: skip


# ---------------------------------------------------------------------- what it is compared with


def by_prior(features: np.ndarray, tags: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the same shares for every image: those of the training images that have each tag.

    Args:
        features: of training images `(m, size)`, not looked at.
        tags: of training images `(m, number of tags)`.
        asked: features `(n, size)`.

    Returns:
        `(n, number of tags)`.
    """
    return np.broadcast_to(tags.mean(axis=0), (len(asked), tags.shape[1]))


def by_neighbours(
    features: np.ndarray, tags: np.ndarray, asked: np.ndarray, k: int = NEIGHBOURS
) -> np.ndarray:
    """Return how far the nearest training images agree on each tag.

    Formula:
        score_t = #{neighbours with t}; of equal scores that of the nearer neighbour is higher, and
        after that the more common tag's

    Args:
        features: of training images `(m, size)`.
        tags: of training images `(m, number of tags)`.
        asked: features `(n, size)`; near is a large cosine, equal ones in the set's order.
        k: neighbours, at most 3.

    Returns:
        Scores float64 `(n, number of tags)`; their order is what counts.
    """
    similarity = _unit(asked) @ _unit(features).T
    nearest = np.argsort(-np.round(similarity, 12), axis=1, kind="stable")[:, :k]
    nearer = 1 + 0.1 ** np.arange(1, k + 1)  # at most 3 ranks: weights never outdo a whole vote
    votes = np.einsum("nkt,k->nt", tags[nearest].astype(np.float64), nearer)
    return votes + 1e-4 * tags.mean(axis=0)


def by_regression(
    features: np.ndarray, tags: np.ndarray, asked: np.ndarray, c: float = C
) -> np.ndarray:
    """Return the probabilities of a logistic regression a tag (scikit-learn).

    Args:
        features: of training images `(m, size)`.
        tags: of training images `(m, number of tags)`.
        asked: features `(n, size)`.
        c: see `C`.

    Returns:
        `(n, number of tags)`; of tags that all or no training images have, 1 or 0.
    """
    shares = tags.mean(axis=0)
    found = np.array(by_prior(features, tags, asked), np.float64)
    open_ones = np.flatnonzero((shares > 0) & (shares < 1))
    if len(open_ones):
        model = OneVsRestClassifier(LogisticRegression(C=c, max_iter=1000))
        made = model.fit(features, tags[:, open_ones].astype(int)).predict_proba(asked)
        found[:, open_ones] = made[:, -len(open_ones):]  # fmt: skip
    return found


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


REFERENCES: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "prior": by_prior,
    f"{NEIGHBOURS} nearest neighbours": by_neighbours,
    "logistic regression": by_regression,
}
"""From features and tags of training images to scores of others."""


class TaggingMetric(Metric):
    """Five tags an image: precision and recall, means over tags, and how many are ever right."""

    name = "tagging"
    judges = "tag"
    outcomes = yields(tag_precision=HIGHER, tag_recall=HIGHER, tag_f1=HIGHER, tags_recalled=HIGHER)
    needs = ()
    default = 5
    cost = "half a minute"

    def measure(self, bench: Bench) -> list[Measurement]:
        """Tag all test images by vote; references: what other ways say, fitted to the same."""
        from tfgan_survey.models.tagging import VOTES, tag_shares

        train, test, spec = bench.train, bench.test, bench.model.spec
        check_vocabulary(test.vocabulary, spec.vocabulary)
        shares = {"the model": tag_shares(bench.model, test.labels, seed=bench.seed)}
        if bench.with_references:
            for i, (name, score) in enumerate(REFERENCES.items()):
                if bench.progress is not None:
                    bench.progress((i + 1) / (len(REFERENCES) + 1), f"tags by {name}")
                shares[name] = score(train.labels, train.images, test.labels)
        num = min(NUM, len(spec.vocabulary))
        found = {name: tagging(top_tags(one, num), test.images) for name, one in shares.items()}
        protocol = (
            f"{num} tags for each of {len(test)} test images; precision (0 of a tag that no image "
            f"got) and recall a tag, means over the {int(test.images.any(axis=0).sum())} tags that "
            "test images have; F1 of the two means; tags recalled: right at least once; tags by "
            f"{VOTES} generated vectors an image, each voting for what it has; neighbours by "
            "cosine, their common tags first, then the nearer one's, then the more common ones; a "
            f"logistic regression a tag with C={C:g}; error over test images, by {_RESAMPLES} "
            "draws with replacement"
        )
        return [
            bench.compared(name, dict(zip(found, values, strict=True)), protocol, len(test))
            for name, values in zip(self.outcomes, zip(*found.values(), strict=True), strict=True)
        ]


def check_words(words: Iterable[str], vocabulary: Sequence[str]) -> None:
    """Refuse tags that a model does not know.

    Args:
        words: tags that are asked for.
        vocabulary: the model's.

    Raises:
        UnknownNameError: one out of its vocabulary, with the nearest ones.
    """
    for word in words:
        if word not in vocabulary:
            close = nearest(word, vocabulary)
            hint = f"; did you mean {' or '.join(close)}?" if close else "."
            raise UnknownNameError(
                f"unknown tag {word!r}, none of the {len(vocabulary)} that the model knows{hint}"
            )


def check_vocabulary(words: Sequence[str], vocabulary: Sequence[str]) -> None:
    """Refuse a data set whose tags are not the model's.

    Args:
        words: tags of the data set.
        vocabulary: the model's.

    Raises:
        UnknownNameError: a tag out of its vocabulary, with the nearest ones.
        SettingError: fewer tags, or in another order.
    """
    check_words(words, vocabulary)
    if tuple(words) != tuple(vocabulary):
        raise SettingError(
            f"the data set has {len(words)} of the model's {len(vocabulary)} tags, or another "
            "order; give the one that it was trained on, or a file with its tag_names."
        )
