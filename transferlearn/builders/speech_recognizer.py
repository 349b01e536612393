"""Defines the builder of models that write down what is said."""

from dataclasses import KW_ONLY, dataclass, field, replace

import keras

from transferlearn import backbones
from transferlearn.backbones import Backbone, SpeechBackbone
from transferlearn.builders.audio import AudioBuilder
from transferlearn.builders.writes import WritesTexts
from transferlearn.configs import class_name
from transferlearn.data import Speech
from transferlearn.data.sequences.speech import MOST
from transferlearn.edge import Sampling
from transferlearn.fitted import FittedModel, Outline
from transferlearn.heads import Decoder, Head, NextTokenHead
from transferlearn.json_fields import Json
from transferlearn.tasks import Task, TextPrediction, Writing

_SAMPLING = Sampling(max_new_tokens=224)


@dataclass(frozen=True)
class SpeechRecognizerBuilder(WritesTexts, AudioBuilder[TextPrediction]):
    """Fine-tunes a pretrained Whisper or Moonshine on one's own recordings with their words.

    When to use it: for names, terms, voices and rooms that a Whisper gets wrong.

    Args:
        backbone: `"keras_hub:<folder>"` of a Whisper or Moonshine that Hugging Face wrote
            (config.json, model.safetensors, tokenizer.json), of a Whisper that CTranslate2 wrote
            (model.bin, tokenizer.json), or a `tl.backbones.SpeechBackbone`.
        weights: `"imagenet"` for the pretrained ones, or `None` for random weights.
        language: The code of the language that is spoken, such as `"de"`. A Whisper that knows
            several is trained on one; untouched (`pretrained`) it finds the language of each row
            itself where there is `None`.
        translate: Whether what is said is written in English, by a Whisper that knows several
            languages. The texts to learn are English then.
        seconds: The length of what the network hears at once; by default that of the longest
            recording trained on, from 8 to 30 seconds. 30 seconds are what Whisper was trained on;
            fewer take less time.
        sampling: How `predict` chooses tokens, and how many.
        augmentation, views: See `tl.builders.AudioBuilder`.
        freeze, optimizer, learning_rate, loss, metrics, batch_size, precision, on_error, groups,
            seed: See `ImageClassifierBuilder`. A loss gets the right token behind each that the
            decoder reads, int32 `(batch, tokens)`, -1 where none is learnt, and logits
            `(batch, tokens, all tokens)`.

    By default `fit` trains the decoder, and stores what the frozen encoder gives
    (`tl.schedules.AutoForWriting`).

    Example:
        builder = tl.SpeechRecognizerBuilder("keras_hub:whisper-tiny.en")
        fitted = builder.fit("recordings.csv")  # path,text
        print(fitted.transcribe("talk.wav").text)
    """

    backbone: str | SpeechBackbone
    _: KW_ONLY
    language: str | None = None
    translate: bool = False
    head: Head | Decoder = field(default_factory=NextTokenHead)
    batch_size: int = 8
    sampling: Sampling = _SAMPLING

    @property
    def task(self) -> Task[TextPrediction]:
        """Returns the task: what is said in each recording."""
        return Writing(sampling=self.sampling, spoken=True)

    @property
    def kind(self) -> Speech:
        """Returns the settings to read recordings by."""
        return Speech(sample_rate=self.sample_rate, seconds=self.seconds)

    def pretrained(self) -> FittedModel[TextPrediction]:
        """Returns the network as it came, without any training, to use it or to score it.

        It hears as much as it can at once, at most 30 seconds, unless `seconds` says otherwise.

        Example:
            whisper = tl.SpeechRecognizerBuilder("keras_hub:whisper-tiny.en").pretrained()
            print(whisper.transcribe("talk.wav").text)
        """
        backbone = self._speech()
        kind = replace(self.kind, seconds=self.seconds or min(MOST, backbone.most_seconds))
        backbone.check(kind.samples, self.sample_rate)
        network, encoding = self._network(backbone, self._blank, (kind.samples,))
        history = keras.callbacks.History()
        history.history, history.epoch = {}, []
        return FittedModel(
            model=network.model,
            kind=kind,
            encoding=encoding,
            history=history,
            phases=(),
            outline=Outline(
                backbone=backbone.name,
                source=backbone.source,
                batch_size=self.batch_size,
                licence=backbone.licence,
                builder=class_name(type(self)),
            ),
            builder=self,
        )

    def load_backbone(self, shape: tuple[int, ...] | None) -> Backbone:
        """Loads the network, and refuses rows that are longer than it can hear."""
        backbone = self._speech()
        if backbone.writer.languages:
            raise ValueError(
                "This Whisper knows several languages, and learns one: name the one that is spoken "
                "in the recordings, such as language='de'."
            )
        backbone.check((shape or (self._samples,))[0], self.sample_rate)
        return backbone

    def _speech(self) -> SpeechBackbone:
        """Loads the Whisper or Moonshine."""
        return backbones.get_speech(
            self.backbone,
            pretrained=self.weights is not None,
            language=self.language,
            translate=self.translate,
        )

    @property
    def _samples(self) -> int:
        """Returns the samples of a row where there is no data."""
        return round((self.seconds or MOST) * self.sample_rate)

    def _inputs(self, shape: tuple[int, ...] | None) -> Json:
        """Returns the shape and dtype of the samples."""
        return self.kind.inputs(shape or (self._samples,))
