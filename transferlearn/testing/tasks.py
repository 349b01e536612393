"""Checks that a task learns its targets, trains a network, and gives predictions and figures."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from transferlearn.assembling import Network, assemble
from transferlearn.configs import subclasses
from transferlearn.data import Encoded, Images, Spec, Target, Targets
from transferlearn.data.listed import ByRow, Listed
from transferlearn.heads import Output
from transferlearn.tasks import Encoding, Evaluation, Seen, Task
from transferlearn.tasks.answering import values_of
from transferlearn.testing.requiring import (
    require,
    require_object,
    require_settings,
    small_backbone,
    some_pixels,
    through_json,
)
from transferlearn.types import Tensor

_IMAGE = (32, 32, 3)  # the shape of the images that a task is tried on


def check_task(task: Task, y: Any) -> None:
    """Checks a task: from targets through a small network to predictions, figures and a save.

    Args:
        task: The task to check.
        y: The targets of a dozen items or more, as the second part of `(x, y)` holds them.

    Raises:
        AssertionError: Something is wrong; the message says what, and what was expected.

    Example:
        tl.testing.check_task(Counts(), np.arange(20))
    """
    require_object(task, Task, "tl.tasks.Task")
    require_settings(task)
    targets = _gathered(task.target, y)
    _check_targets(targets, len(y))
    encoding = task.learn(targets)
    require(
        isinstance(encoding, Encoding),
        f"learn gives a tl.tasks.Encoding. Received: {encoding!r}",
    )
    _check_save(encoding)
    again = _gathered(encoding.target, y)[np.arange(len(y))]
    require(
        bool(np.array_equal(again, targets[np.arange(len(y))])),
        "The encoding's target reads the same data differently from the task's target.",
    )
    network = _network(encoding)
    encoding = encoding.of_network(network.outputs, None)
    _check_training(encoding, network, targets)


def _gathered(target: Target, y: Any) -> Targets:
    """Returns the targets that a target finds in `y`, the second part of `(x, y)`."""
    items = list(range(len(y)))
    listed = Listed(items=items, origin=ByRow(y), noun="item", in_files=False)
    return target.gather(listed).of_shape(_IMAGE)


def _check_targets(targets: Targets, count: int) -> None:
    """Checks the number of targets, how rows are taken, and the strata for a split."""
    require(isinstance(targets, Targets), f"gather gives tl.data.Targets. Received: {targets!r}")
    require(
        targets.count == count,
        f"count must be {count}, as many as there are items. Received: {targets.count}",
    )
    rows = np.array([2, 0])
    taken = targets.take(rows)[np.arange(2)]
    require(
        bool(np.array_equal(taken, targets[rows])),
        "targets.take(rows) must hold the rows that targets[rows] gives, in that order.",
    )
    strata = targets.strata()
    require(
        strata is None or strata.shape == (count,),
        f"strata() gives a whole number for each item, or None. Received: {strata!r:.60}",
    )
    require(bool(targets.summary()), "summary() must say in a few words what there is to learn.")


def _check_save(encoding: Encoding) -> None:
    """Checks that an encoding has a name of its own, and equals the one a save brings back."""
    # A save names its encoding, and is read by the class of that name.
    named = [c for c in subclasses(Encoding).values() if vars(c).get("name") == encoding.name]
    require(
        named == [type(encoding)],
        f"{type(encoding).__name__} needs a name of its own: a save could not tell what else is "
        f"called {encoding.name!r} from it.",
    )
    again = type(encoding).load(through_json(encoding.settings()))
    require(
        again == encoding,
        f"Saved and loaded, the encoding is another one: {again!r}, where {encoding!r} was "
        "expected.",
    )


def _network(encoding: Encoding) -> Network:
    """Makes a network: a small backbone, and a Dense layer for each output that is needed."""
    require(bool(encoding.outputs), "outputs names what a network has to give.")

    def output(given: Mapping[str, Tensor], needed: Output) -> Tensor:
        features = given["last"]
        for name in encoding.inputs:  # Keras 3.13 makes no model of inputs that nothing reads
            flat = keras.ops.cast(keras.layers.Flatten()(given[name]), "float32")
            features = features + 0 * keras.ops.reshape(keras.ops.mean(flat, 1), (-1, 1, 1, 1))
        if needed.per == "item":
            features = keras.layers.GlobalAveragePooling2D()(features)
        elif needed.per != "cell":
            features = keras.layers.Reshape((-1, features.shape[-1]))(features)
        return keras.layers.Dense(needed.units)(features)

    return assemble(
        small_backbone(),
        lambda features: {n: output(features, o) for n, o in encoding.outputs.items()},
        items={"image": Spec(_IMAGE, "float32")},
        outputs=encoding.outputs,
        further=encoding.inputs,
        begin=encoding.begin,
        finish=encoding.finish,
        name="checked",
    )


def _check_training(encoding: Encoding, network: Network, targets: Targets) -> None:
    """Trains the network for an epoch, and checks targets, loss, score, and what it predicts."""
    count = targets.count or 0
    raw = targets[np.arange(count)]
    objective = encoding.objective(loss=None, metrics=None, targets=targets, mixed=False)
    encoded = Encoded(raw) if objective.encode is None else objective.encode(raw)
    parts = keras.tree.flatten((encoded.targets, encoded.inputs))
    require(
        all(len(part) == count for part in parts),
        f"encode must give {count} rows for {count} items. Received: {list(map(len, parts))}",
    )
    require(
        len(encoded.inputs) == len(encoding.inputs),
        f"inputs names {len(encoding.inputs)} further inputs, and encode gives "
        f"{len(encoded.inputs)}.",
    )
    model, pixels = network.model, some_pixels(count)
    model.compile(optimizer="adam", loss=objective.loss, metrics=objective.metrics())
    x = (pixels, *encoded.inputs) if encoded.inputs else pixels
    history = model.fit(x, encoded.targets, sample_weight=encoded.weights, verbose=0).history
    loss = history["loss"]
    require(bool(np.isfinite(loss).all()), f"The loss is not finite: {loss[0]}.")
    require(
        encoding.after_epoch or encoding.score.name in history,
        f"The score is called {encoding.score.name!r}, and no metric has that name. There are: "
        f"{', '.join(history)}. A score of whole answers needs after_epoch = True.",
    )
    outputs = model.predict(x, verbose=0)
    _check_answers(encoding, outputs, raw)
    _check_answerer(encoding, model, pixels)
    guess, shape = encoding.scoring.guess(targets), values_of(encoding, outputs).shape[1:]
    require(
        guess is None or guess.shape == shape,
        f"guess gives the values of one item, of shape {shape}. Received: {guess!r}",
    )


def _check_answerer(encoding: Encoding, model: keras.Model, pixels: np.ndarray) -> None:
    """Checks that items alone are answered, and that both forms of the answers agree."""
    answerer = encoding.answerer(model, Images(_IMAGE[:2]))
    values, named = answerer(pixels), answerer.named(pixels)
    require(
        named.keys() == answerer.specs.keys(),
        f"named gives {', '.join(named)}, and specs says {', '.join(answerer.specs)}.",
    )
    reader = encoding.output_reader()
    require(
        np.allclose(reader.as_values(named), values, atol=1e-5),
        "as_values of the output reader must make of named answers what calling the answerer "
        "gives.",
    )
    again = reader.as_values(reader.as_outputs(values))
    require(
        np.array_equal(again, values),
        f"as_outputs undoes as_values of {type(reader).__name__}. Received: {again!r:.60}",
    )


def _check_answers(encoding: Encoding, outputs: object, raw: np.ndarray) -> None:
    """Checks the values, predictions and figures that an encoding makes of a network's outputs."""
    values, count, reader = values_of(encoding, outputs), len(raw), encoding.output_reader()
    require(len(values) == count, f"meant gives {len(values)} rows for {count} items.")
    seen = [Seen(f"{i}.png") for i in range(count)]
    predictions = reader.read(reader.as_outputs(values), seen)
    require(
        len(predictions) == count,
        f"{type(reader).__name__} reads {len(predictions)} predictions for {count} items.",
    )
    scoring, name = encoding.scoring, encoding.score.name
    scores = scoring.measure(values, raw)
    require(
        isinstance(scores, Evaluation) and {"count", name} <= set(scores),
        f"measure gives a tl.tasks.Evaluation with count and {name}. Received: {scores!r}",
    )
    errors = scoring.errors(values, raw)
    require(
        errors.shape == (count,),
        f"errors gives a number for each of {count} items. Received: {errors!r:.60}",
    )
    if scoring.by_batch:
        tallies = [scoring.tally(values[i : i + 5], raw[i : i + 5]) for i in range(0, count, 5)]
        again = type(tallies[0]).joined(tallies).evaluation()
        require(
            bool(np.isclose(again[name], scores[name])),
            f"Tallies of parts must add up to {name} {scores[name]}. Received: {again[name]}",
        )
    test = scoring.compare(scores, scores)
    require(
        test is None or (test.difference == 0 and test.p_value == 1),
        f"compare finds no difference between a model and itself. Received: {test}",
    )
    require(bool(encoding.summary()), "summary() must say in a few words what was learnt.")
