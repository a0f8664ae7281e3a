"""What every kind of condition must do; a new kind is tested by being listed."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_survey.conditions import CONDITIONS, Classes, Vector, as_condition
from tfgan_survey.conditions.picture import Picture
from tfgan_survey.data.examples import ExampleSet
from tfgan_survey.data.sets.mixtures import PointSet
from tfgan_survey.data.stream import set_epoch
from tfgan_survey.errors import SettingError

NAN, INF = np.nan, np.inf


@dataclasses.dataclass(frozen=True)
class Kind:
    """A condition, rows of it, their code, and what it refuses."""

    condition: object
    rows: np.ndarray
    code: np.ndarray
    wrong: list  # rows of wrong values, and the words that say why
    other: list  # rows of another form


KINDS = {
    "classes": Kind(
        Classes(3),
        np.array([2, 0], np.int32),
        np.eye(3, dtype="float32")[[2, 0]],
        [(np.array([0, 3], np.int32), r"0\.\.3: expected 0 to 2|class ids 0 to 2"),
         (np.array([-1, 2], np.int32), r"-1\.\.2: expected 0 to 2|class ids 0 to 2")],
        [(np.zeros(2, np.float32), "float32; expected integer"),
         (np.zeros((2, 1), np.int32), "one class id a row")],
    ),
    "vector": Kind(
        Vector(2),
        np.array([[0.5, -1.0], [3.0, 0.0]], np.float32),
        np.array([[0.5, -1.0], [3.0, 0.0]], np.float32),
        [(np.array([[0.0, NAN], [1.0, 1.0]], np.float32), "finite float32 rows of 2"),
         (np.array([[0.0, INF], [1.0, 1.0]], np.float32), "finite float32 rows of 2")],
        [(np.zeros((2, 3), np.float32), r"float32 \(2, 3\); expected finite float32 rows of 2"),
         (np.zeros(2, np.float32), r"float32 \(2,\)"),
         (np.zeros((2, 2), np.int32), "int32")],
    ),
    "picture": Kind(
        Picture((1, 2, 1)),
        np.array([[[[0.0], [1.0]]], [[[0.5], [0.25]]]], np.float32),
        np.array([[[[-1.0], [1.0]]], [[[0.0], [-0.5]]]], np.float32),
        [(np.array([[[[NAN], [1.0]]]] * 2, np.float32), r"pictures \(n, 1, 2, 1\)"),
         (np.array([[[[1.5], [1.0]]]] * 2, np.float32), r"pictures \(n, 1, 2, 1\)")],
        [(np.zeros((2, 2, 2, 1), np.float32), r"float32 \(2, 2, 2, 1\)"),
         (np.zeros((2, 1, 2, 1), np.int32), "int32")],
    ),
}  # fmt: skip


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def test_every_kind_is_listed():
    assert set(KINDS) == set(CONDITIONS)
    assert all(type(one.condition) is CONDITIONS[name] for name, one in KINDS.items())


def test_the_code_is_what_networks_see(kind):
    rows, code = kind.condition.network_input()
    assert rows.name == kind.condition.input_name
    assert keras.backend.standardize_dtype(rows.dtype) == kind.condition.dtype
    np.testing.assert_array_equal(keras.Model(rows, code)(kind.rows), kind.code)
    ones = np.allclose(kind.code.sum(axis=1), 1) and set(np.unique(kind.code)) <= {0, 1}
    assert kind.condition.one_hot == ones


def test_a_signature_takes_the_rows(kind):
    spec = kind.condition.tensor_spec()
    assert spec.shape[0] is None and spec.name == kind.condition.input_name
    assert spec.is_compatible_with(tf.constant(kind.rows))


def test_right_rows_pass_and_wrong_ones_are_refused_eagerly_and_in_a_graph(kind):
    condition = kind.condition
    graph = tf.function(condition.checked, input_signature=[condition.tensor_spec()])
    for run in (condition.checked, graph):
        np.testing.assert_array_equal(run(tf.constant(kind.rows)), kind.rows)
    for rows, message in kind.wrong:
        with pytest.raises(ValueError, match=message):
            condition.checked(rows)
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            graph(tf.constant(rows))
        assert bool(condition.outside(condition.typed(rows)))
    assert not bool(condition.outside(condition.typed(kind.rows)))


def test_rows_of_another_form_are_refused(kind):
    for rows, message in kind.other:
        for run in (kind.condition.checked, tf.function(kind.condition.checked)):
            with pytest.raises(ValueError, match=message):
                run(tf.constant(rows))


def test_sampling_repeats_rows_in_turn(kind):
    made = kind.condition.sampling_rows(5, kind.rows)
    assert made.dtype == np.dtype(kind.condition.dtype)
    np.testing.assert_array_equal(made, kind.rows[[0, 1, 0, 1, 0]])
    np.testing.assert_array_equal(
        kind.condition.sampling_rows(3, kind.rows[1]), kind.rows[[1, 1, 1]]
    )
    for rows, message in [*kind.wrong, (kind.rows[:0], "expected")]:
        with pytest.raises(ValueError, match=message):
            kind.condition.sampling_rows(5, rows)


def test_only_classes_have_rows_of_their_own():
    np.testing.assert_array_equal(Classes(3).sampling_rows(4, None), [0, 1, 2, 0])
    with pytest.raises(ValueError, match="no default: give one row or one a sample, finite"):
        Vector(2).sampling_rows(4, None)
    # Plain numbers will do.
    made = Vector(2).sampling_rows(2, [1, 2])
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, [[1, 2], [1, 2]])


def test_a_condition_is_made_from_its_configuration_and_from_shorthand(kind):
    assert as_condition(kind.condition.get_config()) == kind.condition
    assert as_condition(None, kind.condition) is kind.condition
    assert as_condition(kind.condition) is kind.condition
    assert as_condition() is None
    assert as_condition(3) == as_condition(3, Classes(3)) == Classes(3)
    with pytest.raises(SettingError, match="give one of the two"):
        as_condition(4, kind.condition)
    with pytest.raises(ValueError, match="condition 'vektor'; did you mean vector"):
        as_condition({"kind": "vektor", "size": 2})


@pytest.mark.parametrize("make", [Classes, Vector])
@pytest.mark.parametrize("number", [0, -1, 2.5, True, "3"])
def test_sizes_that_are_none_are_refused(make, number):
    with pytest.raises(SettingError, match="expected 1 to 2147483647, a whole number"):
        make(number)


@pytest.mark.parametrize(("dtype", "classes"), [("int8", 200), ("uint8", 256), ("int64", 3)])
def test_narrow_and_wide_ids_are_compared_as_they_are(dtype, classes):
    condition = Classes(classes)
    top = min(classes - 1, np.iinfo(dtype).max)
    assert int(condition.checked(np.array([0, top], dtype))[1]) == top
    if dtype == "int64":
        with pytest.raises(ValueError, match=r"0\.\.4294967296: expected 0 to 2"):
            condition.checked(np.array([0, 2**32]))


# ---------------------------------------------------------------------- data


def make_set(kind, **change):
    images = np.arange(12, dtype=np.float32).reshape(6, 2)
    arguments = {
        "name": "made", "images": images, "labels": np.resize(kind.rows, (6, *kind.rows.shape[1:])),
        "condition": kind.condition,
    }  # fmt: skip
    if isinstance(kind.condition, Classes):
        arguments["class_names"] = ("a", "b", "c")
    return ExampleSet(**{**arguments, **change})


def test_a_set_streams_examples_with_their_rows(kind):
    data = make_set(kind)
    stream = data.stream(4, seed=1, drop_remainder=False)
    assert set_epoch(stream, 1)
    batches = list(stream)
    images, rows = (np.concatenate([one[i].numpy() for one in batches]) for i in (0, 1))
    order = data.order(1, seed=1)
    assert rows.dtype == np.dtype(kind.condition.dtype)
    np.testing.assert_array_equal(images, data.images[order])
    np.testing.assert_array_equal(rows, data.labels[order])
    assert dataclasses.replace(data, name="again").condition == kind.condition


def test_a_set_refuses_rows_that_are_none_of_its_condition(kind):
    wrong = [np.resize(rows, (6, *rows.shape[1:])) for rows, _ in kind.wrong]
    other = [np.resize(rows, (6, *rows.shape[1:])) for rows, _ in kind.other]
    for rows in (*wrong, *other, make_set(kind).labels[:5]):
        with pytest.raises(ValueError, match=r"^made: .*expected"):
            make_set(kind, labels=rows)


def test_a_set_says_what_its_labels_are():
    ids = np.zeros(6, np.int32)
    points = np.zeros((6, 2), np.float32)
    assert PointSet("made", points, ids, 1, ("a",)).condition == Classes(1)
    named = PointSet("made", points, ids, class_names=("a", "b"), condition=Classes(2))
    assert named.num_classes == 2
    with pytest.raises(ValueError, match="neither num_classes nor a condition"):
        PointSet("made", points, ids)
    with pytest.raises(ValueError, match="1 class names for None classes"):
        PointSet("made", points, points, class_names=("a",), condition=Vector(2))
