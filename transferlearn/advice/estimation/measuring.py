"""Estimates time, memory and money of a run, by running it on a few of the items."""

import gc
import inspect
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from transferlearn.advice.estimation.memory import watched
from transferlearn.advice.estimation.projection import Projection
from transferlearn.advice.estimation.result import Estimate
from transferlearn.advice.estimation.stopwatch import Stopwatch
from transferlearn.builders import Builder
from transferlearn.builders.planning import HeldOutShare
from transferlearn.data import DataWarning, LoadedData
from transferlearn.data.excerpt import Sample
from transferlearn.data.loading import load_excerpt
from transferlearn.features import Cache, Storage
from transferlearn.features.rehearsal import Rehearsal, rehearsal
from transferlearn.money import price
from transferlearn.randomness import random_states_kept
from transferlearn.training import check_cache
from transferlearn.types import Source

# A sixteenth of all items is opened, but at least 4 batches and at most 16.
_LEAST, _MOST, _SHARE = 4, 16, 1 / 16


def estimate(
    builder: Builder,
    train: Source,
    validation_data: Source | None = None,
    *,
    price_per_hour: str | None = None,
    cache: str | bool | Cache = "auto",
    **fit_options: Any,
) -> Estimate:
    """Estimates what `builder.fit(...)` with the same arguments will take, before it is started.

    Args:
        builder: The builder of the run; it stays as it is.
        train: A folder, arrays or a table, as for `fit`; a stream cannot be measured in part.
        validation_data: A folder, arrays or a table to validate on, as for `fit`.
        price_per_hour: The price of the machine for an hour, such as `"1.20 EUR"`.
        cache: What is stored, as for `fit`. Of features that are stored already, as many are taken
            to be there of all items as are of those that are measured.
        **fit_options: Arguments of `builder.prepare`, such as `epochs` and `schedule`. Where a
            schedule may end a phase early, the estimate is for its longest course.

    Returns:
        An `Estimate` of time, memory and money; printed, it is a short text.

    Raises:
        ValueError: `fit` would refuse the data or the settings, the data is a stream, or the price
            is no amount with a currency.

    Example:
        print(tl.estimate(builder, "photos", epochs=20, price_per_hour="0.50 EUR"))
    """
    begun = time.perf_counter()
    rate = price(price_per_hour)
    check_cache(cache)
    stopwatch = Stopwatch(builder.batch_size)
    gc.collect()  # objects that nothing uses any more would count as memory of the run
    with random_states_kept(), _without_data_warnings(), watched() as peak:
        started = stopwatch.now()
        loaded = _excerpt(builder, train, validation_data, stopwatch, fit_options)
        ready = stopwatch.now()
        projection = Projection([x for x in loaded if isinstance(x, Sample)], builder.batch_size)
        _say(projection)
        share = projection.measured / projection.images
        with _stores(Storage.of(cache), share) as stores:
            found = _run(builder, loaded, stopwatch, stores, fit_options)
            done = stopwatch.now()
            stored = stores.added() if stores else (0, 0)
    gc.collect()
    courses = stopwatch.courses
    spent = [projection.spent(course) for course in courses]
    loading = ready - started + projection.opening
    seconds = loading + done - ready + sum(phase.more for phase in spent)
    features, trained = sum(x.features for x in spent), sum(x.training for x in spent)
    in_memory, on_disk = (round(nbytes * projection.computed(courses)) for nbytes in stored)
    return Estimate(
        seconds=seconds,
        loading=loading,
        starting=seconds - loading - features - trained,
        features=features,
        training=trained,
        memory=peak.nbytes + in_memory - stored[0] + projection.memory(courses),
        stored_in_memory=in_memory,
        stored_on_disk=on_disk,
        stored_already=round(found * projection.images),
        money=rate and rate.times(seconds / 3600),
        images=projection.images,
        measured=projection.measured,
        took=time.perf_counter() - begun,
    )


def _excerpt(
    builder: Builder,
    train: Source,
    validation_data: Source | None,
    stopwatch: Stopwatch,
    options: dict[str, Any],
) -> LoadedData:
    """Loads the data as `builder.load` would, but opens only a few of the items."""
    call = inspect.signature(builder.prepare).bind(train, validation_data, **options)
    call.apply_defaults()
    plan = builder.plan(call.arguments["schedule"])
    split = HeldOutShare.of(call.arguments["validation_split"], plan)
    return load_excerpt(
        train,
        validation_data,
        builder.reading(),
        **split._asdict(),
        seed=builder.seed,
        share=_share(builder.batch_size),
        observer=stopwatch,
    )


def _run(
    builder: Builder,
    loaded: LoadedData,
    stopwatch: Stopwatch,
    stores: Rehearsal | None,
    options: dict[str, Any],
) -> float:
    """Trains on the sample, while the stopwatch watches; each phase ends early where it can.

    Returns:
        The share of the items whose features the first phase that stores them finds stored.
    """
    # The backend's random state cannot be put back, so no seed is set.
    training = replace(builder, seed=None).prepare(loaded, cache=False, **options)
    if stores:
        training = replace(training, storage=stores.storage)
    fitted = training.run(callbacks=stopwatch, verbose=0, on_phase=stopwatch.begin, reference=False)
    # What later phases find may be what this run has stored itself.
    first = next((phase.stored for phase in fitted.phases if phase.stored), None)
    return 1 - first.computed / first.items if first else 0.0


def _say(projection: Projection) -> None:
    """Prints to stderr how many of the items are measured."""
    print(
        f"Measuring {projection.measured:,} of {projection.images:,} items",
        file=sys.stderr,
        flush=True,
    )


def _stores(storage: Storage, share: float) -> AbstractContextManager[Rehearsal | None]:
    """Opens a temporary storage with that share of the room; `None` if nothing is to be stored."""
    return nullcontext() if storage.when == "never" else rehearsal(storage, share)


def _share(batch_size: int) -> Callable[[int], float]:
    """Returns a function from the number of items to the share of them to measure."""

    def share(items: int) -> float:
        batches = min(max(_LEAST, _SHARE * items / batch_size), _MOST)
        return min(1.0, round(batches) * batch_size / items)

    return share


@contextmanager
def _without_data_warnings() -> Iterator[None]:
    """Silences warnings about the data, which the run itself will give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        yield
