"""Computes and stores the output of frozen layers alone, so that later fits find all of it."""

import dataclasses
import os
from pathlib import Path

from transferlearn.builders import Builder, Training
from transferlearn.data.manifests import write_manifest
from transferlearn.distributing import divided_batches
from transferlearn.features import Cache, Storage
from transferlearn.features.limits import check_cache
from transferlearn.progress import as_verbosity, working
from transferlearn.schedules import Schedule, StoredPart
from transferlearn.training import HeldOutScore, PhaseRunner
from transferlearn.types import Source, Verbose


def extract(
    of: Builder | Training,
    data: Source | None = None,
    validation_data: Source | None = None,
    *,
    cache: Cache,
    epochs: int | None = None,
    schedule: Schedule | str | None = None,
    validation_split: float | None = None,
    manifest: str | os.PathLike[str] | None = None,
    verbose: Verbose = "auto",
) -> StoredPart:
    """Computes the output of the frozen layers for all items and stores it; trains nothing.

    When to use it: the pass over the frozen layers belongs on another machine, or in another hour,
    than the training. `fit` with the same cache then computes none of these items again. What the
    first phase reads is stored; a later phase that frees layers may need more.

    Args:
        of: A builder, or what its `prepare` gave.
        data: The data of `fit`; of a training `None`, which has its own.
        validation_data: As for `fit`.
        cache: Where to store; it has a directory.
        epochs: As for `fit`: of a few epochs another place may be the cheapest to store at.
        schedule: As for `fit`: its first phase decides which layers are frozen.
        validation_split: As for `fit`; items that are held out are stored, too.
        manifest: A `.parquet` file to write, of images: their paths, sizes, times, hashes, errors
            and labels. `fit` takes it in the place of `data`, and opens no file that is unchanged.
        verbose: What `model.fit` takes; with 0 nothing is printed.

    Returns:
        What is stored: how many items, how many of them are new, how many bytes, and where.

    Raises:
        TypeError: `cache` is no `tl.Cache`, or `of` neither a builder nor a training.
        ValueError: The cache has no directory, nothing can be stored, or the data cannot be used.
        OSError: The directory cannot be written to, or is full; what was stored by then stays.

    Example:
        ```python
        cache = tl.Cache(directory="features")
        tl.extract(builder, "photos", cache=cache)
        fitted = builder.fit("photos", cache=cache)
        ```
    """
    if not isinstance(cache, Cache) or cache.directory is None:
        error = ValueError if isinstance(cache, Cache) else TypeError
        raise error(
            'extract stores for later runs: pass cache=tl.Cache(directory="features"). '
            f"Received: cache={cache!r}"
        )
    check_cache(cache)
    if manifest is not None and not isinstance(of, Builder):
        raise TypeError('A manifest is of data: pass a builder, extract(builder, "photos", ...).')
    with working(verbose, expected=None):
        training = of
        if isinstance(of, Builder) and data is not None and manifest is not None:
            write_manifest(Path(manifest), data, of.reading())
            data = manifest
        if isinstance(of, Builder) and data is not None:
            training = of.prepare(
                data,
                validation_data,
                epochs=epochs,
                schedule=schedule,
                validation_split=validation_split,
                cache=cache,
            )
        if not isinstance(training, Training) or (training is of and data is not None):
            raise TypeError(
                'Pass a builder and data, extract(builder, "photos", cache=cache), or what '
                f"prepare gave alone. Received: {type(of).__name__} and {type(data).__name__}"
            )
        # The rows are read by a later run: in memory they would only take room.
        on_disk = Storage.of(dataclasses.replace(cache, memory=0))
        return _stored(dataclasses.replace(training, storage=on_disk), verbose)


def _stored(training: Training, verbose: Verbose) -> StoredPart:
    """Stores what the first phase of a training is trained on."""
    validation = training.data.validation
    runner = PhaseRunner(
        network=training.network,
        layers=training.layers,
        settings=training.settings,
        objective=training.objective,
        scoring=HeldOutScore(training.network.model, training.kind, training.encoding, validation),
        data=training.data,
        results=training.job.results,
        storage=training.storage,
        callbacks=[],
        verbose=as_verbosity(verbose),
        ahead=training.ahead(),
    )
    with divided_batches(training.data.batch_size):
        phase = next(training.schedule.phases(training.job))
        given = runner.prepare(phase, runner.compile(phase))
    if given.stored is None:
        raise ValueError(f"Nothing can be stored: {given.not_stored}.")
    return given.stored
