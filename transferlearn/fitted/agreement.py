"""Checks that the parts of a save belong together, before anything is predicted with them."""

from collections.abc import Mapping
from dataclasses import is_dataclass

import keras

from transferlearn.data.kind import Kind
from transferlearn.edge import TensorSpec
from transferlearn.json_fields import FieldError, Json, check_fields, fits
from transferlearn.monitoring.reference import Reference
from transferlearn.schedules.results import PhaseResult, SolvedHead, StoredPart
from transferlearn.tasks import Encoding
from transferlearn.types import Tensor


def check_said(saved: Json, kind: type[Kind], encoding: type[Encoding]) -> None:
    """Raises `FieldError` where a save's description has values of other types than it was given.

    Args:
        saved: The description, in format 2.
        kind: The class of its kind.
        encoding: The class of its encoding.
    """
    for made, where in ((kind, "kind"), (encoding, "task")):
        if is_dataclass(made):
            check_fields(made, saved[where]["settings"], where=where, whole=False)
    for phase in saved["phases"]:
        _check_figures(PhaseResult, phase, "phases")
        for figures, part in ((StoredPart, "stored"), (SolvedHead, "solved")):
            if phase[part] is not None:
                _check_figures(figures, phase[part], f"phases.{part}")
    history = saved["history"]
    is_history = fits(history["epoch"], list[int])
    is_history = is_history and fits(history["metrics"], dict[str, list[object]])
    values = keras.tree.flatten(history["metrics"]) if is_history else [None]
    if not all(type(value) in (int, float) for value in values):
        raise FieldError("history is no list of numbers for each metric")


def _check_figures(made: type, said: object, where: str) -> None:
    """Checks what is only shown, in which a number may be NaN."""
    if isinstance(said, Mapping):
        said = keras.tree.map_structure(lambda x: 0.0 if isinstance(x, float) else x, dict(said))
    check_fields(made, said, where=where, whole=False)


def check_parts(
    model: keras.Model, kind: Kind, encoding: Encoding, reference: Reference | None
) -> None:
    """Raises `ValueError` where a network, its items, its task or its reference are of others."""
    inputs = {tensor.name: _spec(tensor) for tensor in model.inputs}
    own = {name: inputs[name] for name in kind.inputs() if name in inputs}
    kind.reader_in_keras().check_inputs(own)
    kind.check_network(model)
    if missing := encoding.inputs.keys() - inputs.keys():
        raise ValueError(f"the network has no input {min(missing)!r}, which its task needs.")
    try:
        meant = encoding.meant(model.output)
    except Exception as error:  # of Keras, whose operations raise errors of all sorts
        raise ValueError(f"the network's outputs are of another task: {error!s:.200}") from error
    # A task of several outputs may mean mappings of tensors, which no reader reads by one name.
    tensors = {name: part for name, part in meant.items() if not isinstance(part, Mapping)}
    outputs = {name: _spec(tensor) for name, tensor in tensors.items()}
    encoding.output_reader().check_outputs(outputs)
    encoding.answerer(model, kind)  # where a text is written, it refuses what it cannot write by
    if reference is not None:
        reference.check(kind.name, encoding.scoring.signals)


def _spec(tensor: Tensor) -> TensorSpec:
    """Describes a tensor of any number of rows."""
    return TensorSpec((None, *tensor.shape[1:]), str(tensor.dtype))
