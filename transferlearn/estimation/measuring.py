"""What a run will take, from a few measured batches."""

import gc
import math
import numbers
import random
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from transferlearn import training
from transferlearn.builders import Builder
from transferlearn.data import DataWarning, Excerpt, Sample
from transferlearn.estimation.memory import watched
from transferlearn.estimation.projection import Projection
from transferlearn.estimation.result import Estimate
from transferlearn.estimation.stopwatch import Followed, Stopwatch
from transferlearn.features import Cache
from transferlearn.features.trial import Trial, trial
from transferlearn.schedules import Schedule

_LEAST, _MOST, _SHARE = 4, 16, 1 / 16  # batches that are measured, and their share of all images


def estimate(
    builder: Builder,
    train: Any,
    validation_data: Any = None,
    *,
    epochs: int | None = None,
    schedule: Schedule | str | None = None,
    validation_split: float = 0.1,
    class_names: Sequence[str] | None = None,
    class_weight: Mapping[Any, float] | str | None = None,
    cache: str | bool | Cache = "auto",
    price_per_hour: float | None = None,
) -> Estimate:
    """Tells what `builder.fit(...)` with the same arguments will take, before it is started.

    Args:
        builder: Of the run; it stays as it is.
        train: A folder, arrays or a table, as for `fit`; a stream cannot be measured in part.
        validation_data: Likewise.
        epochs: As for `fit`, and so are the next ones.
        schedule: Where it may end a phase early, the longest course is told.
        validation_split: Share in [0, 1) to hold out.
        class_names: In the order of the class ids.
        class_weight: By class.
        cache: What is stored; features that are stored already count as if they were not.
        price_per_hour: Of the machine, in any currency, above 0.

    Returns:
        An `Estimate`.

    Raises:
        ValueError: Whatever `fit` would refuse, a stream, or a price that is none.

    Example:
        print(tl.estimate(builder, "photos", epochs=20, price_per_hour=0.5))
    """
    begun = time.perf_counter()
    _check_price(price_per_hour)
    training.check_cache(cache)
    stopwatch = Stopwatch(builder.batch_size)
    followed = Followed(builder._plan(schedule), stopwatch)
    excerpt = Excerpt(train, validation_data, _share(builder.batch_size), stopwatch)
    gc.collect()
    with _as_it_was(), watched() as peak:
        started = stopwatch.now()
        pair = builder._load(excerpt, None, validation_split, class_names)
        loaded = stopwatch.now()
        whole = Projection([x for x in pair if isinstance(x, Sample)], builder.batch_size)
        _say(whole)
        with _stores(cache, whole.measured / whole.images) as stores:
            # The backend's random state cannot be put back, so no seed is set.
            replace(builder, seed=None).fit(
                excerpt,
                epochs=epochs,
                schedule=followed,
                class_names=class_names,
                class_weight=class_weight,
                cache=stores or False,
                callbacks=stopwatch,
                verbose=0,
            )
            done = stopwatch.now()
            stored = stores.added() if stores else (0, 0)
    gc.collect()
    courses = stopwatch.courses
    spent = [whole.spent(course) for course in courses]
    loading = loaded - started + whole.opening
    seconds = loading + done - loaded + sum(phase.more for phase in spent)
    features, trained = sum(x.features for x in spent), sum(x.training for x in spent)
    in_memory, on_disk = (round(nbytes * whole.computed(courses)) for nbytes in stored)
    return Estimate(
        seconds=seconds,
        loading=loading,
        starting=seconds - loading - features - trained,
        features=features,
        training=trained,
        memory=peak.nbytes + in_memory - stored[0] + whole.memory(courses),
        stored_in_memory=in_memory,
        stored_on_disk=on_disk,
        money=None if price_per_hour is None else price_per_hour * seconds / 3600,
        images=whole.images,
        measured=whole.measured,
        took=time.perf_counter() - begun,
    )


def _say(whole: Projection) -> None:
    print(f"Measuring {whole.measured:,} of {whole.images:,} items", file=sys.stderr, flush=True)


def _stores(cache: Any, share: float) -> AbstractContextManager[Trial | None]:
    return nullcontext() if cache is False else trial(cache, share)


def _check_price(price: Any) -> None:
    is_number = isinstance(price, numbers.Real) and not isinstance(price, bool)
    if price is not None and not (is_number and 0 < price < math.inf):
        raise ValueError(
            f"price_per_hour is a number above 0, or None. Received: price_per_hour={price!r}"
        )


def _share(batch_size: int) -> Callable[[int], float]:
    """Which part of the images to measure."""

    def share(images: int) -> float:
        batches = min(max(_LEAST, _SHARE * images / batch_size), _MOST)
        return min(1.0, round(batches) * batch_size / images)

    return share


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Puts Python's and NumPy's random states back, and keeps warnings for the run itself."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
