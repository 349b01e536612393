"""Makes a backbone that writes down what is said of a whole Moonshine, encoder and decoder."""

from pathlib import Path
from typing import Any

import keras

from transferlearn.backbones.graph import copy_weights
from transferlearn.backbones.moonshine.encoder import MOST_SECONDS, RATE, encoder_of, prepare
from transferlearn.backbones.recordings import Copies, SpeechBackbone, Spoken, tokenizer_in
from transferlearn.backbones.seq2seq import DECODER, blocks_of_both
from transferlearn.backbones.tensor_files import config_in
from transferlearn.checks import whole
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
    samples, is_sound, states = encoder_of(network, own)
    written = keras.Input((None,), dtype="int32", name=DECODER)
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
        writer=_writer(folder, network.vocabulary_size),
    )


def _writer(folder: Path, tokens: int) -> Writer:
    """Reads which tokens a Moonshine writes, from the files in its folder."""
    config = config_in(folder)

    def setting(name: str, usual: int, least: int) -> int:
        return whole(name, config.get(name, usual), least=least)

    def id_of(name: str, usual: int) -> int:
        found = setting(name, usual, least=0)
        if found >= tokens:
            raise ValueError(f"{folder} has {tokens} tokens. Received: {name}={found}")
        return found

    return Writer(
        tokenizer=tokenizer_in(folder),
        begin=(id_of("decoder_start_token_id", _BEGIN),),
        end=id_of("eos_token_id", _END),
        most=setting("max_position_embeddings", _MOST, least=2),
    )
