"""Loads KerasHub's backbones: presets, and folders that KerasHub or Hugging Face wrote."""

import json
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from transferlearn.backbones.base import Backbone, Facts, Weights, from_model
from transferlearn.backbones.hub_presets import (
    PREFIX,
    chat_template_of,
    folder_of,
    from_preset,
    keras_hub,
    most_tokens,
    network,
    saved_settings,
    settings_for,
    settings_of,
)
from transferlearn.backbones.moonshine import moonshine_encoder, moonshine_speech
from transferlearn.backbones.recordings import TAKE_SPEECH, SpeechBackbone, Spoken
from transferlearn.backbones.seq2seq import Seq2SeqBackbone, from_seq2seq
from transferlearn.backbones.texts import Pooling, TextBackbone, TextSource, from_encoder
from transferlearn.backbones.whisper import encoder_of, speech_of
from transferlearn.data import Tokenizer
from transferlearn.data.texts.pieces import tokenized_in_pieces
from transferlearn.edge.chat import ChatTemplate
from transferlearn.edge.tokenizers import EdgeTokenizer, JsonPieces, WordPieces

_AT_ONCE = 1000  # texts in one call of the tokenizer
_FILE = "tokenizer.json"
_CHAT = "chat_template.json"
_NO_START = ("T5Tokenizer", "T5GemmaTokenizer")  # their encoders read no token before a text
_WORD_PIECE = {  # `model_type` in Hugging Face's config: the class in KerasHub
    "bert": "BertTokenizer",
    "distilbert": "DistilBertTokenizer",
    "electra": "ElectraTokenizer",
}


class KerasHub(TextSource):
    """Loads backbones that are named `keras_hub:<preset>` or `keras_hub:<folder>`."""

    names = (PREFIX,)

    def facts(self, name: str) -> Facts:
        """Returns the name, and whether the backbone is in a folder, so that it works offline."""
        return Facts(name=name, preprocessing="its own", offline=folder_of(name) is not None)

    def load(self, name: str, *, weights: Weights, image_size: tuple[int, int]) -> Backbone:
        """Loads a backbone for images with KerasHub's own scaling, or an encoder of recordings."""
        model, trained = network(name, load_weights=weights is not None), weights is not None
        models, source = keras_hub().models, _origin(name, pretrained=trained)
        if isinstance(model, models.WhisperBackbone):
            return encoder_of(model, source=source, pretrained=trained)
        if isinstance(model, models.MoonshineBackbone):
            return moonshine_encoder(model, source=source, pretrained=trained)
        if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
            raise ValueError(f"{name!r} takes no images. For texts: tl.TextClassifierBuilder.")
        convert = from_preset(name, "ImageConverter", module="layers")
        return from_model(
            model,
            preprocessing=_scaling(convert),
            name=name,
            source=source,
            pretrained=trained,
        )

    def load_speech(self, name: str, spoken: Spoken, *, pretrained: bool) -> SpeechBackbone:
        """Loads a whole Whisper or Moonshine from the folder of its files."""
        folder, models = folder_of(name) if name.startswith(PREFIX) else None, keras_hub().models
        model = None if folder is None else network(name, load_weights=pretrained)
        source = _origin(name, pretrained=pretrained)
        if folder and isinstance(model, models.WhisperBackbone):
            return speech_of(model, folder, spoken, source=source, pretrained=pretrained)
        if folder and isinstance(model, models.MoonshineBackbone):
            return moonshine_speech(model, folder, spoken, source=source, pretrained=pretrained)
        raise ValueError(f"{name!r} writes nothing down. {TAKE_SPEECH}")

    def load_text(self, name: str, *, pretrained: bool, pooling: Pooling) -> TextBackbone:
        """Loads an encoder of texts, with its tokenizer and the given pooling."""
        encoder = network(name, load_weights=pretrained)
        if pooling == "written":
            return self._load_both(name, encoder, pretrained=pretrained)
        if "token_ids" not in [tensor.name for tensor in encoder.inputs]:
            raise ValueError(f"{name!r} takes no texts. For images: tl.ImageClassifierBuilder.")
        return from_encoder(
            encoder,
            self._fitting_tokenizer(name, encoder),
            pooling=pooling,
            name=encoder.name,
            source=_origin(name, pretrained=pretrained),
            pretrained=pretrained,
            most_tokens=most_tokens(name),
        )

    def _load_both(self, name: str, network: keras.Model, *, pretrained: bool) -> Seq2SeqBackbone:
        """Loads an encoder with the decoder that writes texts."""
        tokenizer = self._fitting_tokenizer(name, network)
        return from_seq2seq(
            _with_logits(name, network),
            tokenizer,
            begin=tokenizer.begin,
            name=network.name,
            source=_origin(name, pretrained=pretrained),
            pretrained=pretrained,
            most_tokens=most_tokens(name) or getattr(network, "max_sequence_length", None),
        )

    def _fitting_tokenizer(self, name: str, network: keras.Model) -> "HubTokenizer":
        """Loads a tokenizer; refuses one that has more tokens than the network."""
        tokenizer = self.load_tokenizer(name)
        if tokenizer.size > network.vocabulary_size:
            raise ValueError(
                f"{name!r} has a vocabulary of {tokenizer.size:,} tokens, and an encoder of "
                f"{network.vocabulary_size:,}: its files do not belong together."
            )
        return tokenizer

    def load_tokenizer(self, name: str) -> "HubTokenizer":
        """Loads a tokenizer: by KerasHub, or of BERT-like folders from Hugging Face's own files."""
        folder = folder_of(name)
        hugging_face = _of_hugging_face(folder) if folder else None
        tokenizer = hugging_face or from_preset(name, "Tokenizer")
        return HubTokenizer(tokenizer, chat_template_of(folder) if folder else None)


class HubTokenizer(Tokenizer):
    """Wraps a tokenizer of KerasHub; two with the same settings and vocabulary are equal."""

    def __init__(self, tokenizer: keras.Layer, chat_template: ChatTemplate | None = None) -> None:
        self._tokenizer = tokenizer
        self.chat_template = chat_template or type(self).chat_template
        family = type(tokenizer).__name__
        self.start = () if family in _NO_START else _first_id(tokenizer, "cls", "start")
        self.end = _first_id(tokenizer, "sep", "end")
        self.padding = tokenizer.pad_token_id
        self.size = tokenizer.vocabulary_size()
        unknown = getattr(tokenizer, "oov_token", None)
        self.unknown = None if unknown is None else tokenizer.token_to_id(unknown)
        self.blanks = isinstance(tokenizer, keras_hub().tokenizers.BytePairTokenizer)

    @property
    def begin(self) -> tuple[int, ...]:
        """The ids that the decoder of an encoder-decoder reads before a text."""
        family = type(self._tokenizer).__name__
        if family == "BartTokenizer":
            return *self.end, *self.start
        return (self.padding,) if family == "T5Tokenizer" else _first_id(self._tokenizer, "start")

    def tokenize(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Returns the token ids of each text."""
        if isinstance(self._tokenizer, keras_hub().tokenizers.BytePairTokenizer):
            return tokenized_in_pieces(texts, self._tokenizer, _AT_ONCE)
        found: list[np.ndarray] = []
        for begin in range(0, len(texts), _AT_ONCE):
            ids = self._tokenizer(list(texts[begin : begin + _AT_ONCE]))
            found += [np.asarray(row, np.int32) for row in ids]
        return found

    def spelled(self, ids: Sequence[int]) -> list[str]:
        """Returns the string of each token, as the vocabulary has it."""
        return [str(self._tokenizer.id_to_token(int(i))) for i in ids]

    def text(self, ids: Sequence[int]) -> str:
        """Returns the text that ids stand for; of bytes that are no whole character, \ufffd."""
        return str(self._tokenizer.detokenize(list(map(int, ids))))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Returns where each token stands; one that holds a part of a character has all of it."""
        if not isinstance(self._tokenizer, keras_hub().tokenizers.BytePairTokenizer):
            return super().spans(text)
        (ids,) = self.tokenize([text])
        # Such tokens are spelled with a letter for each byte.
        ends = np.cumsum([0, *map(len, self.spelled(ids.tolist()))])
        character_of = np.repeat(np.arange(len(text)), [len(x.encode()) for x in text])
        first, last = character_of[ends[:-1]], character_of[ends[1:] - 1]
        return list(zip(first.tolist(), (last + 1).tolist(), strict=True))

    def for_edge(self) -> EdgeTokenizer | None:
        """Returns the same tokenizer without KerasHub: of word pieces, or of pairs of bytes."""
        return self._for_edge

    @cached_property
    def _for_edge(self) -> EdgeTokenizer | None:
        """What `for_edge` returns, which is made once."""
        if (description := self.as_json()) is not None:
            return JsonPieces(description)
        pieces = self._tokenizer
        is_known = isinstance(pieces, keras_hub().tokenizers.WordPieceTokenizer)
        if not is_known or not pieces.split or pieces.special_tokens_in_strings:
            return None
        spelling = pieces.lowercase, pieces.strip_accents, pieces.split_on_cjk
        vocabulary = tuple(pieces.get_vocabulary())
        return WordPieces(vocabulary, *spelling, pieces.suffix_indicator, pieces.oov_token)

    def as_json(self) -> str | None:
        """Returns the content of a `tokenizer.json`, if it is one of pairs of bytes."""
        own = getattr(self._tokenizer, "_tokenizer", None)  # the package tokenizers made it
        return str(own.to_str()) if self.blanks and own is not None else None

    def save(self, folder: Path) -> None:
        """Writes the tokenizer's settings and vocabulary into a new folder."""
        folder.mkdir()
        written = {_FILE: saved_settings(self._tokenizer), _CHAT: self.chat_template.settings()}
        for name, settings in written.items():
            (folder / name).write_text(json.dumps(settings, indent=2), "utf-8")
        self._tokenizer.save_assets(str(folder))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads a tokenizer that `save` wrote; raises `ValueError` for anything else."""
        family = keras_hub().tokenizers.Tokenizer  # the import makes all of them known to Keras
        file = folder / _FILE
        try:
            settings = json.loads(file.read_text("utf-8"))
            found: Any = keras.saving.get_registered_object(settings["registered_name"])
            is_tokenizer = isinstance(found, type) and issubclass(found, family)
            if not is_tokenizer:
                raise ValueError(f"it asks for {settings['registered_name']!r:.99}, no tokenizer")
            tokenizer: keras.Layer = found(**settings_for(settings))
            tokenizer.load_assets(str(folder))
            chat = settings_of(folder / _CHAT)  # saves of earlier versions have none
            template = ChatTemplate.load(chat) if chat else None
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ValueError(f"{file} is not what KerasHub wrote: {error!s:.300}") from error
        return cls(tokenizer, template)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HubTokenizer) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, ChatTemplate, tuple[str, ...]]:
        """Returns what makes two tokenizers equal: the settings, the template, the vocabulary."""
        settings = {k: v for k, v in self._tokenizer.get_config().items() if k != "name"}
        return repr(settings), self.chat_template, tuple(self._tokenizer.get_vocabulary())


def _with_logits(name: str, network: keras.Model) -> keras.Model:
    """Returns a network with KerasHub's own layers that make logits of the decoder's states."""
    for family in keras_hub().models.Seq2SeqLM.__subclasses__():
        if family.backbone_cls is type(network):
            made: keras.Model = family(backbone=network, preprocessor=None)
            return made
    raise ValueError(
        f"{name!r} ({type(network).__name__}) writes no texts of others. Take an encoder-decoder "
        "such as 'keras_hub:bart_base_en' or 'keras_hub:t5_small_multi'."
    )


def _of_hugging_face(folder: Path) -> keras.Layer:
    """Makes a tokenizer from Hugging Face's files of a BERT, DistilBERT or ELECTRA; else `None`.

    KerasHub's own loader keeps accents when it lower-cases, and fails where settings are missing.
    """
    class_name = _WORD_PIECE.get(settings_of(folder / "config.json").get("model_type", ""))
    vocabulary = folder / "vocab.txt"
    if class_name is None or not vocabulary.is_file():
        return None
    settings = settings_of(folder / "tokenizer_config.json")
    lower = settings.get("do_lower_case", True)
    strips = settings.get("strip_accents")
    strips = lower if strips is None else strips  # as Hugging Face reads a missing setting
    try:
        return _word_piece(class_name, vocabulary, vocabulary.stat().st_mtime_ns, lower, strips)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{vocabulary} is damaged: {error!s:.300}") from error


@lru_cache(maxsize=4)
def _word_piece(class_name: str, vocabulary: Path, changed: int, lower: bool, strips: bool) -> Any:
    """Makes a tokenizer of a vocabulary file, or gives the one made of it before."""
    # `changed`, the file's time of change, keeps the cache from giving an older file's tokenizer.
    tokenizer = getattr(keras_hub().models, class_name)
    return tokenizer(str(vocabulary), lowercase=lower, strip_accents=strips)


def _scaling(converter: Any) -> keras.Layer:
    """Makes a layer that scales pixels as KerasHub's image converter does."""
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    return keras.layers.Rescaling(scale, offset, dtype="float32", name="preprocessing")


def _origin(name: str, *, pretrained: bool) -> str:
    """Describes where the weights came from."""
    return f"KerasHub, {name.removeprefix(PREFIX)}" if pretrained else "random weights"


def _first_id(tokenizer: object, *names: str) -> tuple[int, ...]:
    """Returns the id of the first of these special tokens that the tokenizer has; else `()`."""
    found = (getattr(tokenizer, f"{name}_token_id", None) for name in names)
    return next(((int(token),) for token in found if token is not None), ())
