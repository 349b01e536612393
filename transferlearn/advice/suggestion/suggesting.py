"""Suggests which backbone, image size and freezing to start from."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TypeAlias

import keras
import numpy as np

from transferlearn import backbones
from transferlearn.advice.suggestion.heads import score_of_head
from transferlearn.advice.suggestion.measuring import (
    Budget,
    MeasuredBackbone,
    measure,
)
from transferlearn.advice.suggestion.probing import ProbeScore, cross_validated
from transferlearn.advice.suggestion.sampling import ItemSample, Sampler, read_samples
from transferlearn.advice.suggestion.table import Suggestion, Suggestions
from transferlearn.builders import (
    Builder,
    ImageBuilder,
    ImageClassifierBuilder,
    TokenClassifierBuilder,
)
from transferlearn.builders.classifier import Classifier
from transferlearn.builders.regressor import Regressor
from transferlearn.checks import whole
from transferlearn.data.images import ImageDataset
from transferlearn.json_fields import Json
from transferlearn.money import price
from transferlearn.progress import current, obeys_verbose, stage, working
from transferlearn.randomness import random_states_kept
from transferlearn.tasks import Solver, linear_solver
from transferlearn.types import Source, Verbose

_Candidate: TypeAlias = str | keras.Model | backbones.Backbone | Builder

# Those whose score a solved layer, or a head of a few epochs, foretells.
_TAKEN = (ImageBuilder, Classifier, Regressor, TokenClassifierBuilder)
_TIMED = 64  # rows that a network is timed on, where its head is trained on all of them
_NOTHING_TO_GAIN = 0.99  # score above which training more blocks is not worth its time


@obeys_verbose
def suggest(
    train: Source,
    candidates: Sequence[_Candidate] = ("EfficientNetLite0",),
    *,
    depths: Sequence[int] | None = None,
    items: int = 1000,
    price_per_hour: str | None = None,
    epochs: int = 10,
    seed: int = 0,
    verbose: Verbose = "auto",
) -> Suggestions:
    """Returns which backbone, image size and freezing to start from, without training any.

    When to use it: before the first `fit`, or where an accuracy is not good enough. Each candidate
    runs once over (a sample of) the items. For each depth, a linear probe on the pooled output of
    the frozen part and of the blocks behind it is solved and cross-validated, which estimates what
    training these blocks reaches ([Head2Toe](https://arxiv.org/abs/2201.03529)). It orders networks
    and sizes; of depths it says less, and a deeper one is never expected to reach less.
    Where no probe of a pooled output can tell, as for masks and tags, the builder's head is solved,
    or trained for four epochs, on the frozen network, whose features are stored, and scored on
    items held out, without depths.
    docs/choosing.md compares it with fine-tuning.

    Args:
        train: The source that `fit` takes. Of a stream, which cannot be read by item, the beginning
            is taken.
        candidates: Names, functional models, `tl.backbones.Backbone`s, which stand for classifiers
            of images; or builders, which say the image size and the weights too. For recordings,
            texts and numbers they are builders.
        depths: How many of the last blocks may be trained, such as `(0, 2, 4)`; 0: the head alone.
            By default five numbers, from none to all.
        items: The largest number of items to look at, drawn from each class in its proportion.
        price_per_hour: The price of the machine for an hour, such as `"1.20 EUR"`; gives the cost
            of training.
        epochs: The number of epochs that time and cost of training are estimated for.
        seed: The seed of the sample and of the cross-validation.
        verbose: How progress is shown, as for `model.fit`: 0 nothing, 1 a bar, 2 lines.

    Returns:
        Suggestions, the best first: by expected score; where that is equal, the network with
        fewer operations, and of one network the one that trains most blocks (or fewest, above a
        score of 0.99). Their `recommended` is the one that trains quickest of those that no other
        clearly beats, item by item (one-sided, 95%); where it is not known how wrong each
        item is, as for masks and tags, it is the best. Nothing that was passed is changed.

    Raises:
        TypeError: Candidates that are no list.
        ValueError: Settings or data that cannot work.

    Example:
        small = tl.ImageClassifierBuilder("EfficientNetLite0", image_size=(96, 96))
        found = tl.suggest("photos", [small, "EfficientNetLite0"], price_per_hour="0.50 EUR")
        print(found)
        fitted = found.recommended.builder.fit("photos")
    """
    builders = _as_builders(candidates)
    items, epochs = whole("items", items, least=2), whole("epochs", epochs, least=1)
    seed = whole("seed", seed, least=0)
    counts = None if depths is None else _counts(depths)
    rate = price(price_per_hour)
    rows: list[Suggestion] = []
    with random_states_kept(seed), working(verbose, expected=None) as work:
        samples = read_samples(builders, Sampler(train, items=items, seed=seed))
        work.expect(sum(len(one.items.items) * prod(one.items.shape) for one in samples))
        for number, (builder, own) in enumerate(zip(builders, samples, strict=True), start=1):
            current().part = f"candidate {number} of {len(builders)}"
            budget = Budget(own.total, epochs, rate, seed)
            solver = linear_solver(own.encoding)
            if solver is None:
                rows.append(_by_head(builder, own, budget))
            else:
                measured = measure(builder, own.items, counts)
                with stage("cross-validating its probes"):
                    rows += _by_probe(builder, measured, own, budget, solver)
    first = samples[0].items
    ordered = _with_places(sorted(rows, key=_sort_key))
    return Suggestions(ordered, len(first.first_rows), first.noun)


def _as_builders(candidates: Sequence[_Candidate]) -> list[Builder]:
    """Makes a builder of each candidate; refuses those that cannot share one sample of items."""
    if not isinstance(candidates, (list, tuple)) or not candidates:
        raise TypeError(
            "candidates is a list of names, models, backbones or builders, such as "
            f"['EfficientNetLite0']. Received: candidates={candidates!r}"
        )
    builders = [x if isinstance(x, Builder) else ImageClassifierBuilder(x) for x in candidates]
    if others := [type(x).__name__ for x in builders if not isinstance(x, _TAKEN)]:
        raise TypeError(
            "suggest compares networks by a head on what is frozen: for classes, numbers and tags, "
            "and of images for all tasks. Those that write texts bring their heads with them. "
            "Train each, and compare builder.fit(train).evaluate(test); language models by "
            "bits_per_byte, since their tokens differ. "
            f"Received: {', '.join(others)}"
        )
    for name in ("task", "value_range", "text_column", "on_error", "groups"):
        values = list(dict.fromkeys(getattr(builder, name, None) for builder in builders))
        if len(values) > 1:
            raise ValueError(
                f"All candidates look at the same items, so {name} must be the same for each. "
                f"Received: {', '.join(map(repr, values))}"
            )
    return builders


def _counts(depths: Sequence[int]) -> list[int]:
    """Returns the numbers of last blocks as a list, or raises an error if they are no such list."""
    if not isinstance(depths, (list, tuple, range)) or not depths:
        raise TypeError(
            "depths is a list of how many of the last blocks may be trained, such as (0, 2, 4). "
            f"Received: depths={depths!r}"
        )
    return [whole("depths", depth, least=0) for depth in depths]


def _by_head(builder: Builder, sample: ItemSample, budget: Budget) -> Suggestion:
    """Suggests the default recipe, by the score of a head that is trained on the frozen network."""
    few = sample.items.rows(np.arange(min(_TIMED, len(sample.items.items))))
    measured = measure(builder, few, [0])
    with stage("training a head"):
        score, interval, how = score_of_head(builder, sample.items, budget.seed)
    seconds = budget.seconds_of_recipe(measured, measured.depths[0])
    return Suggestion(
        schedule="auto",
        freeze=None,
        trained_blocks=len(measured.backbone.blocks),
        how=how,
        score_name=sample.encoding.score.name,
        score=score,
        interval=interval,
        trained_parameters=measured.parameters,
        training_seconds=seconds,
        cost=budget.cost(seconds),
        **_shared(builder, measured, sample),
    )


def _shared(builder: Builder, measured: MeasuredBackbone, sample: ItemSample) -> Json:
    """Returns what all suggestions of a network share."""
    images = sample.items
    return {
        "builder": replace(builder, image_size=images.image_size)
        if isinstance(builder, ImageBuilder) and isinstance(images, ImageDataset)
        else builder,
        "network": _name(builder, measured),
        "size": builder.kind.size_in_words(sample.items.shape),
        "seconds_per_item": measured.seconds_per_item,
        "operations": measured.operations,
        "parameters": measured.parameters,
        "megabytes": measured.nbytes / 1e6,
        "top1": _published(builder),
    }


def _by_probe(
    builder: Builder,
    measured: MeasuredBackbone,
    sample: ItemSample,
    budget: Budget,
    probe: Solver,
) -> Iterator[Suggestion]:
    """Yields a suggestion for each depth of a candidate, beginning with the most blocks frozen."""
    features = np.empty((len(sample.items.items), 0), "float32")
    best = ProbeScore(-math.inf, "", 0, np.empty(0))
    for depth in measured.depths:
        # A probe reads the pooled outputs of this frozen part and of the larger ones before it.
        features = np.concatenate([_to_scale(depth.pooled), features], axis=1)
        own = cross_validated(features, sample, probe, budget.seed)
        # In all comparisons, training more blocks lost no more than noise.
        best = max(own, best, key=lambda one: one.score)
        freeze = _freeze(measured, depth.trained_blocks)
        seconds = budget.seconds(measured, depth)
        yield Suggestion(
            schedule="fine-tune" if depth.trained_blocks else "probe",
            freeze=freeze,
            trained_blocks=depth.trained_blocks,
            score_name=best.score_name,
            score=best.score,
            interval=probe.interval(best.score, best.held_out),
            errors=best.errors,
            trained_parameters=depth.trained_parameters,
            training_seconds=seconds,
            cost=budget.cost(seconds),
            **_shared(builder, measured, sample),
        )


def _sort_key(row: Suggestion) -> tuple[float, float, int]:
    """Returns a key that sorts by the highest score, the fewest operations, and trained blocks.

    In each comparison with fine-tuning, training more blocks reached more, even if the probes
    scored the same. So of equals, the one that trains most blocks comes first; but the one that
    trains fewest, where next to nothing is left to gain.
    """
    deeper = row.trained_blocks if row.score > _NOTHING_TO_GAIN else -row.trained_blocks
    return -row.score, row.operations, deeper


def _to_scale(pooled: np.ndarray) -> np.ndarray:
    """Centres a block's output and scales it as a whole to a total variance of 1.

    Otherwise a block with large values would be penalised less than others.
    """
    spread = math.sqrt(pooled.var(axis=0, dtype="float64").sum()) or 1.0
    return ((pooled - pooled.mean(axis=0)) / spread).astype("float32")


def _freeze(measured: MeasuredBackbone, trained: int) -> str:
    """Writes the freezing that leaves the last `trained` blocks to train, as a builder takes it."""
    blocks = measured.backbone.blocks
    if not trained:
        return "all"
    return "none" if trained == len(blocks) else blocks[-trained - 1].name


def _name(builder: Builder, measured: MeasuredBackbone) -> str:
    """Returns the name of the backbone, and of its weight file if one was passed."""
    name = measured.backbone.name
    if builder.weights in (None, "imagenet", "pretrained"):
        return name
    return f"{name} ({Path(builder.weights).name})"


def _published(builder: Builder) -> float | None:
    """Returns the published top-1 accuracy of a named network with ImageNet weights, if known."""
    if isinstance(builder.backbone, str) and builder.weights == "imagenet":
        return backbones.facts(builder.backbone).top1
    return None


def _with_places(rows: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
    """Adds to each suggestion its network's place by published accuracy."""
    published = sorted({row.top1 for row in rows if row.top1 is not None}, reverse=True)
    return tuple(
        row if row.top1 is None else replace(row, published_place=published.index(row.top1) + 1)
        for row in rows
    )
