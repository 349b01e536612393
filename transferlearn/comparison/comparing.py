"""Trains the contenders of a comparison, and tests all on the same items."""

from dataclasses import replace

import keras
import numpy as np

from transferlearn.backbones import Backbone
from transferlearn.backbones.graph import copy_weights
from transferlearn.builders import Builder
from transferlearn.comparison.result import Comparison, Contender
from transferlearn.data import Dataset, LoadedData
from transferlearn.fitted import FittedModel
from transferlearn.freezing import FreezeNone
from transferlearn.keras_internals import layers_within
from transferlearn.money import Money, price
from transferlearn.progress import obeys_verbose
from transferlearn.schedules import OnePhase
from transferlearn.tasks import Evaluation
from transferlearn.training.solving import weighted_layers
from transferlearn.types import Source, Verbose


@obeys_verbose
def compare(
    builder: Builder,
    fitted: FittedModel,
    train: Source | LoadedData,
    test: Source,
    *,
    price_per_hour: str | None = None,
    verbose: Verbose = 0,
) -> Comparison:
    """Compares a fine-tuned model with what one could have had for less.

    When to use it: before you believe that fine-tuning was worth it. The contenders are a guess
    (the commonest class of the data to train on, the mean, what goes in, where a picture is made of
    it, or the pretrained network, where it is a language model); a head that is solved on the
    frozen pretrained network; the same network from random weights, for as many epochs as the
    fine-tuned model had, with all its layers and BatchNorm trained, at the optimizer's own rate
    with warm-up and cosine decay; and the fine-tuned model itself.

    Args:
        builder: The builder that `fitted` was trained by; its other settings hold for all.
        fitted: The fine-tuned model.
        train: The data that it was trained on, as for `fit`.
        test: Labelled items that no model has seen, as for `evaluate`: they are read several times,
            so they must come in the same order each time.
        price_per_hour: The price of this machine, such as `"1.20 EUR"`, for the cost of training.
        verbose: What `fit` takes; by default nothing is shown while it trains.

    Returns:
        A `Comparison`, which prints as a table: scores with their 95% intervals, seconds, money,
        and for each contender a paired test against the one before it.

    Raises:
        TypeError: `builder` is no builder, or `fitted` not what a builder's `fit` gave.
        ValueError: The price cannot be read, `train` has other classes than `fitted` knows, or
            `test` gave other items or another order when it was read again.

    Example:
        print(tl.compare(builder, fitted, "photos/train", "photos/test"))
    """
    _check_contenders(builder, fitted)
    per_hour = price(price_per_hour)
    loaded = builder.load(train, validation_split=0 if not isinstance(train, LoadedData) else None)
    _check_same_targets(builder, fitted, loaded.train)
    final = fitted.evaluate(test)
    contenders, left_out = [], []
    guess = fitted.encoding.scoring.guess(loaded.train.learnt)
    if final.unchanged is not None:
        contenders.append(_unchanged(fitted, final.unchanged, final))
    elif guess is None:
        left_out.append("There is no guess: the task does not say what one would be.")
    else:
        contenders.append(_guesser(fitted, guess, final))
    for name, train_it in (
        ("head solved on the frozen network", _probe),
        ("same network from random weights", _from_random),
    ):
        try:
            other = train_it(builder, fitted, loaded, verbose)
        except ValueError as error:
            left_out.append(f"There is no {name}: {error}")
            continue
        if train_it is _probe and not any(phase.solved for phase in other.phases):
            name = "head trained on the frozen network"  # such a head cannot be solved
        contenders.append(_contender(name, other, other.evaluate(test)))
    contenders.append(_contender("the model that was given", fitted, final))
    _check_same_items([one.evaluation for one in contenders])
    return Comparison(
        score=fitted.encoding.score.name,
        items=len(final.paths),
        contenders=tuple(_tested(fitted, contenders, per_hour)),
        left_out=tuple(left_out),
    )


def _probe(
    builder: Builder, fitted: FittedModel, loaded: LoadedData, verbose: Verbose
) -> FittedModel:
    """Solves the head on the frozen network."""
    training = replace(builder, freeze=None).prepare(loaded, schedule="probe")
    if not weighted_layers(training.network):
        raise ValueError("The network has no head beside its pretrained weights.")
    return training.run(verbose=verbose, reference=False)


def _from_random(
    builder: Builder, fitted: FittedModel, loaded: LoadedData, verbose: Verbose
) -> FittedModel:
    """Trains all of the network from random weights, for as many epochs as `fitted` had."""
    scratch = replace(
        with_random_weights(builder), freeze=FreezeNone(), batch_norm="train", learning_rate=None
    )
    epochs = max(1, sum(phase.epochs for phase in fitted.phases))
    pace = OnePhase(warm_up=0.2, decay="cosine")
    training = scratch.prepare(loaded, epochs=epochs, schedule=pace)
    return training.run(verbose=verbose, reference=False)


def _guesser(fitted: FittedModel, guess: np.ndarray, final: Evaluation) -> Contender:
    """Scores the same guess for all items."""
    encoding, targets, values = fitted.encoding, final.targets, None
    measured = encoding.scoring.guessed(guess, final)
    if targets is not None:
        values = np.repeat(guess[None], len(targets), axis=0)
    return Contender(
        name=encoding.score.guess,
        evaluation=measured.completed(encoding.score, values, targets, final.paths, 0.0),
        seconds=0.0,
    )


def _unchanged(fitted: FittedModel, figures: Evaluation, final: Evaluation) -> Contender:
    """Describes what was not trained, which has these figures."""
    score = fitted.encoding.score
    evaluation = figures.completed(score, None, final.targets, final.paths, 0.0)
    return Contender(name=score.guess, evaluation=evaluation, seconds=0.0)


def _contender(name: str, fitted: FittedModel, evaluation: Evaluation) -> Contender:
    """Describes a trained model as a contender."""
    seconds = sum(phase.seconds for phase in fitted.phases)
    return Contender(name=name, evaluation=evaluation, seconds=seconds)


def _tested(
    fitted: FittedModel, contenders: list[Contender], per_hour: Money | None
) -> list[Contender]:
    """Returns the contenders with money, and with a test of each against the one before it."""
    done = []
    for place, one in enumerate(contenders):
        before = contenders[place - 1].evaluation if place else None
        test = None if before is None else fitted.encoding.scoring.compare(before, one.evaluation)
        money = None if per_hour is None else per_hour.times(one.seconds / 3600)
        done.append(replace(one, money=money, against=test))
    return done


def _check_contenders(builder: object, fitted: object) -> None:
    """Refuses what is no builder and a model that it has trained."""
    if not isinstance(builder, Builder) or not isinstance(fitted, FittedModel):
        raise TypeError(
            "compare takes a builder and the model that it trained: "
            "tl.compare(builder, builder.fit(train), train, test). Received: "
            f"builder={type(builder).__name__}, fitted={type(fitted).__name__}. To compare two "
            "builders, call it for each, and put the tables side by side."
        )


def _check_same_targets(builder: Builder, fitted: FittedModel, train: Dataset) -> None:
    """Refuses data to train on that has other classes, or the same in another order."""
    learnt = builder.task.learn(train.learnt)
    if learnt.target != fitted.encoding.target:
        raise ValueError(
            "train has other targets than the model was trained on. "
            f"Received: {learnt.summary()}. The model knows: {fitted.encoding.summary()}"
        )


def _check_same_items(evaluations: list[Evaluation]) -> None:
    """Refuses evaluations of other items, or in another order."""
    first, *others = evaluations
    for other in others:
        same = np.array_equal(np.asarray(first.targets), np.asarray(other.targets))
        if first.paths != other.paths or not same:
            raise ValueError(
                "The test items came in another order when they were read again, so the models "
                "cannot be compared item by item. Pass a folder, a table or arrays, or a stream "
                "that does not shuffle."
            )


def with_random_weights(builder: Builder) -> Builder:
    """Returns a builder like another, whose network begins with random weights.

    Raises:
        ValueError: The network cannot be had without its weights, such as a SavedModel.
    """
    backbone = builder.backbone
    if isinstance(backbone, str):
        return replace(builder, weights=None)
    if isinstance(backbone, Backbone):
        drawn = _drawn_anew(backbone.model)
        return replace(builder, backbone=replace(backbone, model=drawn, pretrained=False))
    return replace(builder, backbone=_drawn_anew(backbone))


def _drawn_anew(model: keras.Model) -> keras.Model:
    """Copies a model with new random weights; what was measured of the inputs stays."""
    copy = keras.models.clone_model(model)
    pairs = zip(layers_within(model), layers_within(copy), strict=True)
    copy_weights([pair for pair in pairs if isinstance(pair[0], keras.layers.Normalization)])
    given, drawn = model.trainable_weights, copy.trainable_weights
    if given and all(map(_are_equal, given, drawn)):
        raise ValueError(f"the layers of {model.name!r} bring their weights with them.")
    return copy


def _are_equal(given: keras.Variable, drawn: keras.Variable) -> bool:
    """Returns whether two weights have the same values."""
    return np.array_equal(*map(keras.ops.convert_to_numpy, (given, drawn)))
