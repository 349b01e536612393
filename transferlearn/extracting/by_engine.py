"""Hands the pass of a builder's first phase to the workers of an engine."""

from pathlib import Path

from transferlearn.builders import Builder
from transferlearn.data import Images, LoadedData
from transferlearn.data.excerpts import load_excerpts
from transferlearn.data.manifests import write_manifest
from transferlearn.engines import Ray
from transferlearn.engines.worker import ImagePass
from transferlearn.extracting.first_phase import prepared
from transferlearn.features import Cache
from transferlearn.features.passing import FeaturePass
from transferlearn.features.store import stored_keys
from transferlearn.features.wanted import WantedFeatures
from transferlearn.schedules import Schedule
from transferlearn.types import Source

_FEW = 64  # images that are opened here, to build the network for them


def extract_by(
    engine: Ray,
    manifest: Path,
    builder: Builder,
    data: Source,
    *,
    cache: Cache,
    epochs: int | None,
    schedule: Schedule | str | None,
) -> None:
    """Stores the features of images on an engine's workers, and writes their manifest.

    Raises:
        ValueError: These are no image files, or the first phase reads random views of them.
    """
    described = _described(builder, data, cache, epochs, schedule)
    features = described.features
    stored = stored_keys(features.storage, features.key)
    write_manifest(
        manifest,
        data,
        builder.reading(),
        check=lambda paths: engine.checks(paths, described),
        is_stored=lambda content_hash: bytes.fromhex(content_hash) in stored,
    )


def _described(
    builder: Builder,
    data: Source,
    cache: Cache,
    epochs: int | None,
    schedule: Schedule | str | None,
) -> ImagePass:
    """Describes the pass of a builder's first phase, from a few of the images."""
    reading = builder.reading()
    if not isinstance(reading.kind, Images):
        raise ValueError(f"An engine computes image files. Received: {reading.kind.noun}s")
    (part, *_) = load_excerpts(
        data,
        None,
        reading,
        validation_split=None,
        least_to_split=0,
        seed=0,
        share=lambda items: min(1.0, _FEW / items),
    )
    training = builder.prepare(
        LoadedData(part.few, None),
        epochs=epochs or builder.plan(schedule).default_epochs(part.size),
        schedule=schedule,
        cache=cache,
    )
    first = prepared(training, cache, verbose=0)
    if first.is_changed:
        raise ValueError(
            "An engine computes images as they are, and this schedule asks for random views of "
            'them. Pass schedule="probe", or a builder with augmentation="none".'
        )
    contents = part.few.contents(training.data.plain)
    features = FeaturePass.of(
        training.network,
        first.compiled.mask,
        first.stored.cut,
        first.training.storage,
        kind=WantedFeatures(contents=contents).kind(),
        batch_size=training.data.batch_size,
    )
    return ImagePass(images=reading.kind.like(part.few), features=features)
