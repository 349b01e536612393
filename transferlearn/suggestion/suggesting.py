"""Suggest what to start from."""

import contextlib
import math
import numbers
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transferlearn import backbones, probing
from transferlearn.builders import Builder, ImageClassifierBuilder
from transferlearn.builders.arguments import whole
from transferlearn.data import ImageDataset
from transferlearn.suggestion.measuring import Depth, Measured, measure, read_sample
from transferlearn.suggestion.table import Suggestion, Suggestions

_SHARED = ("multi_label", "value_range", "on_error")
_HELD_OUT = 1000  # items, over all repetitions of the cross-validation
_MOST_REPEATS = 5
_NOTHING_TO_GAIN = 0.99  # accuracy
_TWO_SIDED = 1.96  # standard deviations of a normal distribution that hold 95%
_BACKWARD = 2.0  # operations of a step back for one of a step forward


def suggest(
    train: Any,
    candidates: Sequence[Any] = ("EfficientNetLite0",),
    *,
    depths: Sequence[int] | None = None,
    items: int = 1000,
    price_per_hour: float | None = None,
    epochs: int = 10,
    seed: int = 0,
    verbose: Any = "auto",
) -> Suggestions:
    """Says which backbone, image size and freezing to start from, without training any.

    When to use it: before the first `fit`, or where an accuracy is not good enough. Each candidate
    runs once over (a sample of) the images. For each depth, a linear probe on the pooled output of
    the frozen part and of the blocks behind it is solved and cross-validated: a guess at what
    training these blocks reaches ([Head2Toe](https://arxiv.org/abs/2201.03529)). It orders networks
    and image sizes; of depths it says less, and a deeper one is never expected to reach less.
    docs/choosing.md compares it with fine-tuning.

    Args:
        train: What `fit` takes. Of a stream, which cannot be read by item, the beginning is taken.
        candidates: Names, functional models, `tl.backbones.Backbone`s, or builders, which say the
            image size and the weights too.
        depths: How many of the last blocks may be trained, such as `(0, 2, 4)`; 0: the head alone.
            By default five numbers, from none to all.
        items: Most images to look at, drawn from each class in its proportion.
        price_per_hour: Of the machine; gives the cost of training.
        epochs: Of the training that time and cost are estimated for.
        seed: Of the sample and the cross-validation.
        verbose: As for `model.fit`.

    Returns:
        Suggestions, the best first: by expected accuracy; where that is equal, the network with
        fewer operations, and of one network the deepest training. Nothing that was passed is
        changed.

    Raises:
        TypeError: Candidates that are no list.
        ValueError: Settings or data that cannot work.

    Example:
        small = tl.ImageClassifierBuilder("EfficientNetLite0", image_size=(96, 96))
        found = tl.suggest("photos", [small, "EfficientNetLite0"], price_per_hour=0.5)
        print(found)
        fitted = found[0].builder.fit("photos", schedule=found[0].schedule)
    """
    builders = _as_builders(candidates)
    items, epochs = whole("items", items, least=2), whole("epochs", epochs, least=1)
    seed = whole("seed", seed, least=0)
    counts = None if depths is None else _counts(depths)
    _check_price(price_per_hour)
    rows: list[Suggestion] = []
    with _own_random_numbers(seed):
        sample, images = _read(builders, train, items, seed)
        for builder in builders:
            own = _of_its_size(builder, sample)
            measured = measure(builder, own, counts, verbose=verbose)
            rows += _rows(builder, measured, own, _Job(images, epochs, price_per_hour, seed))
    return Suggestions(_with_places(sorted(rows, key=_place)), len(sample.items))


def _as_builders(candidates: Sequence[Any]) -> list[ImageClassifierBuilder]:
    if not isinstance(candidates, (list, tuple)) or not candidates:
        raise TypeError(
            "candidates is a list of names, models, backbones or builders, such as "
            f"['EfficientNetLite0']. Received: candidates={candidates!r}"
        )
    if any(
        isinstance(x, Builder) and not isinstance(x, ImageClassifierBuilder) for x in candidates
    ):
        raise TypeError("suggest looks at images only: its builders are ImageClassifierBuilders.")
    builders = [
        x if isinstance(x, ImageClassifierBuilder) else ImageClassifierBuilder(x)
        for x in candidates
    ]
    for name in _SHARED:
        given = list(dict.fromkeys(getattr(builder, name) for builder in builders))
        if len(given) > 1:
            raise ValueError(
                f"All candidates look at the same images, so {name} must be the same for each. "
                f"Received: {', '.join(map(repr, given))}"
            )
    return builders


def _counts(depths: Any) -> list[int]:
    if not isinstance(depths, (list, tuple, range)) or not depths:
        raise TypeError(
            "depths is a list of how many of the last blocks may be trained, such as (0, 2, 4). "
            f"Received: depths={depths!r}"
        )
    return [whole("depths", depth, least=0) for depth in depths]


def _check_price(price: Any) -> None:
    is_number = isinstance(price, numbers.Real) and not isinstance(price, bool)
    if price is not None and not (is_number and 0 <= price < math.inf):
        raise ValueError(
            f"price_per_hour is a number of at least 0. Received: price_per_hour={price!r}"
        )


def _own_size(builder: ImageClassifierBuilder) -> tuple[int, int]:
    return builder.image_size or backbones.default_image_size(builder.backbone)


def _read(
    builders: Sequence[ImageClassifierBuilder], train: Any, items: int, seed: int
) -> tuple[ImageDataset, int | None]:
    options = {name: getattr(builders[0], name) for name in _SHARED}
    largest = max(map(_own_size, builders), key=prod)
    return read_sample(train, items=items, seed=seed, default_image_size=largest, **options)


def _of_its_size(builder: ImageClassifierBuilder, sample: ImageDataset) -> ImageDataset:
    """As in `fit`: without an `image_size`, arrays keep their own."""
    if sample.names is None and builder.image_size is None:
        return sample
    return sample.resized(_own_size(builder))


class _Job(NamedTuple):
    """What time and cost depend on, and the seed."""

    images: int | None
    epochs: int
    price_per_hour: float | None
    seed: int

    def seconds(self, measured: Measured, depth: Depth) -> float | None:
        """What is frozen once, and the rest forward and back in each epoch."""
        if self.images is None:
            return None
        behind = measured.operations - depth.operations
        operations = depth.operations + self.epochs * (1 + _BACKWARD) * behind
        return self.images * measured.seconds_per_image * operations / measured.operations

    def cost(self, seconds: float | None) -> float | None:
        """By the price."""
        if seconds is None or self.price_per_hour is None:
            return None
        return seconds / 3600 * self.price_per_hour


@contextlib.contextmanager
def _own_random_numbers(seed: int) -> Iterator[None]:
    """Keras's initializers draw from Python's `random`, also for weights that are read then."""
    kept, kept_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(kept)
        np.random.set_state(kept_numpy)  # noqa: NPY002


def _rows(
    builder: ImageClassifierBuilder, measured: Measured, sample: ImageDataset, job: _Job
) -> Iterator[Suggestion]:
    """A candidate's suggestions, from all blocks frozen on."""
    features = np.empty((len(sample.items), 0), "float32")
    accuracy = 0.0
    for depth in measured.depths:
        # Each reads what the one before it read, and where it begins itself.
        features = np.concatenate([_to_scale(depth.pooled), features], axis=1)
        own, held_out = _cross_validated(features, sample, job.seed)
        accuracy = max(own, accuracy)
        freeze = _freeze(measured, depth.trained_blocks)
        seconds = job.seconds(measured, depth)
        yield Suggestion(
            builder=replace(builder, image_size=sample.image_size, freeze=freeze),
            schedule="fine-tune" if depth.trained_blocks else "probe",
            network=_name(builder, measured),
            image_size=sample.image_size,
            freeze=freeze,
            trained_blocks=depth.trained_blocks,
            accuracy=accuracy,
            interval=_wilson(accuracy, held_out),
            seconds_per_image=measured.seconds_per_image,
            operations=measured.operations,
            parameters=measured.parameters,
            trained_parameters=depth.trained_parameters,
            megabytes=measured.nbytes / 1e6,
            training_seconds=seconds,
            cost=job.cost(seconds),
            top1=_published(builder),
        )


def _place(row: Suggestion) -> tuple[float, float, int]:
    """Sorts by accuracy, then the quicker network, then the depth that training gains by.

    In each comparison with fine-tuning, training more blocks reached more, also where the frozen
    features did not show it; only where next to nothing is left to gain is it not worth its time.
    """
    deeper = row.trained_blocks if row.accuracy > _NOTHING_TO_GAIN else -row.trained_blocks
    return -row.accuracy, row.operations, deeper


def _to_scale(pooled: np.ndarray) -> np.ndarray:
    """Scales a block as a whole: one with large values would be penalised less than others."""
    spread = math.sqrt(pooled.var(axis=0, dtype="float64").sum()) or 1.0
    return ((pooled - pooled.mean(axis=0)) / spread).astype("float32")


def _cross_validated(features: np.ndarray, sample: ImageDataset, seed: int) -> tuple[float, int]:
    """Accuracy, the mean over several divisions into folds, and the number of items held out."""
    labels, items = sample.labels, len(features)
    assert labels is not None
    targets = np.eye(len(sample.class_names))[labels] if labels.ndim == 1 else labels
    probes = [
        probing.solve(
            features,
            targets,
            weights=sample.sample_weight,
            independent=sample.multi_label,
            seed=seed + repeat,
        )
        for repeat in range(min(max(1, _HELD_OUT // items), _MOST_REPEATS))
    ]
    return float(np.mean([probe.accuracy for probe in probes])), probes[0].held_out


def _wilson(share: float, count: int) -> tuple[float, float]:
    """The interval of 95% of a share that was seen among `count`.

    Reference: [Wilson](https://doi.org/10.1080/01621459.1927.10502953).
    """
    z = _TWO_SIDED**2 / count
    middle = (share + z / 2) / (1 + z)
    half = math.sqrt(z * share * (1 - share) + z**2 / 4) / (1 + z)
    return max(0.0, middle - half), min(1.0, middle + half)


def _freeze(measured: Measured, trained: int) -> str:
    blocks = measured.backbone.blocks
    if not trained:
        return "all"
    return "none" if trained == len(blocks) else blocks[-trained - 1].name


def _name(builder: ImageClassifierBuilder, measured: Measured) -> str:
    name = measured.backbone.name
    if builder.weights in (None, "imagenet"):
        return name
    return f"{name} ({Path(builder.weights).name})"


def _published(builder: ImageClassifierBuilder) -> float | None:
    if isinstance(builder.backbone, str) and builder.weights == "imagenet":
        return backbones.facts(builder.backbone).top1
    return None


def _with_places(rows: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
    published = sorted({row.top1 for row in rows if row.top1 is not None}, reverse=True)
    return tuple(
        row if row.top1 is None else replace(row, published_place=published.index(row.top1) + 1)
        for row in rows
    )
