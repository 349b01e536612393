"""Finds the labels that a model doubts which was not trained on them."""

import time
from dataclasses import fields, replace
from typing import Any, NamedTuple

import keras
import numpy as np

from transferlearn import data
from transferlearn.advice.doubts.ranking import Ranking, ranking
from transferlearn.advice.doubts.result import Doubt, Doubts
from transferlearn.advice.suggestion.heads import train_head
from transferlearn.backbones.graph import walk
from transferlearn.builders import Builder, Training
from transferlearn.data import Dataset, LoadedData
from transferlearn.data.dataset import ItemDataset
from transferlearn.fitted import FittedModel
from transferlearn.fitted.leakage import trained_on
from transferlearn.fitted.outputs import evaluated
from transferlearn.freezing import FreezeAll
from transferlearn.progress import obeys_verbose
from transferlearn.randomness import random_states_kept
from transferlearn.tasks import Evaluation, linear_solver
from transferlearn.tasks.answering import of_rows, values_of
from transferlearn.tasks.solving.folds import divide
from transferlearn.training import set_trainable
from transferlearn.training.solving import answers_of, weighted_layers, why_not_solved
from transferlearn.types import Source, Verbose

_LEAST = 10  # items; of fewer, what is left out says nothing


class _Judged(NamedTuple):
    """Holds the evaluation of some items by a model that was not trained on them.

    Attributes:
        numbers: The numbers of these items, int64 `(n,)`.
        evaluation: Their evaluation.
    """

    numbers: np.ndarray
    evaluation: Evaluation


@obeys_verbose
def doubt(
    asked: FittedModel | Builder,
    labelled: Source | LoadedData,
    *,
    seed: int = 0,
    verbose: Verbose = "auto",
) -> Doubts:
    """Lists the labels that are least likely to be right.

    When to use it: before the first `fit`, or where training ends at a score that is lower than it
    should be. A network that was fine-tuned on wrong labels has learnt them by heart, so its own
    mistakes show few of them. Here each item is judged by a head that was not trained on it. On the
    frozen pretrained network, a linear head is solved in five folds, for the price of one probe.
    Where no head can be solved, as for masks, the builder's head is trained on one half of the
    items for four epochs, and judges the other half. Labels that a fitted model has never seen are
    judged by that model itself.

    Args:
        asked: The builder that is going to be fitted, or a fitted model.
        labelled: The data with its labels, as `fit` takes it; no stream.
        seed: The seed of the division into folds.
        verbose: How progress is shown, as for `model.fit`.

    Returns:
        All labels, the most doubtful first. A table of them is printed, `suspected` lists those
        that are probably wrong, and `show` draws them.

    Raises:
        ValueError: The data is a stream or has fewer than 10 items; or the model was loaded from a
            save and trained on these items, so a builder is needed.
        TypeError: The task has no labels that could be wrong, such as pictures.

    Reference: Northcutt et al., [Confident learning](https://arxiv.org/abs/1911.00068).

    Example:
        found = tl.doubt(tl.ImageClassifierBuilder("EfficientNetLite0"), "photos")
        found.show().savefig("doubts.png")
    """
    if isinstance(asked, FittedModel):
        if isinstance(labelled, LoadedData):
            dataset = _of_items(labelled.train)
        else:
            dataset = _of_items(data.load(labelled, asked.kind, asked.encoding.target))
        if is_new_to(asked, dataset):
            return judged_by(asked, dataset, evaluated(asked, dataset))
        if asked.builder is None:
            raise ValueError(_HEART.format(noun=asked.kind.noun, backbone=asked.outline.backbone))
        asked = asked.builder
    if not isinstance(asked, Builder):
        raise TypeError(f"doubt takes a builder or a fitted model. Received: {asked!r:.80}")
    with random_states_kept(seed):
        return _cross_fitted(asked, labelled, seed)


def is_new_to(fitted: FittedModel, dataset: Dataset) -> bool:
    """Returns whether it is known that a model was trained on none of these items."""
    overlap = trained_on(dataset, fitted.outline.data)
    return overlap is not None and not overlap.names


def judged_by(fitted: FittedModel, dataset: ItemDataset, evaluation: Evaluation) -> Doubts:
    """Lists the labels of evaluated items that are new to the model, the most doubtful first."""
    judged = [_Judged(np.arange(len(dataset.first_rows)), evaluation)]
    return _doubts(fitted, dataset, judged, "by the model, which was not trained on them")


_HEART = (
    "The model was trained on some of these {noun}s, or it is not known whether it was, so it may "
    "know their labels by heart. Pass the builder instead, such as "
    'tl.doubt(tl.ImageClassifierBuilder({backbone!r}), "photos").'
)


def _cross_fitted(builder: Builder, labelled: Source | LoadedData, seed: int) -> Doubts:
    """Judges each item by a head that was not trained on it."""
    loaded = builder.load(labelled, validation_split=0)
    dataset = _of_items(loaded.train)
    solvable = linear_solver(builder.task.learn(dataset.learnt)) is not None
    asked = _plain(builder) if solvable else builder
    training = asked.prepare(LoadedData(dataset, None), epochs=1, cache=False)
    if not weighted_layers(training.network):
        raise TypeError(
            f"Nothing says which {dataset.noun}s are labelled wrongly here, since the network has "
            "no head to train on others: look at the least likely ones, "
            "tl.plotting.mistakes(fitted.evaluate(...))."
        )
    mask = training.layers.frozen_by(FreezeAll())
    set_trainable(training.network, mask, batch_norm="frozen")
    if why_not_solved(training.network, training.objective, mixed=False):
        judged = _by_halves(builder, dataset, seed)
        how = "by heads that were trained on the other half"
    else:
        judged, how = [_solved(training, dataset, seed)], "by a linear head in five folds"
    return _doubts(training, dataset, judged, f"{how}, on the frozen network")


def _of_items(dataset: Dataset) -> ItemDataset:
    """Returns data that can be read item by item; refuses a stream, and too few items."""
    if not isinstance(dataset, ItemDataset):
        raise ValueError(
            "The labels of a stream cannot be looked up again: pass the folder, the table or the "
            "arrays that it is made of."
        )
    if len(dataset.first_rows) < _LEAST:
        raise ValueError(
            f"There are {len(dataset.first_rows)} {dataset.noun}s: of fewer than {_LEAST}, nothing "
            "can be said of their labels."
        )
    return dataset.grouped()


def _plain(builder: Builder) -> Builder:
    """Returns the builder with the default head of its class, which can be solved if any can."""
    (head,) = (field for field in fields(builder) if field.name == "head")
    default: Any = head.default_factory
    # The builder's seed would set the backend's random state, which is the user's.
    return replace(builder, head=default(), freeze=None, seed=None)


def _solved(training: Training, dataset: ItemDataset, seed: int) -> _Judged:
    """Solves the head without one fold after the other, and judges that fold's items."""
    started = time.perf_counter()
    network, encoding, objective = training.network, training.encoding, training.objective
    (layer,), solver, model = weighted_layers(network), objective.solver, training.widened()
    assert solver is not None
    (inside,) = next(step.inputs for step in walk(model) if step.operation is layer)
    before = keras.Model(model.inputs, inside)
    features = np.asarray(of_rows(before, dataset, training.data.batch_size), "float32")
    raw = dataset.learnt[np.arange(len(features))]
    targets = raw if objective.encode is None else np.asarray(objective.encode(raw).targets)
    weights, groups = dataset.sample_weight, dataset.together
    best = solver.solve(features, targets, weights, seed, groups=groups)
    strata = dataset.learnt.strata()
    fold = divide(np.zeros(len(features)) if strata is None else strata, seed, groups)
    outputs = np.empty((len(features), len(best.bias)), "float32")
    for number in range(fold.max() + 1):
        held, rest = fold == number, fold != number
        of_rest = None if weights is None else weights[rest]
        kernel, bias = solver.solve_again(best, features[rest], targets[rest], of_rest)
        outputs[held] = features[held] @ kernel + bias
    values = dataset.of_items(values_of(encoding, answers_of(network, layer, outputs)))
    truth = dataset.learnt[dataset.first_rows]
    paths = tuple(dataset.paths or [None] * len(values))
    seconds = time.perf_counter() - started
    found = encoding.scoring.measure(values, truth)
    return _Judged(
        np.arange(len(values)), found.completed(encoding.score, values, truth, paths, seconds)
    )


def _by_halves(builder: Builder, dataset: ItemDataset, seed: int) -> list[_Judged]:
    """Trains the builder's head on each half of the items, and judges the other half."""
    count = len(dataset.first_rows)
    groups = None if dataset.together is None else dataset.together[dataset.first_rows]
    first = divide(np.zeros(count), seed, groups) % 2 == 0
    halves = [np.flatnonzero(first), np.flatnonzero(~first)]
    parts = [dataset.of(numbers) for numbers in halves]
    return [
        _Judged(halves[1 - i], evaluated(train_head(builder, parts[i], None, seed), parts[1 - i]))
        for i in range(2)
    ]


def _doubts(
    of: FittedModel | Training, dataset: ItemDataset, judged: list[_Judged], how: str
) -> Doubts:
    """Puts the rankings of all parts into one list, the most doubtful first."""
    rows: list[Doubt] = []
    for numbers, evaluation in judged:
        found: Ranking = ranking(evaluation)
        for number, *of_item in zip(numbers.tolist(), *found, strict=True):
            against, suspected, given, instead = of_item
            rows.append(
                Doubt(
                    item=number,
                    name=dataset.called(int(dataset.first_rows[number])),
                    given=given,
                    instead=instead,
                    doubt=float(against),
                    suspected=bool(suspected),
                )
            )
    rows.sort(key=lambda row: -row.doubt)
    objective = of.encoding.objective(loss=None, metrics=None, targets=dataset.learnt, mixed=False)
    return Doubts(
        rows=tuple(rows),
        how=how,
        _kind=of.kind,
        _encoding=of.encoding,
        _encode=objective.encode,
        _dataset=dataset,
    )
