"""How a model is written and read again: arguments, optimizers, counters, random generators."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfgan_survey.errors import SettingError


class SavesItself:
    """The saving half of `TrainableModel`.

    Why:
        Keras saves the variables of networks and optimizers under the names of the attributes that
        hold them; what it leaves out, a resumed training needs to the bit.
    """

    def get_config(self) -> dict[str, Any]:
        """Return everything that `from_config` needs: the constructor's arguments and the dtype."""
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            **{name: serialize(getattr(self, name)) for name in _constructor_names(type(self))},
            "dtype": serialize(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects=None) -> keras.Model:
        """Build the model from what `get_config` returned.

        Args:
            config: the constructor's arguments, objects serialized.
            custom_objects: Keras passes them; classes are found by their registered names.
        """
        return cls(
            **{
                key: keras.saving.deserialize_keras_object(value, custom_objects)
                if isinstance(value, dict)
                else value
                for key, value in config.items()
            }
        )

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return the optimizers' configurations, which Keras would not save for this `compile`."""
        if not self.compiled:
            return None
        serialize = keras.saving.serialize_keras_object
        optimizers = {name: serialize(getattr(self, name)) for name in self.optimizer_names}
        return optimizers | self._compile_arguments

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as saved; builds the optimizers, so that their state can be loaded.

        Args:
            config: what `get_compile_config` returned.
        """
        optimizers = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in self.optimizer_names
        }
        self.compile(**{**config, **optimizers})

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Do nothing: the constructor builds all variables.

        Args:
            config: the input's shape, as Keras has it.
        """

    def save_own_variables(self, store) -> None:
        """Save the counters, and the state of every random generator, which Keras leaves out.

        Args:
            store: a mapping from names to arrays.
        """
        for name, variable in self._own_state().items():
            store[name] = variable.numpy()

    def load_own_variables(self, store) -> None:
        """Load what `save_own_variables` saved.

        Args:
            store: a mapping from names to arrays.

        Raises:
            ValueError: the file holds other variables than this model.
        """
        state = self._own_state()
        if set(store.keys()) != set(state):
            raise ValueError(
                f"The file holds {sorted(store.keys())} for this model, expected {sorted(state)}; "
                "it was saved by another composition or version."
            )
        for name, variable in state.items():
            variable.assign(store[name])

    def exported_variables(self) -> list[keras.Variable]:
        """Return the variables of the networks that an export holds, in its order."""
        return [variable for network in self.exported_networks() for variable in network.variables]

    def load_exported(self, arrays: Sequence[np.ndarray], steps: int) -> None:
        """Take over the weights that an export of such a model holds.

        A network whose average is exported gets the average too: what was trained is not there.

        Args:
            arrays: one for each of `exported_variables`, in that order.
            steps: training steps behind them, for the clock; the other counters stay.

        Raises:
            SettingError: arrays of another model.
        """
        variables = self.exported_variables()
        came, expected = [a.shape for a in arrays], [tuple(v.shape) for v in variables]
        if came != expected:
            raise SettingError(f"weights of the shapes {came} came, {self.name} has {expected}.")
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        for name, network in list(vars(self).items()):
            if name.startswith("ema_") and isinstance(network, keras.Model):
                getattr(self, name.removeprefix("ema_")).set_weights(network.get_weights())
        self._clock.assign(steps)

    def _own_state(self) -> dict[str, keras.Variable]:
        counters = {name: getattr(self, name) for name in (*self.counters, "epochs_seen")}
        metric = (self.loss_means.totals, self.loss_means.counts)
        generators = [
            generator for layer in self._flatten_layers() for generator in layer._seed_generators
        ]
        return {
            **counters,
            **{variable.name: variable for variable in metric},
            **{f"random_{index}": item.state for index, item in enumerate(generators)},
        }


def _constructor_names(kind: type) -> list[str]:
    """Return the arguments of the constructors that `**kwargs` hand on, Keras' own left out."""
    names: dict[str, None] = {}
    for cls in kind.__mro__[: kind.__mro__.index(keras.Model)]:
        if "__init__" in vars(cls):
            parameters = inspect.signature(cls.__init__).parameters.values()
            plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
            names |= {p.name: None for p in parameters if p.kind in plain}
    return [name for name in names if name not in ("self", "name")]
