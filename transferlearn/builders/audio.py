"""Defines what all builders for recordings share, classifiers as well as regressors."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import keras

from transferlearn import backbones
from transferlearn.backbones import AudioBackbone, Backbone
from transferlearn.backbones.log_mel import frames_of, picture_of
from transferlearn.builders.base import Builder
from transferlearn.data import Audio, ChangedAudio, Spec, Transform
from transferlearn.data.audio.changed import PRESETS
from transferlearn.json_fields import Json
from transferlearn.schedules import Schedule
from transferlearn.types import Prediction

_MELS, _SCALE = 64, 2  # the picture has 128 columns and two rows for each 10 ms


@dataclass(frozen=True)
class AudioBuilder(Builder[Prediction]):
    """Builds and trains networks for recordings, classifiers as well as regressors.

    Args:
        backbone: The name of a network for images, or a `tl.backbones.Backbone` of one: it sees the
            log-mel picture of a recording, which plain layers inside the model compute. Or
            `"keras_hub:<preset or folder>"` of a Whisper or Moonshine, whose encoder hears it. Or a
            `Backbone` with `raw="audio"`, or a functional `keras.Model`, that takes samples,
            `(batch, samples)`.
        weights: `"imagenet"` for the pretrained ones, the path of a weight file, or `None` for
            random weights.
        sample_rate: The rate in Hz that the network takes; recordings of others are resampled.
        seconds: The length of what the network hears at once; by default that of the longest
            recording trained on, at most 5 seconds. Shorter recordings are filled up with silence,
            and longer ones cut into windows that overlap.
        augmentation: `"none"`, `"light"` (louder, softer, earlier, later), `"strong"` (also with
            noise, and without a stretch and a band of frequencies), or a `tl.data.ChangedAudio`,
            which can add noise from a folder; by default the schedule chooses.
        views: How many augmented views of each recording are made and stored; with 1, each epoch
            makes new ones.
    """

    backbone: str | keras.Model | Backbone
    _: KW_ONLY
    sample_rate: int = 16_000
    seconds: float | None = None
    augmentation: str | Transform | None = None
    views: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "sample_rate", self.kind.sample_rate)
        self._transform("none", self.views)  # refuses what is no augmentation

    @property
    def kind(self) -> Audio:
        """Returns the settings to read recordings by."""
        return Audio(sample_rate=self.sample_rate, seconds=self.seconds)

    def _variation(self, shape: tuple[int, ...], plan: Schedule) -> Json:
        """Returns the builder's augmentation, or else the schedule's, with its views."""
        views = plan.views if self.augmentation is None else self.views
        return {"transform": self._transform(plan.augmentation, views)}

    def _transform(self, default: str, views: int) -> Transform | None:
        """Makes what changes recordings, by the builder's setting or else the default."""
        given = default if self.augmentation is None else self.augmentation
        if isinstance(given, ChangedAudio):
            return replace(given, sample_rate=self.sample_rate)
        if isinstance(given, Transform):
            return given
        if given == "none":
            return None
        if given not in PRESETS:
            raise ValueError(
                "augmentation is 'none', 'light', 'strong' or a tl.data.ChangedAudio. "
                f"Received: augmentation={given!r}"
            )
        return ChangedAudio(views, sample_rate=self.sample_rate, **PRESETS[given])

    def load_backbone(self, shape: tuple[int, ...] | None) -> Backbone:
        """Loads the backbone for rows of this shape; one of images sees the log-mel picture."""
        samples = (shape or (self.kind.samples,))[0]
        if isinstance(self.backbone, keras.Model) and len(self.backbone.inputs[0].shape) == 2:
            return backbones.from_model(self.backbone, raw="audio")
        size = (_SCALE * frames_of(samples, self.sample_rate), _SCALE * _MELS)
        seen = backbones.get(self.backbone, weights=self.weights, image_size=size)
        if isinstance(seen, AudioBackbone):
            seen.check(samples, self.sample_rate)
        if seen.raw == "audio":
            return seen

        def prepare(audio: object) -> Any:
            return seen.prepare(picture_of(audio, self.sample_rate, _MELS, _SCALE))

        return replace(
            backbones.from_model(
                seen.model,
                preprocessing=prepare,
                blocks=lambda model: seen.blocks,
                source=seen.source,
                pretrained=seen.pretrained,
                raw="audio",
            ),
            name=seen.name,
            licence=seen.licence,
        )

    def _inputs(self, shape: tuple[int, ...] | None) -> dict[str, Spec]:
        """Returns the shape and dtype of the samples."""
        return self.kind.inputs(shape)
