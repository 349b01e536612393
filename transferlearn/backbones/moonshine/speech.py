"""Makes a backbone that writes down what is said of a whole Moonshine, encoder and decoder."""

from pathlib import Path
from typing import Any

import keras

from transferlearn.backbones.graph import copy_weights
from transferlearn.backbones.moonshine.encoder import (
    MOST_SECONDS,
    RATE,
    inputs_of_encoder,
    prepare,
    states_of,
)
from transferlearn.backbones.seq2seq import DECODER, blocks_of_both
from transferlearn.backbones.tensor_files import config_in
from transferlearn.backbones.whisper.encoder import Copies
from transferlearn.backbones.whisper.speech import SpeechBackbone, Spoken, tokenizer_in
from transferlearn.data import Writer

_BEGIN, _END, _MOST = 1, 2, 194  # where a folder's settings leave them out


def moonshine_speech(
    network: Any, folder: Path, spoken: Spoken, *, source: str, pretrained: bool
) -> SpeechBackbone:
    """Makes a backbone of a `keras_hub.models.MoonshineBackbone`.

    Args:
        network: KerasHub's network.
        folder: The folder of its files, with a `tokenizer.json`.
        spoken: The language that is spoken, which is English.
        source: Where the weights came from, in words.
        pretrained: Whether they are trained.

    Raises:
        ValueError: The folder has no decoder or tokenizer, or the language is another.
    """
    spoken.check_english("Moonshine")
    if not network.decoder_blocks:
        raise ValueError(f"{folder} has the encoder of a Moonshine alone, which writes nothing.")
    own = Copies()
    samples, is_sound = inputs_of_encoder()
    written = keras.Input((None,), dtype="int32", name=DECODER)
    states = states_of(network, samples, is_sound, own)
    places = own(network.get_layer("decoder_positions"))(written)
    rotary = own(network.decoder_rotary_embedding)(places)
    embedding = own(network.token_embedding)
    x = own(network.decoder_dropout)(embedding(written))
    for block in network.decoder_blocks:
        x = own(block)(
            decoder_sequence=x,
            encoder_sequence=states,
            rotary_embedding=rotary,
            encoder_padding_mask=is_sound,
        )
    x = own(network.decoder_post_norm)(x)
    logits = embedding(x, reverse=True)
    model = keras.Model([samples, is_sound, written], logits, name="moonshine")
    copy_weights(own.pairs)
    return SpeechBackbone(
        model=model,
        blocks=blocks_of_both(model),
        preprocessing=prepare,
        name="moonshine",
        source=source,
        pretrained=pretrained,
        sample_rate=RATE,
        most_seconds=MOST_SECONDS,
        further=(DECODER,),
        writer=_writer(folder),
    )


def _writer(folder: Path) -> Writer:
    """Reads which tokens a Moonshine writes, from the files in its folder."""
    config = config_in(folder)
    return Writer(
        tokenizer=tokenizer_in(folder),
        begin=(int(config.get("decoder_start_token_id", _BEGIN)),),
        end=int(config.get("eos_token_id", _END)),
        most=int(config.get("max_position_embeddings", _MOST)),
    )
