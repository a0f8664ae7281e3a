"""The optimizers against NumPy loops, inside a compiled `fit`."""

import inspect

import keras
import numpy as np
import pytest

from tfgan_survey.models.optimizers import OPTIMIZERS, DividedRate, LinearFall, RampedSGD, adam


def _fit(optimizer, steps, execution=4, path=None):
    """Train y = w x on x = 1, y = 0, whose gradient is 2 w, and return w before and after."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.ones((1, 1), "float32")])
    model.compile(optimizer, "mse", steps_per_execution=execution, jit_compile=False)
    x = np.ones((steps, 1), "float32")
    model.fit(x, 0 * x, batch_size=1, epochs=1, verbose=0)
    return model


def _reference(steps, rate, momentum, w=1.0, velocity=0.0, start=0):
    for t in range(start, start + steps):
        velocity = momentum(t) * velocity - rate(t) * 2 * w
        w += velocity
    return w


def test_sgd_follows_both_schedules_inside_fit():
    optimizer = OPTIMIZERS["sgd"](
        learning_rate=0.05,
        decay=1.02,
        learning_rate_floor=0.04,
        momentum=0.5,
        final_momentum=0.7,
        momentum_updates=10,
    )
    expected = _reference(
        24,
        lambda t: max(0.05 / 1.02**t, 0.04),
        lambda t: 0.5 + 0.2 * min(t / 10, 1.0),
    )
    model = _fit(optimizer, 24)
    assert float(model.get_weights()[0].item()) == pytest.approx(expected, rel=1e-4)
    frozen = _reference(24, lambda t: max(0.05 / 1.02**t, 0.04), lambda t: 0.5)
    assert abs(expected - frozen) > 0.1 * abs(expected)  # a frozen momentum would be seen


def test_a_ramp_from_zero_has_velocities():
    optimizer = OPTIMIZERS["sgd"](
        learning_rate=0.05, momentum=0.0, final_momentum=0.9, momentum_updates=4
    )
    model = _fit(optimizer, 8)
    expected = _reference(8, lambda t: 0.05, lambda t: 0.9 * min(t / 4, 1.0))
    assert float(model.get_weights()[0].item()) == pytest.approx(expected, rel=1e-4)


def test_the_schedules_go_on_after_loading(tmp_path):
    options = {"learning_rate": 0.05, "decay": 1.05, "momentum": 0.2, "final_momentum": 0.8}
    model = _fit(OPTIMIZERS["sgd"](**options, momentum_updates=12), 6)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.ones((6, 1), "float32")
    loaded.fit(x, 0 * x, batch_size=1, verbose=0)
    expected = _reference(12, lambda t: 0.05 / 1.05**t, lambda t: 0.2 + 0.6 * t / 12)
    assert float(loaded.get_weights()[0].item()) == pytest.approx(expected, rel=1e-4)


def test_2014_rate_is_exact_after_many_updates():
    rate = DividedRate(0.1, 1.000004, 1e-6)
    assert float(rate(125_000)) == pytest.approx(0.1 / 1.000004**125_000, rel=1e-5)
    assert float(rate(10**8)) == pytest.approx(1e-6)
    assert float(rate(0)) == pytest.approx(0.1)


def test_rmsprop_divides_by_the_root_mean_square():
    model = _fit(OPTIMIZERS["rmsprop"](learning_rate=0.01, rho=0.9), 5)
    w, mean_square = 1.0, 0.0
    for _ in range(5):
        mean_square = 0.9 * mean_square + 0.1 * (2 * w) ** 2
        w -= 0.01 * 2 * w / np.sqrt(mean_square)
    assert float(model.get_weights()[0].item()) == pytest.approx(w, rel=1e-5)


def test_rmsprop_moves_as_far_for_tiny_gradients():
    # A clipped critic's gradients are tiny: an epsilon of 1e-8 below the root would stop it.
    step = OPTIMIZERS["rmsprop"](learning_rate=0.01, rho=0.9)
    variable = keras.Variable([1.0])
    step.apply([np.array([1e-6], "float32")], [variable])
    assert float(variable[0]) == pytest.approx(1 - 0.01 / np.sqrt(0.1), rel=1e-3)


@pytest.mark.parametrize(("decay", "floor"), [(1.0, 0.0), (1.25, 0.06)])
def test_adam_is_the_snippets_but_for_a_decay_that_is_asked_for(decay, floor):
    options = {"beta_1": 0.5, "decay": decay, "learning_rate_floor": floor}
    model = _fit(OPTIMIZERS["adam"](learning_rate=0.1, **options), 5)
    w, m, v = 1.0, 0.0, 0.0
    for t in range(1, 6):
        gradient = 2 * w
        m, v = 0.5 * m + 0.5 * gradient, 0.999 * v + 0.001 * gradient**2
        rate = max(0.1 / decay ** (t - 1), floor)
        w -= rate * (m / (1 - 0.5**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    assert float(model.get_weights()[0].item()) == pytest.approx(w, rel=1e-4)
    defaults = {k: p.default for k, p in inspect.signature(OPTIMIZERS["adam"]).parameters.items()}
    snippet = {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
    assert {key: defaults.pop(key) for key in snippet} == snippet
    line = {"falls_from": None, "falls_until": None}
    assert defaults == {"decay": 1.0, "learning_rate_floor": 1e-6, **line}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_call_gives_a_new_optimizer_that_can_be_saved(name):
    first, second = OPTIMIZERS[name](), OPTIMIZERS[name]()
    assert first is not second
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(first))
    assert copy.get_config() == first.get_config()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decay": 0.99}, "decay=0.99"),
        ({"final_momentum": 1.5}, "final_momentum=1.5"),
        ({"momentum_updates": 0}, "momentum_updates=0"),
        ({"momentum": 2.0}, "momentum"),
    ],
)
def test_wrong_schedules_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OPTIMIZERS["sgd"](**options)


def test_ramped_sgd_reports_the_momentum_of_the_update_under_way():
    optimizer = RampedSGD(0.1, 0.5, 0.7, 4)
    variable = keras.Variable([0.0])
    optimizer.build([variable])
    seen = []
    for _ in range(6):
        seen.append(float(optimizer.current_momentum()))
        optimizer.apply([np.zeros(1, "float32")], [variable])
    assert seen == pytest.approx([0.5, 0.55, 0.6, 0.65, 0.7, 0.7])


def test_a_rate_that_falls_in_a_line_is_constant_then_falls_to_nothing():
    rate = LinearFall(0.2, 100, 200)
    found = [float(rate(step)) for step in (0, 100, 101, 150, 199, 200, 1000)]
    np.testing.assert_allclose(found, [0.2, 0.2, 0.198, 0.1, 0.002, 0.0, 0.0], atol=1e-7)
    again = LinearFall.from_config(rate.get_config())
    assert float(again(150)) == float(rate(150))


@pytest.mark.parametrize(
    "options",
    [
        {"falls_from": 5},
        {"falls_until": 5},
        {"falls_from": 5, "falls_until": 5},
        {"falls_from": 1, "falls_until": 5, "decay": 1.1},
    ],
)
def test_half_a_line_is_refused(options):
    with pytest.raises(ValueError, match="falls in a line from one update to a later one"):
        adam(**options)
