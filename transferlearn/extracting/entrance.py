"""Defines `extract`, the pass over frozen layers without a training."""

import os
from pathlib import Path

from transferlearn.builders import Builder, Training
from transferlearn.data.manifests import write_manifest
from transferlearn.engines import Ray
from transferlearn.extracting.by_engine import extract_by
from transferlearn.extracting.first_phase import prepared
from transferlearn.features import Cache
from transferlearn.features.limits import check_cache
from transferlearn.progress import working
from transferlearn.schedules import Schedule, StoredPart
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
    engine: Ray | None = None,
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
        engine: Many workers that decode, hash, compute and store the images, such as
            `tl.engines.Ray(address="auto", workers=8)`. Without a `manifest`, one is written to the
            cache's directory.
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
    with working(verbose, expected=None):
        if engine is not None and manifest is None:
            manifest = Path(cache.folder, "manifest.parquet")
        if manifest is not None and (not isinstance(of, Builder) or data is None):
            raise TypeError(
                'A manifest and an engine need a builder and data: extract(builder, "photos", ...'
                f"). Received: {type(of).__name__} and {type(data).__name__}"
            )
        training = of
        if isinstance(of, Builder) and data is not None:
            if engine is not None and manifest is not None:
                extract_by(
                    engine, Path(manifest), of, data, cache=cache, epochs=epochs, schedule=schedule
                )
            elif manifest is not None:
                write_manifest(Path(manifest), data, of.reading())
            training = of.prepare(
                data if manifest is None else manifest,
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
        return prepared(training, cache, verbose).stored
