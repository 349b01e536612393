"""Describes recordings as a kind of data, and how files and arrays become rows of samples."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np

from transferlearn.checks import whole
from transferlearn.data.array_kind import ArrayKind
from transferlearn.data.audio.hearing import ODD, hear
from transferlearn.data.audio.streams import labelled_recordings, recordings_of
from transferlearn.data.audio.windows import Windows
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.items import decoding_pool
from transferlearn.data.iterating import is_tf_data
from transferlearn.data.kind import Spec
from transferlearn.data.listed import ByRow, Listed
from transferlearn.data.messages import indented, notice
from transferlearn.data.rows import RowDataset, shared_weights
from transferlearn.data.sources.tuples import list_arrays
from transferlearn.data.targets.base import Target, Targets
from transferlearn.edge import AudioReader
from transferlearn.edge.cutting import windows
from transferlearn.edge.recordings import ENDINGS, is_part, part_of, samples_of, with_times
from transferlearn.monitoring.traits import Traits, of_samples

_LONGEST = 5.0  # seconds of a row where nobody says how long it is
_LEAST_RATE, _MOST_RATE = 1_000, 192_000


@dataclass(frozen=True)
class Audio(ArrayKind):
    """Reads recordings as rows of samples: one channel, one rate, one length.

    Files are WAV, FLAC, OGG, Opus, MP3 or AIFF, and M4A where ffmpeg is installed. Channels are
    averaged, and soxr resamples. A shorter recording is filled up with silence, and a longer one is
    cut into windows that overlap by half: they weigh as much as one recording in training, and
    predictions are averaged over them.

    Args:
        sample_rate: The rate in Hz that the network takes. Arrays are of this rate; of another one
            they come as pairs `(samples, rate)`.
        seconds: The length of a row; by default that of the longest recording trained on, at most
            5 seconds.
    """

    name: ClassVar[str] = "audio"
    noun: ClassVar[str] = "recording"
    endings: ClassVar[tuple[str, ...]] = ENDINGS
    columns: ClassVar[tuple[str, ...]] = ("path", "file", "filename", "audio", "recording")
    columns_of_items: ClassVar[tuple[str, ...]] = ("start", "end")
    fed: ClassVar[str] = "It takes samples in [-1, 1] of one channel, at the rate in this folder."

    sample_rate: int = 16_000
    seconds: float | None = None

    def __post_init__(self) -> None:
        rate = whole("sample_rate", self.sample_rate, least=_LEAST_RATE)
        if rate > _MOST_RATE:
            raise ValueError(f"sample_rate is in Hz, up to {_MOST_RATE:,}. Received: {rate}")
        object.__setattr__(self, "sample_rate", rate)
        if self.seconds is not None and not 0.01 <= self.seconds <= 600:
            raise ValueError(f"seconds is from 0.01 to 600. Received: seconds={self.seconds!r}")

    @property
    def samples(self) -> int:
        """Returns the number of samples of a row."""
        return round((self.seconds or _LONGEST) * self.sample_rate)

    def inputs(self, shape: tuple[int, ...] | None = None) -> dict[str, Spec]:
        """Returns the shape and dtype of the one input, `audio`: `(samples,)`, float32."""
        return {"audio": Spec(shape or (self.samples,), "float32")}

    def with_columns(
        self, items: Sequence[object], cells: Mapping[str, Sequence[object]]
    ) -> list[object]:
        """Returns the parts of recordings that the columns `start` and `end` say, in seconds."""
        nothing = [None] * len(items)
        starts, ends = cells.get("start", nothing), cells.get("end", nothing)
        rows = zip(items, starts, ends, strict=True)
        return [with_times(str(item), start, end) for item, start, end in rows]

    def read(self, item: object) -> np.ndarray:
        """Reads a whole recording, or the part of one, float32 `(samples,)`."""
        return samples_of(part_of(item), self.sample_rate)

    def is_one(self, source: object) -> bool:
        """Returns whether a source is a single recording."""
        return self.item_reader().is_one(source)

    def is_stream(self, source: object) -> bool:
        """Returns whether a source is a `tf.data.Dataset`."""
        return is_tf_data(source)

    def stream(self, source: Any, target: Target, *, on_error: str) -> RowDataset:
        """Reads all recordings and labels of a `tf.data.Dataset` into memory."""
        listed = list_arrays(labelled_recordings(source, self.item_reader()), self)
        return self.open(listed, target.gather(listed), on_error=on_error)

    def unlabelled(self, source: Any, *, on_error: str = "skip") -> ItemDataset:
        """Makes a dataset to predict on; see `ArrayKind`, and a `tf.data.Dataset` of samples."""
        if self.is_stream(source):
            source = recordings_of(source, self.item_reader())
        if is_part(source):  # no file has this name
            listed = Listed(items=[str(source)], origin=ByRow(()), noun=self.noun, what=str(source))
            return self._opened(listed, on_error)[0]
        return super().unlabelled(source, on_error=on_error)

    def one(self, item: object) -> None:
        """Returns `None`: a recording may need several rows, which `unlabelled` makes."""

    def traits(self, batch: np.ndarray) -> Traits:
        """Measures loudness, noise floor, silence, pitch, bandwidth and length."""
        return of_samples(batch, self.sample_rate)

    def size_in_words(self, shape: tuple[int, ...]) -> str:
        """Returns the seconds of a row, and the rate in kHz."""
        return f"{shape[0] / self.sample_rate:g} s, {self.sample_rate / 1000:g} kHz"

    def like(self, dataset: Dataset) -> Self:
        """Returns the kind with the length of the rows of a dataset."""
        return replace(self, seconds=dataset.shape[0] / self.sample_rate)

    def item_reader(self) -> AudioReader:
        """Returns what reads recordings without Keras."""
        return AudioReader(self.sample_rate, self.samples)

    def open(self, listed: Listed, targets: Targets, *, on_error: str) -> RowDataset:
        """Reads every recording once, and makes a dataset of those that can be used."""
        dataset, kept = self._opened(listed, on_error, targets)
        good, of_row = listed.take(kept), dataset.source_of
        groups = good.groups or _files(good)
        return replace(
            dataset,
            targets=targets.take(kept[of_row]),
            sample_weight=shared_weights(good.sample_weight, of_row, len(kept)),
            groups=None if groups is None else [groups[i] for i in of_row],
        )

    def _unfit(self, targets: Targets | None, number: int, samples: int) -> str:
        """Returns why a recording that can be read cannot be used; by default, it can."""
        return ""

    def _opened(
        self, listed: Listed, on_error: str, targets: Targets | None = None
    ) -> tuple[RowDataset, np.ndarray]:
        """Reads every recording once, in threads; returns the rows of the good ones, and these."""
        looks = list(decoding_pool().map(partial(hear, self.sample_rate), listed.items))
        problems = [x.problem or self._unfit(targets, i, x.samples) for i, x in enumerate(looks)]
        kept, skipped = self._sorted_out(listed, problems, on_error)
        for said in ODD:
            if odd := [listed.called(i) for i in kept if said in looks[i].odd]:
                notice(f"{said}:{indented(odd)}")
        counts = [looks[i].samples for i in kept]
        length = self._length(max(counts))
        places = [windows(count, length) for count in counts]
        source_of = np.repeat(np.arange(len(kept)), [len(of_item) for of_item in places])
        begins = np.concatenate(places)
        items = Windows(
            sample_rate=self.sample_rate,
            length=length,
            sources=[listed.items[i] for i in kept],
            heard=[looks[i] for i in kept],
            source_of=source_of,
            begins=begins,
        )
        names = [str(listed.items[i]) for i in kept[source_of]] if listed.in_files else None
        dataset = RowDataset(
            items=items,
            shape=(length,),
            noun=self.noun,
            size=len(source_of),
            names=names,
            skipped=skipped,
            ignored=+Counter(listed.ignored),
            source_of=source_of,
        )
        return dataset, kept

    def _length(self, longest: int) -> int:
        """Returns the number of samples of a row, where the longest recording has so many."""
        if self.seconds is not None:
            return self.samples
        # Rounded up to tenths of a second, so that nearly equal data makes equal networks.
        tenths = math.ceil(10 * longest / self.sample_rate)
        return round(min(max(tenths, 1) / 10, _LONGEST) * self.sample_rate)


def _files(listed: Listed) -> list[str] | None:
    """Returns the file of each part of a recording, so that its parts stay on one side."""
    if not listed.in_files:
        return None
    files = [str(part_of(item).source) for item in listed.items]
    return files if len(set(files)) < len(files) else None
