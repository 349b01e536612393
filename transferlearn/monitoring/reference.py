"""Holds what items, features and outputs were like where a model was not trained on them."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from transferlearn.json_fields import Json
from transferlearn.monitoring.axes import FeatureAxes
from transferlearn.monitoring.measured import (
    CONFIDENCE,
    NOVELTY,
    Measured,
    Signals,
    is_axis,
    is_prediction,
)
from transferlearn.monitoring.outputs import OutputSignals, read_outputs
from transferlearn.monitoring.traits import Traits

FILE = "reference.json"
HELD_OUT, CROSS_FITTED = "held-out", "cross-fitted"  # what the items of a reference are
TRAINED_ON = "trained on"  # of these, only plain properties are known
MOST_ITEMS = 2000  # which take half a megabyte
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Holds what is needed to watch a model.

    Attributes:
        kind: The name of the kind of its items.
        outputs: What is watched of its outputs.
        axes: The axes of the training items' features; `None`: features are not watched.
        signals: The signals of items that the model was not trained on; or, of items that it was
            trained on, plain properties only.
        how: What these items are, in words, such as `"held-out"`.
    """

    kind: str
    outputs: OutputSignals
    axes: FeatureAxes | None
    signals: Signals
    how: str

    @classmethod
    def of(
        cls,
        axes: FeatureAxes,
        measured: Measured,
        *,
        kind: str,
        outputs: OutputSignals,
        how: str,
    ) -> "Reference":
        """Makes a reference.

        Args:
            axes: The axes of the features of items that the model was trained on.
            measured: What was measured of items that it was not trained on.
            kind: The name of the kind of the items.
            outputs: What is watched of the outputs.
            how: What the items are, in words.
        """
        found = measured.rows(np.arange(min(len(measured.values), MOST_ITEMS)))
        signals = signals_of(found, axes, outputs)
        return cls(kind=kind, outputs=outputs, axes=axes, signals=signals, how=how)

    @classmethod
    def of_traits(cls, traits: Traits, *, kind: str, outputs: OutputSignals) -> "Reference":
        """Makes a reference of plain properties of items that the model was trained on.

        Their features and outputs are unlike those of new items, so they are left out.
        """
        table = np.stack(list(traits.values()), axis=1).astype(np.float32)
        signals = Signals(tuple(traits), table, None, None)
        return cls(kind=kind, outputs=outputs, axes=None, signals=signals, how=TRAINED_ON)

    def __len__(self) -> int:
        return len(self.signals.table)

    def signals_of(self, measured: Measured) -> Signals:
        """Makes the signals of other items, with those columns that this reference has, too.

        Raises:
            ValueError: The items were measured for another model.
        """
        found = signals_of(measured, self.axes, self.outputs)
        shared = [name for name in self.signals.names if name in found.names]
        columns = [found.names.index(name) for name in shared]
        return found._replace(names=tuple(shared), table=found.table[:, columns])

    def without_outputs(self) -> "Reference":
        """The reference of a model whose outputs have changed: of items and answers only."""
        names = self.signals.names
        kept = [i for i, n in enumerate(names) if not is_prediction(n) and n != CONFIDENCE]
        table = self.signals.table[:, kept]
        signals = self.signals._replace(names=tuple(names[i] for i in kept), table=table)
        return replace(self, signals=signals)

    @property
    def summary(self) -> str:
        """The items that this is of, in a few words, and what is not known of them."""
        if self.how == TRAINED_ON:
            return f"{len(self):,} items trained on, without features and answers"
        return f"{len(self):,} {self.how} items"

    @property
    def watched(self) -> str:
        """Lists in words what is watched by this reference."""
        names = self.signals.names
        parts = ["features"] if NOVELTY in names else []
        inside = [n for n in names if not is_axis(n) and not is_prediction(n) and n != NOVELTY]
        answers = self.signals.answers is not None or any(map(is_prediction, names))
        return ", ".join([*parts, *inside, *(["answers"] if answers else [])])

    @property
    def score(self) -> float | None:
        """The share of the reference's answers that are right; what is half wrong counts half."""
        errors = self.signals.errors
        return None if errors is None else float(1 - errors.mean())

    def check(self, kind: str, outputs: OutputSignals) -> None:
        """Raises `ValueError` where this is the reference of another model.

        Args:
            kind: The name of the kind of the model's items.
            outputs: What is watched of its outputs.
        """
        if self.kind != kind:
            raise ValueError(f"the reference is of {self.kind:.60}, the model of {kind}.")
        ours, theirs = (list(each.settings().items())[:2] for each in (self.outputs, outputs))
        if ours != theirs:
            raise ValueError(
                f"the reference is of {', '.join(self.outputs.names)!s:.200}, the model of "
                f"{', '.join(outputs.names)!s:.200}."
            )

    def write(self, folder: Path) -> None:
        """Writes the reference into the folder of a save."""
        axes, signals = self.axes, self.signals
        arrays = {
            **({} if axes is None else axes.arrays()),
            "table": signals.table,
            **({} if signals.answers is None else {"answers": signals.answers.astype(np.int32)}),
            **({} if signals.errors is None else {"errors": signals.errors.astype(np.float32)}),
        }
        described = {
            "format": _FORMAT,
            "kind": self.kind,
            "outputs": self.outputs.settings(),
            "how": self.how,
            "width": 0 if axes is None else axes.width,
            "rest": 0.0 if axes is None else axes.rest,
            "names": list(signals.names),
            "arrays": {name: _written(array) for name, array in arrays.items()},
        }
        (folder / FILE).write_text(json.dumps(described), "utf-8")


def read_reference(folder: Path) -> Reference | None:
    """Reads the reference in the folder of a save, or gives `None` where there is none.

    Raises:
        ValueError: The file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        saved = json.loads(path.read_text("utf-8"))
        arrays = {name: _array(told_of) for name, told_of in saved["arrays"].items()}
        axes = None
        if saved["width"]:
            rotation = arrays["rotation"].astype(np.float32)
            axes = FeatureAxes(int(saved["width"]), arrays["mean"], rotation, float(saved["rest"]))
        signals = Signals(
            names=tuple(map(str, saved["names"])),
            table=arrays["table"],
            answers=arrays.get("answers"),
            errors=arrays.get("errors"),
        )
        if saved["format"] != _FORMAT:
            raise ValueError(f"format {saved['format']}")
        outputs = read_outputs(saved["outputs"])
        _check(axes, signals, outputs)
        return Reference(
            kind=str(saved["kind"]),
            outputs=outputs,
            axes=axes,
            signals=signals,
            how=str(saved["how"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else repr(error)
        raise ValueError(f"{path} holds no reference, or is damaged: {reason:.200}.") from error


def _check(axes: FeatureAxes | None, signals: Signals, outputs: OutputSignals) -> None:
    """Raises `ValueError` where the arrays of a reference have other shapes or odd numbers."""
    items, names = len(signals.table), signals.names
    if signals.table.shape != (items, len(names)) or not items:
        raise ValueError(f"a table of shape {signals.table.shape} for {len(names)} signals")
    if any(x is not None and x.shape != (items,) for x in (signals.answers, signals.errors)):
        raise ValueError(f"answers or errors that are not those of {items} items")
    answers = signals.answers
    if answers is not None and not (answers.min() >= 0 and answers.max() < len(outputs.names)):
        raise ValueError(f"answers beyond {len(outputs.names)} classes")
    if axes is None:
        return
    picked, count = len(axes.mean), sum(map(is_axis, names))
    if axes.mean.ndim != 1 or axes.rotation.shape != (picked, count) or picked > axes.width:
        raise ValueError(f"axes of shape {axes.rotation.shape} for {count} signals")
    if not 0 < axes.rest < np.inf:
        raise ValueError(f"{axes.rest} as what the axes leave")


def signals_of(measured: Measured, axes: FeatureAxes | None, outputs: OutputSignals) -> Signals:
    """Makes the signals of measured items, along the axes if there are any."""
    values, inside = measured.values, {}
    if measured.features is not None and axes is not None:
        places = axes.places(measured.features)
        inside = {f"axis {i + 1}": places[:, i] for i in range(places.shape[1])}
        inside[NOVELTY] = axes.novelty(measured.features)
    confidence = outputs.confidence(values)
    columns: Mapping[str, np.ndarray] = {
        **inside,
        **measured.traits,
        **outputs.watched(values),
        **({} if confidence is None else {CONFIDENCE: confidence}),
    }
    return Signals(
        names=tuple(columns),
        table=np.stack(list(columns.values()), axis=1).astype(np.float32),
        answers=outputs.answers(values),
        errors=measured.errors,
    )


def _written(array: np.ndarray) -> Json:
    """Writes an array as what JSON can hold; its size cannot be more than its bytes."""
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}


def _array(saved: Json) -> np.ndarray:
    """Reads an array that `_written` wrote, and refuses numbers that are not finite."""
    if saved["dtype"] not in ("float16", "float32", "int32"):
        raise ValueError(f"numbers of type {saved['dtype']!r:.40}")
    array = np.frombuffer(base64.b64decode(saved["data"]), saved["dtype"]).reshape(saved["shape"])
    if not np.isfinite(array).all():
        raise ValueError("numbers that are not finite")
    return array
