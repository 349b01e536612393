"""Estimates time, memory and money of a run, from a few real steps on a few of the items."""

import gc
import inspect
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from transferlearn.advice.estimation.rehearsal import rehearsal
from transferlearn.advice.estimation.result import Estimate
from transferlearn.advice.estimation.stopwatch import Course, Stopwatch, watched
from transferlearn.builders import Builder
from transferlearn.builders.planning import HeldOutShare
from transferlearn.data import DataWarning, LoadedData
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.excerpts import Excerpt, load_excerpts
from transferlearn.data.images.checking import KEPT_BYTES
from transferlearn.data.images.dataset import ImageDataset
from transferlearn.features import Cache, Storage
from transferlearn.money import price
from transferlearn.randomness import random_states_kept
from transferlearn.schedules import Job, Phase, PhaseResult, Schedule
from transferlearn.training import check_cache
from transferlearn.types import Source

# A sixteenth of all items is opened, but at least 4 batches and at most 16.
_LEAST, _MOST, _SHARE = 4, 16, 1 / 16
_EPOCH, _LIVE_EPOCH = 64, 8  # batches in an epoch at most, which repeat the items that were opened
_ITEM_BYTES = 300  # bytes an item for hashes and places (docs/performance.md)
_COPIES = 3  # copies of all features that are in memory at once while a head is solved
_FLOAT = 4  # bytes


def estimate(
    builder: Builder,
    train: Source,
    validation_data: Source | None = None,
    *,
    price_per_hour: str | None = None,
    cache: str | bool | Cache = "auto",
    **fit_options: object,
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
    gc.collect()  # objects that nothing uses any more would count as memory of the run
    with random_states_kept(), _without_data_warnings(), watched() as peak:
        started = time.perf_counter()
        parts = _excerpts(builder, train, validation_data, fit_options)
        ready = time.perf_counter()
        whole = _Whole(parts, builder.batch_size)
        print(f"Measuring {whole.measured:,} of {whole.items:,} items", file=sys.stderr, flush=True)
        run = _run(builder, whole, Storage.of(cache), fit_options)
        done = time.perf_counter()
    gc.collect()
    spent = [whole.spent(course, phase, run.times) for course, phase in run.phases.items()]
    features, trained, later = (sum(column) for column in zip(*spent, strict=True))
    loading = ready - started + sum(part.seconds for part in parts) * (whole.more - 1)
    seconds = loading + done - ready + later
    in_memory, on_disk = (round(nbytes * whole.more) for nbytes in run.stored)
    return Estimate(
        seconds=seconds,
        loading=loading,
        starting=seconds - loading - features - trained,
        features=features,
        training=trained,
        memory=peak.nbytes + in_memory - run.stored[0] + whole.memory(run.phases.values()),
        stored_in_memory=in_memory,
        stored_on_disk=on_disk,
        stored_already=round(run.found * whole.items),
        money=rate and rate.times(seconds / 3600),
        images=whole.items,
        measured=whole.measured,
        took=time.perf_counter() - begun,
    )


@dataclass(frozen=True)
class _Planned(Schedule):
    """Yields phases that were planned before.

    Args:
        plan: The phases.
    """

    plan: tuple[Phase, ...]

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the phases, whatever their results are."""
        yield from self.plan


class _Run(NamedTuple):
    """Holds what a training on a few items came to.

    Attributes:
        phases: What was seen of each phase, with its result.
        times: How often the few items were repeated in an epoch.
        stored: The bytes of features that were stored: in memory, and on disk.
    """

    phases: dict[Course, PhaseResult]
    times: int
    stored: tuple[int, int]

    @property
    def found(self) -> float:
        """The share of the items whose features were stored before."""
        # What later phases find may be what this run has stored itself.
        first = next((phase.stored for phase in self.phases.values() if phase.stored), None)
        return 1 - first.computed * self.times / first.items if first else 0.0


def _run(builder: Builder, whole: "_Whole", storage: Storage, options: dict[str, Any]) -> _Run:
    """Trains on a few items, while a stopwatch ends each phase as early as it can."""
    stopwatch, never = Stopwatch(), storage.when == "never"
    times = whole.times(_LIVE_EPOCH if never else _EPOCH)
    with nullcontext() if never else rehearsal(storage, 1 / whole.more) as small:
        # The backend's random state cannot be put back, so no seed is set.
        seedless = replace(builder, seed=None)
        training = seedless.prepare(whole.repeated(times), cache=False, **options)
        # The results of so few steps would lead to other phases.
        plan = tuple(training.ahead().plan)
        schedule = _Planned(plan) if plan else training.schedule
        storage = small.storage if small else training.storage
        training = replace(training, schedule=schedule, storage=storage)
        fitted = training.run(
            callbacks=stopwatch, verbose=0, on_phase=stopwatch.begin, reference=False
        )
        stored = small.added() if small else (0, 0)
    return _Run(dict(zip(stopwatch.courses, fitted.phases, strict=True)), times, stored)


@dataclass(frozen=True)
class _Whole:
    """Computes what all items take, in seconds and bytes, from what a few of them took.

    Args:
        parts: A few items to train on, and a few to validate on if there are any.
        batch_size: The number of items in a batch.
    """

    parts: Sequence[Excerpt]
    batch_size: int

    @property
    def items(self) -> int:
        """The number of all items, those to validate on included."""
        return sum(part.size for part in self.parts)

    @property
    def measured(self) -> int:
        """The number of items that were opened."""
        return sum(len(part.few.items) for part in self.parts)

    @property
    def more(self) -> float:
        """Returns how many items there are for each one that was opened."""
        return self.items / self.measured

    def times(self, batches: int) -> int:
        """Returns how often the few items are repeated in an epoch of at most so many batches."""
        most = batches * self.batch_size / self.measured
        return max(1, int(min(most, self.more)))

    def repeated(self, times: int) -> LoadedData:
        """Returns the few items, so many times, with the size of the whole."""
        train, validation, *_ = *(self._repeated(part, times) for part in self.parts), None
        assert train is not None
        return LoadedData(train, validation)

    def _repeated(self, part: Excerpt, times: int) -> ItemDataset:
        few = part.few
        if isinstance(few, ImageDataset) and part.held_bytes * self.more > KEPT_BYTES:
            # Of all items, most are decoded again whenever they are read.
            few = replace(few, items=few.items.resized(few.image_size))
        rows = np.tile(np.arange(len(few.items)), times)
        return replace(few.rows(rows), size=part.size)

    def spent(self, course: Course, phase: PhaseResult, times: int) -> tuple[float, float, float]:
        """Returns the seconds of the frozen part and of the training, and those not spent here."""
        computed = phase.stored.seconds if phase.stored else 0.0
        if phase.solved:
            training = phase.solved.seconds * self.more / times
            longer = training - phase.solved.seconds
        else:
            train, held_out, *_ = *(-(-part.size // self.batch_size) for part in self.parts), 0
            steps = {True: train, False: held_out}
            training, longer = course.training(steps)
        return computed * self.more, training, computed * (self.more - 1) + longer

    def memory(self, phases: Iterable[PhaseResult]) -> int:
        """Returns the bytes that the other items add to memory, without stored features."""
        held = sum(part.held_bytes for part in self.parts) * (self.more - 1)
        known = _ITEM_BYTES * (self.items - self.measured)
        heads = [phase.solved for phase in phases if phase.solved]
        missing = [(self.parts[0].size - head.items) * head.features for head in heads]
        return round(held + known + _COPIES * _FLOAT * max(missing, default=0))


def _excerpts(
    builder: Builder,
    train: Source,
    validation_data: Source | None,
    options: dict[str, Any],
) -> list[Excerpt]:
    """Loads the data as `builder.load` would, but opens only a few of the items."""
    call = inspect.signature(builder.prepare).bind(train, validation_data, **options)
    call.apply_defaults()
    plan = builder.plan(call.arguments["schedule"])
    split = HeldOutShare.of(call.arguments["validation_split"], plan)
    return load_excerpts(
        train,
        validation_data,
        builder.reading(),
        **split._asdict(),
        seed=builder.seed,
        share=_share(builder.batch_size),
    )


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
