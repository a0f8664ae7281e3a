"""Verdicts by hand-made measurements: each threshold from both sides, errors taken into account."""

import math

import pytest

from tfgan_survey.evaluation.verdict import FAIR, GOOD, POOR, fraction, verdicts
from tfgan_survey.metrics import METRICS, Measurement
from tfgan_survey.metrics.bench import PRINCIPAL


def found(name, value, error=None, details=None, **beside):
    """A measurement; its references by name, each a value, or a value and its error."""
    named = {"real": "real images", "untrained": "untrained survey_gan", "pca": PRINCIPAL,
             "mean": "mean image", "frequent": "most frequent class"}  # fmt: skip
    pairs = [(k, v if isinstance(v, tuple) else (v, None)) for k, v in beside.items()]
    refs = tuple(Measurement(named.get(k, k), *v, 1000, 0, "p") for k, v in pairs)
    return Measurement(name, value, error, 1000, 0, "p", refs, details or {})


def one(*measured):
    (verdict,) = verdicts(measured)
    return verdict


@pytest.mark.parametrize(("measured", "grade", "end"), [
    # High for real data: 1 % or the errors are nothing, 5 % nearly, 30 % fair.
    (found("gan_test", 0.992, 0.001, real=(0.995, 0.001)), GOOD, "as good as real."),
    (found("gan_test", 0.981, 0.001, real=(0.99, 0.001)), GOOD, ": as good as real."),
    (found("gan_test", 0.979, 0.001, real=(0.99, 0.001)), GOOD, "nearly as good as real."),
    (found("gan_test", 0.94, 0.001, real=(0.99, 0.001)), FAIR, "about a twentieth of them show"
     " something else."),
    (found("recall", 0.68, 0.01, real=(0.87, 0.01)), FAIR, "about a fifth of the variety is"
     " missing."),
    (found("recall", 0.60, 0.01, real=(0.87, 0.01)), POOR, "about a third of the variety is"
     " missing."),
    (found("recall", 0.68, 0.1, real=(0.87, 0.01)), GOOD, ": as good as real."),
    (found("modes", 6.0, real=8.0), FAIR, "about a quarter of them are missing."),
    # Distances: within the errors, then by the way that is behind.
    (found("frechet_distance", 0.5, 0.1, real=(0.3, 0.01), untrained=240.0), GOOD,
     "not to be told from real data by so many samples."),
    (found("frechet_distance", 1.5, 0.1, real=(0.3, 0.01), untrained=240.0), GOOD,
     ": 99.4 % of the way to real data."),
    (found("frechet_distance", 10.0, 0.1, real=(0.0, 0.0), untrained=100.0), FAIR, "90 % of"
     " the way to real data."),
    (found("frechet_distance", 11.0, 0.1, real=(0.0, 0.0), untrained=100.0), POOR, "89 % of"
     " the way to real data."),
    (found("kernel_distance", 1.2, 0.0, real=0.0, untrained=1.0), POOR, "than at the start."),
    (found("inception_fid", 40.0, real=5.0), FAIR, "8 times as far as real data."),
    (found("inception_fid", 51.0, real=5.0), POOR, "10 times as far as real data."),
    (found("kernel_distance", 1.0, 0.1, real=(0.01, 0.01)), FAIR, "farther than real data are from"
     " each other."),
    (found("frechet_distance", 0.0004, 1e-9, real=0.0, untrained=1.0), GOOD, ": 99.9 % of the"
     " way to real data."),
    # Copies: chance, up to three times as many, more.
    (found("near_copies", 0.012, 0.003, real=(0.01, 0.003)), GOOD, "no copies."),
    (found("near_copies", 0.029, 0.003, real=(0.01, 0.003)), FAIR, "look at the pairs."),
    (found("near_copies", 0.031, 0.003, real=(0.01, 0.003)), POOR, "samples are too simple."),
    (found("class_diversity", 0.91), GOOD, "as varied as real."),
    (found("class_diversity", 0.8), FAIR, "about a fifth of the variety is missing."),
    (found("class_diversity", 1.4), POOR, "may be noise."),
    (found("worst_class_diversity", 0.5, details={"worst_class": 3}), POOR, "The least varied"
     " class, 3, has 0.5 times the spread of real images."),
    # Autoencoders, VAEs, classifiers, taggers: held against the simplest ways.
    (found("reconstruction_error", 3.0, 0.1, mean=52.0, pca=(13.9, 0.1)), GOOD, "better than"
     " that."),
    (found("reconstruction_error", 13.8, 0.1, mean=52.0, pca=(13.9, 0.1)), FAIR, "no difference"
     " that is certain."),
    (found("reconstruction_error", 20.0, 0.1, mean=52.0, pca=(13.9, 0.1)), FAIR, "mean image 52:"
     " 38 % of that error is left."),
    (found("reconstruction_error", 52.1, 0.1, mean=52.0), POOR, "no better than that."),
    (found("precision_at_10", 0.95, 0.003, pixels=(0.93, 0.004)), GOOD, "better than that."),
    (found("precision_at_10", 0.90, 0.003, pixels=(0.93, 0.004)), POOR, "not even that."),
    (found("classification_error", 0.02, 0.001, frequent=0.88), GOOD, "2.3 % of that error is"
     " left."),
    (found("tag_f1", 0.3, 0.01, **{"logistic regression": (0.25, 0.01), "10 nearest": 0.2}), GOOD,
     "logistic regression 0.250 \u00b1 0.010: better than that."),
    # Translators.
    (found("recognised", 0.95, 0.01, **{"real test images": 0.99}), GOOD, "nearly as good as"
     " real."),
    (found("translation_a2b", 5.0, 0.1, untranslated=50.0, **{"real with real": (0.0, 0.1)}), FAIR,
     "90 % of the way to real data."),
    (found("cycle_error", 0.02, b2a=0.06), FAIR, "changes pixels by 6 % of white."),
])  # fmt: skip
def test_a_measurement_is_said_by_its_references(measured, grade, end):
    verdict = one(measured)
    assert verdict.grade == grade and verdict.text.endswith(end), verdict


def test_numbers_and_errors_stand_in_the_sentence():
    text = one(found("gan_test", 0.992, 0.0009, real=(0.9951, 0.0007))).text
    assert text == ("Recognised as their label: 99.200 \u00b1 0.090 %, real images 99.510 \u00b1 "
                    "0.070 %: as good as real.")  # fmt: skip


def test_a_hidden_message_is_found_by_the_worse_way():
    plain = found("cycle_error", 0.02, b2a=0.02)
    assert verdicts([plain, found("cycle_error_noise", 0.022, b2a=0.029)])[1].grade == GOOD
    hidden = verdicts([plain, found("cycle_error_noise", 0.022, b2a=0.031)])[1]
    assert hidden.grade == POOR and "1.6 times as much" in hidden.text


def test_nothing_is_said_without_a_reference_or_a_number():
    silent = [found("gan_test", 0.9), found("recall", math.nan, real=0.9), found("recall", 0.1,
              real=math.nan), found("parzen_log_likelihood", 200.0, real=230.0),
              found("negative_log_likelihood", 90.0), found("worst_class_diversity", 0.8),
              found("near_copies", 0.5), found("cycle_error_noise", 0.3)]  # fmt: skip
    assert verdicts(silent) == []


def test_every_outcome_with_a_direction_has_a_rule_or_a_reason():
    from tfgan_survey.evaluation.verdict import _RULES

    outcomes = {name for metric in METRICS.values() for name in metric.outcomes}
    assert outcomes == set(_RULES), "a new metric works without words here; give it some"


def test_shares_are_said_as_the_nearest_fraction():
    words = {0.218: "a fifth", 0.3: "a third", 0.47: "half", 0.06: "a twentieth", 1.0: "all"}
    assert {share: fraction(share) for share in words} == words
