"""Makes a backbone that writes down what is said of a whole Whisper, encoder and decoder."""

import json
from pathlib import Path

import keras

from transferlearn.backbones.graph import copy_weights
from transferlearn.backbones.log_mel import WHISPER_RATE, whisper_log_mel
from transferlearn.backbones.recordings import (
    TOKENIZER,
    Copies,
    SpeechBackbone,
    Spoken,
    tokenizer_in,
)
from transferlearn.backbones.seq2seq import DECODER, blocks_of_both
from transferlearn.backbones.whisper.encoder import (
    most_seconds_of,
    of_whole_frames,
    states_of,
)
from transferlearn.data import Writer
from transferlearn.data.texts import JsonTokenizer
from transferlearn.json_fields import Json
from transferlearn.types import Tensor

_ENGLISH = 51_864  # tokens of a Whisper that knows English only; others have more
# Where Hugging Face and CTranslate2 say which tokens are never written, and not as the first.
_SETTINGS = ("generation_config.json", "config.json")
_NEVER = ("suppress_tokens", "suppress_ids")
_LANGUAGES = ("lang_to_id", "lang_ids")
_NOT_FIRST = ("begin_suppress_tokens", "suppress_ids_begin")


def speech_of(
    network: keras.Model, folder: Path, spoken: Spoken, *, source: str, pretrained: bool
) -> SpeechBackbone:
    """Makes a backbone of a `keras_hub.models.WhisperBackbone`.

    Args:
        network: KerasHub's network.
        folder: The folder of its files, with a `tokenizer.json`.
        spoken: The language that is spoken, and whether it is translated.
        source: Where the weights came from, in words.
        pretrained: Whether they are trained.

    Raises:
        ValueError: The folder has no tokenizer that fits, or the language is not known.
    """
    own, mels = Copies(), network.num_mels
    spectrogram = keras.Input((None, mels), dtype="float32", name="spectrogram")
    written = keras.Input((None,), dtype="int32", name=DECODER)
    states = states_of(network, spectrogram, own)
    embedding = own(network.token_embedding)
    places = own(network.decoder_embeddings.position_embedding)
    x = embedding(written)
    x = keras.layers.Add(name="decoder_embeddings_add")([x, places(x)])
    x = own(network.decoder_embeddings_dropout)(x)
    for layer in network.decoder_transformer_layers:
        x = own(layer)(decoder_sequence=x, encoder_sequence=states)
    x = own(network.decoder_layer_norm)(x)
    model = keras.Model([spectrogram, written], embedding(x, reverse=True), name="whisper")
    copy_weights(own.pairs)

    def prepare(audio: Tensor) -> Tensor:
        return whisper_log_mel(of_whole_frames(audio), mels)

    return SpeechBackbone(
        model=model,
        blocks=blocks_of_both(model),
        preprocessing=prepare,
        name="whisper",
        source=source,
        pretrained=pretrained,
        sample_rate=WHISPER_RATE,
        most_seconds=most_seconds_of(network),
        further=(DECODER,),
        writer=writer_of(
            folder, network.vocabulary_size, network.max_decoder_sequence_length, spoken
        ),
    )


def writer_of(folder: Path, tokens: int, most: int, spoken: Spoken) -> Writer:
    """Reads which tokens a Whisper writes, from the files in its folder.

    Args:
        folder: The folder.
        tokens: The number of tokens of the network.
        most: The most tokens that its decoder reads.
        spoken: The language that is spoken, and whether it is translated.

    Raises:
        ValueError: A token is missing, or the Whisper does not know the language, or only English.
    """
    tokenizer = tokenizer_in(folder)
    settings = [_settings(folder / name) for name in _SETTINGS]
    begin = [_id(tokenizer, "startoftranscript", folder)]
    languages, language = dict[str, int](), spoken.language
    if settings[0].get("is_multilingual", tokens > _ENGLISH):
        if language is None:
            languages = _languages(settings, tokenizer, tokens)
        elif tokenizer.id_of(f"<|{language}|>") is None:
            raise ValueError(f"Whisper knows no language of that code: language={language!r}")
        task = "translate" if spoken.translate else "transcribe"
        begin += [_id(tokenizer, language or min(languages), folder), _id(tokenizer, task, folder)]
    else:
        spoken.check_english("Whisper")
    begin.append(_id(tokenizer, "notimestamps", folder))
    silence = tokenizer.id_of("<|nocaptions|>")
    return Writer(
        tokenizer=tokenizer,
        begin=tuple(begin),
        end=_id(tokenizer, "endoftext", folder),
        most=most,
        suppressed=_ids(settings, _NEVER, tokens),
        suppressed_first=_ids(settings, _NOT_FIRST, tokens),
        blank=True,
        silence=tokenizer.id_of("<|nospeech|>") if silence is None else silence,
        languages=languages,
    )


def _languages(settings: list[Json], tokenizer: JsonTokenizer, tokens: int) -> dict[str, int]:
    """Returns the ids of the languages by their codes, as the settings of a Whisper have them."""
    ids = next((x[name] for x in settings for name in _LANGUAGES if x.get(name)), ())
    known = [int(i) for i in (ids.values() if isinstance(ids, dict) else ids) if 0 <= i < tokens]
    if not known:
        raise ValueError(
            "The files of this Whisper do not say which languages it knows: name the one that is "
            "spoken, such as language='de'."
        )
    return {x.strip("<|>"): i for x, i in zip(tokenizer.spelled(known), known, strict=True)}


def _id(tokenizer: JsonTokenizer, name: str, folder: Path) -> int:
    """Returns the id of a special token; raises `ValueError` where there is none."""
    found = tokenizer.id_of(f"<|{name}|>")
    if found is None:
        raise ValueError(f"{folder / TOKENIZER} has no token <|{name}|>, which Whisper's have.")
    return found


def _settings(file: Path) -> Json:
    """Reads a file of settings; one that is not there, or is damaged, has none."""
    try:
        return dict(json.loads(file.read_text("utf-8"))) if file.is_file() else {}
    except (TypeError, ValueError):
        return {}


def _ids(settings: list[Json], names: tuple[str, ...], tokens: int) -> tuple[int, ...]:
    """Returns the ids that the first of some settings has under one of these names."""
    found = next((x[name] for x in settings for name in names if x.get(name)), ())
    return tuple(int(i) for i in found if 0 <= int(i) < tokens)
