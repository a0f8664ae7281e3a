"""Retrieval against brute force: every distance by hand, every tie by index."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score

from tfgan_survey.metrics import METRICS, Bench, retrieval
from tfgan_survey.metrics.bench import PRINCIPAL
from tfgan_survey.metrics.needs import Given
from tfgan_survey.metrics.retrieval import balanced_queries, nearest, ranked


def brute_force(queries, query_labels, database, labels, k, distance):
    """Precision at k and average precision of each query, one sorted list a query."""
    found = []
    for query, label in zip(queries, query_labels, strict=True):
        far = [distance(query, row) for row in database]
        order = sorted(range(len(database)), key=lambda j: (far[j], j))
        relevant = (labels == label)[order]
        scores = -np.arange(len(order))
        found.append((relevant[:k].mean(), average_precision_score(relevant, scores)))
    return np.array(found)


def squared(a, b):
    return sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True))


def hamming(a, b):
    return sum(x != y for x, y in zip(a, b, strict=True))


def toy(num_queries=7, num=60, width=5, levels=2, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, levels, (num_queries + num, width))
    ids = rng.integers(0, 3, num_queries + num)
    return codes[:num_queries], ids[:num_queries], codes[num_queries:], ids[num_queries:]


@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_both_numbers_are_those_of_brute_force_ties_included(levels):
    queries, query_labels, database, labels = toy(levels=levels)
    one_by_one = brute_force(queries, query_labels, database, labels, 4, squared)
    found = retrieval(queries, query_labels, database, labels, k=4)
    for got, values in zip(found, one_by_one.T, strict=True):
        assert got.value == pytest.approx(values.mean(), abs=1e-12)
        assert got.standard_error == pytest.approx(values.std(ddof=1) / 7**0.5, abs=1e-12)
    if levels == 2:
        ties = [len({squared(query, row) for row in database}) for query in queries]
        assert max(ties) <= 6, "sixty rows, at most six distances"


def test_of_equal_codes_the_order_of_the_database_is_kept():
    codes, labels = np.ones((20, 3)), np.repeat([1, 0], 10)
    first = retrieval(codes[:1], [1], codes, labels, k=4)
    last = retrieval(codes[:1], [0], codes, labels, k=4)
    assert (first.precision.value, first.mean_average_precision.value) == (1.0, 1.0)
    wanted = np.mean([i / (10 + i) for i in range(1, 11)])
    assert last.precision.value == 0.0
    assert last.mean_average_precision.value == pytest.approx(wanted, abs=1e-12)
    assert np.isnan(first.precision.standard_error), "of one query"


@pytest.mark.parametrize("values", [(0, 1), (-1, 1)])
def test_codes_of_two_values_rank_by_hamming_distance(values):
    queries, query_labels, database, labels = toy(width=64, seed=1)
    wanted = brute_force(queries, query_labels, database, labels, 10, hamming).mean(axis=0)
    low, high = values
    found = retrieval(
        low + (high - low) * queries, query_labels, low + (high - low) * database, labels
    )
    assert [one.value for one in found] == pytest.approx(wanted, abs=1e-12)


def test_more_queries_than_are_ranked_at_once():
    queries, query_labels, database, labels = toy(num_queries=600, num=20, levels=50)
    told = []
    found = retrieval(queries, query_labels, database, labels, 3, told.append)
    wanted = brute_force(queries, query_labels, database, labels, 3, squared).mean(axis=0)
    assert [one.value for one in found] == pytest.approx(wanted, abs=1e-12)
    assert told == pytest.approx([250 / 600, 500 / 600, 1.0])


def test_copies_far_from_the_origin_stay_in_the_database_s_order():
    rng = np.random.default_rng(0)
    centre = 1000 + rng.random((1, 33)).astype(np.float32)
    database = np.repeat(centre + rng.random((3, 33)).astype(np.float32), 40, axis=0)
    (order,) = ranked(centre, database)
    blocks = order[0].reshape(3, 40)
    assert np.array_equal(blocks - blocks[:, :1], np.tile(np.arange(40), (3, 1)))
    distances, indices = nearest(centre, database, 41)
    assert np.array_equal(indices[0], order[0, :41])
    wanted = np.linalg.norm(database[indices[0]].astype(float) - centre.astype(float), axis=1)
    np.testing.assert_allclose(distances[0], wanted, rtol=1e-12)


def test_what_cannot_be_ranked_is_refused():
    codes, ids = np.zeros((4, 2)), np.arange(4)
    for arguments, k, message in (
        ((codes, ids, codes[:, :1], ids), 2, "queries has 2 columns, database has 1"),
        ((codes, ids[:3], codes, ids), 2, r"query_labels is int64 of shape \(3,\)"),
        ((codes, ids, codes, ids / 2), 2, "labels is float64"),
        ((codes, ids, codes[:2], ids[:2]), 2, "no image of label 2, 3"),
        ((codes, ids, codes, ids), 5, "k=5 must lie between 1 and the 4 images"),
        ((codes, ids, codes, ids), 0, "k=0 must lie"),
        ((np.full((4, 2), np.nan), ids, codes, ids), 2, "NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            retrieval(*arguments, k)
    with pytest.raises(ValueError, match="k=5 must lie"):
        nearest(codes, codes, 5)


def test_queries_are_balanced_and_always_the_same():
    labels = np.random.default_rng(3).integers(0, 4, 900)
    labels[labels == 3][5:] = 2
    chosen = balanced_queries(labels, np.arange(4), 400)
    assert np.bincount(labels[chosen]).tolist() == [100] * 4
    assert len(np.unique(chosen)) == 400
    first = np.random.RandomState(0).choice(np.flatnonzero(labels == 0), 100, replace=False)
    assert np.array_equal(chosen[:100], first)
    few = balanced_queries(labels[:8], np.arange(4), 400)
    assert sorted(few) == list(range(8)), "all, where a class has too few"
    assert len(balanced_queries(labels, np.arange(4), 2)) == 4, "one a class at least"


def test_the_metric_asks_the_model_beside_pixels_and_components(digits):
    train, test = (
        SimpleNamespace(images=images[:n], labels=labels[:n], num_classes=10)
        for n, (images, labels) in ((400, digits["train"]), (150, digits["test"]))
    )

    def encode(images):
        return images[:, 4:24:2, 4:24:2].astype(np.float32)

    told = []
    bench = Bench(None, None, train, test, "mnist_mini", model=SimpleNamespace(encode=encode))
    bench.progress = lambda share, step="": told.append((share, step))
    precision, ranking = METRICS["retrieval"]().measure(bench)
    chosen = balanced_queries(test.labels, np.arange(10))
    asked, labels = test.images[chosen], test.labels[chosen]
    pixels = [images.reshape(len(images), -1) / 255.0 for images in (asked, train.images)]
    coded = [encode(images).reshape(len(images), -1) for images in (asked, train.images)]
    pca = PCA(30, svd_solver="full").fit(pixels[1])
    rotated = [pca.transform(rows) for rows in pixels]
    wanted = [retrieval(q, labels, d, train.labels) for q, d in (coded, pixels, rotated)]
    assert (precision.name, ranking.name) == ("precision_at_10", "retrieval_map")
    for i, one in enumerate((precision, ranking)):
        assert (one.value, one.standard_error) == pytest.approx(wanted[0][i])
        assert [ref.name for ref in one.reference] == ["pixels", PRINCIPAL]
        assert one.reference[0].value == pytest.approx(wanted[1][i].value, abs=1e-12)
        assert one.reference[1].value == pytest.approx(wanted[2][i].value, abs=0.0015)
        assert one.reference[1].value > one.reference[0].value + 0.002
        assert one.num == len(chosen) and one.seed is None
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[-1] == 1.0
    alone = Bench(None, None, train, test, "mnist_mini", with_references=False, model=bench.model)
    assert METRICS["retrieval"]().measure(alone)[0].reference == ()


def test_what_it_needs():
    missing = METRICS["retrieval"].missing

    def given(**options):
        common = {"abilities": frozenset({"encode"}), "num_classes": 10, "labelled": False}
        return Given("made", (8, 8, 1), num_train=100, **{**common, **options})

    assert missing(given()) is None
    assert "two classes or more; made has none" in missing(given(num_classes=1))
    assert "two classes or more" in missing(given(num_classes=None))
    assert "told the label" in missing(given(labelled=True))
    assert missing(given(abilities=frozenset({"sample"}))).startswith("a model that can encode")
