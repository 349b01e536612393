"""Describes what a search tries: values and ranges for a builder's fields and `fit`."""

import dataclasses
import difflib
import inspect
import itertools
import math
import numbers
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import keras

from transferlearn.backbones import Backbone
from transferlearn.builders import Builder
from transferlearn.checks import is_number
from transferlearn.features.fingerprints import digest
from transferlearn.json_fields import Json

if TYPE_CHECKING:
    from optuna.trial import Trial

Label: TypeAlias = str | int | float | bool | None
"""What a study stores for a value: a drawn number, a plain value, or the text of an object."""

FIT_ARGUMENTS = ("epochs", "schedule")  # can be searched too, besides fields of the builder
_PLAIN = (str, int, float, bool, type(None))  # values that a study stores as they are


@dataclasses.dataclass(frozen=True)
class Range:
    """Describes which numbers `tl.search` is to try: from `low` to `high`, both included.

    Args:
        low: The smallest number; with `log` above 0.
        high: The largest number. Where both ends are whole (`int`), only whole numbers are tried.
        log: Whether numbers are spread by their order of magnitude, as for learning rates.

    Raises:
        ValueError: The ends are no finite numbers, or in the wrong order.

    Example:
        space = {"learning_rate": tl.Range(1e-4, 1e-1, log=True), "epochs": tl.Range(5, 20)}
    """

    low: float
    high: float
    _: dataclasses.KW_ONLY
    log: bool = False

    def __post_init__(self) -> None:
        ends = (self.low, self.high)
        if not all(map(is_number, ends)) or not -math.inf < self.low < self.high < math.inf:
            raise ValueError(f"A range goes from a number to a larger one. Received: {self!r}")
        if self.log and self.low <= 0:
            raise ValueError(f"A range with log=True begins above 0. Received: {self!r}")
        whole = all(isinstance(end, numbers.Integral) for end in ends)
        for name, end in zip(("low", "high"), ends, strict=True):
            object.__setattr__(self, name, int(end) if whole else float(end))

    @property
    def whole(self) -> bool:
        """Returns whether only whole numbers are tried."""
        return isinstance(self.low, int)


def label(value: object) -> Label:
    """Returns what a study stores for a value: a plain value itself, or the text of an object.

    The text is the same in every process. Keras's models are told apart by their weights.
    """
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (list, tuple)):
        parts = [str(label(part)) for part in value]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if isinstance(value, (Backbone, keras.Model)):
        model = value.model if isinstance(value, Backbone) else value
        return f"{value.name} {digest(*model.weights)[:8]}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _called(value, vars(value))
    if hasattr(value, "get_config"):
        config = value.get_config()
        # Keras makes up names such as "dense_3", which differ from process to process.
        return _called(value, {name: config[name] for name in config if name != "name"})
    # An address differs from process to process.
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def _called(value: object, arguments: Mapping[str, object]) -> str:
    """Writes an object as a call of its class, with the arguments that are not the defaults."""
    written = [
        f"{name}={_argument(arguments[name])}"
        for name, parameter in inspect.signature(type(value)).parameters.items()
        if name in arguments and _argument(arguments[name]) != _argument(parameter.default)
    ]
    return f"{type(value).__name__}({', '.join(written)})"


def _argument(value: object) -> str:
    """Writes an argument: a float with six digits, anything else as its label."""
    return f"{value:g}" if isinstance(value, float) else str(label(value))


def text(value: object) -> str:
    """Writes a label or a number for people, a float with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class Space:
    """Checks what a search tries, and translates between it and the parameters of a study.

    Parameters are the numbers and labels that a study holds, by name.

    Args:
        space: A list of values, or a `Range`, for each name.
        builder: The builder whose fields are searched.

    Raises:
        ValueError: A name is unknown, a list is empty, or two values have the same label.
        TypeError: What to try is neither a list nor a `Range`, or a field refuses a value's type.
    """

    def __init__(self, space: Mapping[str, Any], builder: Builder) -> None:
        if not isinstance(space, Mapping) or not space:
            raise TypeError(
                "space goes from names to what to try, such as "
                "{'learning_rate': tl.Range(1e-4, 1e-1, log=True)}. "
                f"Received: space={space!r}"
            )
        self._tried: dict[str, Range | dict[Label, object]] = {}
        for name, tried in space.items():
            _check_name(name, builder)
            self._tried[name] = tried if isinstance(tried, Range) else _by_label(name, tried)
            for value in [] if isinstance(tried, Range) else tried:
                if name not in FIT_ARGUMENTS:
                    with suppress(ValueError):  # may be right with another value of another field
                        dataclasses.replace(builder, **{name: value})

    def __contains__(self, name: str) -> bool:
        return name in self._tried

    def tried(self) -> dict[str, Range | list[Label]]:
        """Returns what is tried, by name: the range, or the labels in the order of the values."""
        return {
            name: tried if isinstance(tried, Range) else list(tried)
            for name, tried in self._tried.items()
        }

    def suggest(self, trial: "Trial") -> dict[str, Label]:
        """Lets an Optuna trial draw its parameters, and gives them."""
        return {name: _suggest(trial, name, tried) for name, tried in self.tried().items()}

    def combinations(self, most: int) -> list[dict[str, Label]]:
        """Lists all combinations that can be drawn; none if there is a `Range` or above `most`."""
        lists = [tried for tried in self.tried().values() if not isinstance(tried, Range)]
        if len(lists) < len(self._tried) or math.prod(map(len, lists)) > most:
            return []
        return [dict(zip(self._tried, drawn, strict=True)) for drawn in itertools.product(*lists)]

    def chosen(self, parameters: Mapping[str, Label]) -> tuple[Json, Json]:
        """Returns the fields of the builder and the arguments of `fit` that parameters stand for.

        Raises:
            ValueError: A parameter is not among what is tried.
        """
        fields: dict[str, Any] = {}
        arguments: dict[str, Any] = {}
        for name, parameter in parameters.items():
            tried = self._tried.get(name, {})
            if not isinstance(tried, Range) and parameter not in tried:
                raise ValueError(
                    f"The storage holds a trial with {name}={parameter!r:.99}, which this search "
                    "does not try: somebody else wrote it. Take another storage."
                )
            value = parameter if isinstance(tried, Range) else tried[parameter]
            (arguments if name in FIT_ARGUMENTS else fields)[name] = value
        return fields, arguments


def _suggest(trial: "Trial", name: str, tried: Range | list[Label]) -> Label:
    """Lets an Optuna trial draw one parameter, and gives it."""
    if not isinstance(tried, Range):
        return trial.suggest_categorical(name, tried)
    draw = trial.suggest_int if tried.whole else trial.suggest_float
    return draw(name, tried.low, tried.high, log=tried.log)


def _check_name(name: str, builder: Builder) -> None:
    """Refuses a name that is neither a field of the builder nor a searchable argument of `fit`."""
    # The builder's seed is that of the search.
    fields = [f.name for f in dataclasses.fields(builder) if f.init and f.name != "seed"]
    known = [*fields, *FIT_ARGUMENTS]
    if name not in known:
        raise ValueError(
            f"A search is over the fields of the builder ({', '.join(fields)}) and the arguments "
            f"{' and '.join(FIT_ARGUMENTS)} of fit. Received: {name!r}. "
            f"Closest: {', '.join(difflib.get_close_matches(str(name), known)) or 'none'}."
        )


def _by_label(name: str, values: object) -> dict[Label, object]:
    """Returns the values to try, by label; refuses no values, NaN, and two with one label."""
    if not isinstance(values, (list, tuple)):
        raise TypeError(
            f"What to try for {name} is a list of values or a tl.Range. Received: {values!r}"
        )
    labelled = {label(value): value for value in values}
    if not values or len(labelled) < len(values) or any(x != x for x in labelled):
        raise ValueError(
            f"What to try for {name} is at least one value, none of them NaN, and no two that are "
            "written alike (a class of your own needs a __repr__, which a dataclass has). "
            f"Received: {[label(value) for value in values]}"
        )
    return labelled
