"""Makes a backbone for recordings of Whisper's encoder, the spectrogram and the mean included."""

import keras

from transferlearn.backbones.base import AudioBackbone
from transferlearn.backbones.blocks import blocks_by_name
from transferlearn.backbones.graph import copy_weights
from transferlearn.backbones.log_mel import WHISPER_RATE, whisper_log_mel
from transferlearn.backbones.recordings import Copies
from transferlearn.types import Tensor

_FRAME = 320  # samples for each state of the encoder: two frames of the spectrogram


def encoder_of(network: keras.Model, *, source: str, pretrained: bool) -> AudioBackbone:
    """Makes a backbone of the encoder in a `keras_hub.models.WhisperBackbone`.

    Its features are the mean of the encoder's states over the part of a row that is sound: zeros
    at the end of a row, with which a short recording is filled up, do not count.

    Args:
        network: KerasHub's network.
        source: Where the weights came from, in words.
        pretrained: Whether they are trained.
    """
    own, mels = Copies(), network.num_mels
    spectrogram = keras.Input((None, mels), dtype="float32", name="spectrogram")
    is_sound = keras.Input((None,), dtype="float32", name="is_sound")
    x = states_of(network, spectrogram, own)
    x = keras.layers.GlobalAveragePooling1D(name="mean_of_sound")(x, mask=is_sound)
    model = keras.Model([spectrogram, is_sound], x, name="whisper")
    copy_weights(own.pairs)

    def prepare(audio: Tensor) -> list[Tensor]:
        whole = of_whole_frames(audio)
        return [whisper_log_mel(whole, mels), _is_sound(whole)]

    return AudioBackbone(
        model=model,
        blocks=blocks_by_name(
            (r"transformer_encoder_layer_(\d+)", r"layer_\1"), (r"spectrogram", "embeddings")
        )(model),
        preprocessing=prepare,
        name="whisper",
        source=source,
        pretrained=pretrained,
        sample_rate=WHISPER_RATE,
        most_seconds=most_seconds_of(network),
    )


def most_seconds_of(network: keras.Model) -> float:
    """Returns the seconds that a Whisper hears at once."""
    return float(network.max_encoder_sequence_length * _FRAME / 2 / WHISPER_RATE)


def states_of(network: keras.Model, spectrogram: Tensor, own: Copies) -> Tensor:
    """Makes the states of the encoder by copies of its layers, `(batch, frames / 2, channels)`."""
    x = own(network.encoder_conv_layer_1)(spectrogram)
    x = keras.layers.Activation("gelu", name="encoder_gelu_1")(x)
    x = keras.layers.ZeroPadding1D(1, name="encoder_padding")(x)
    x = own(network.encoder_conv_layer_2)(x)
    x = keras.layers.Activation("gelu", name="encoder_gelu_2")(x)
    x = own(network.encoder_embeddings_add)((x, own(network.encoder_position_embedding)(x)))
    x = own(network.encoder_embeddings_dropout)(x)
    for layer in network.encoder_transformer_layers:
        x = own(layer)(x)
    return own(network.encoder_layer_norm)(x)


def of_whole_frames(audio: Tensor) -> Tensor:
    """Fills a row up with zeros to a whole number of the encoder's states."""
    missing = -audio.shape[1] % _FRAME
    return keras.ops.pad(audio, ((0, 0), (0, missing))) if missing else audio


def _is_sound(audio: Tensor) -> Tensor:
    """Returns for each state of the encoder 1, or 0 for zeros at the end, float32.

    In a row of nothing but zeros all count, so that their mean is something.
    """
    ops, frames = keras.ops, audio.shape[1] // _FRAME
    loudest = ops.max(ops.abs(ops.reshape(audio, (-1, frames, _FRAME))), axis=2)
    heard = ops.flip(ops.cast(ops.greater(loudest, 0.0), "float32"), axis=1)
    is_sound = ops.flip(ops.cast(ops.greater(ops.cumsum(heard, axis=1), 0.0), "float32"), axis=1)
    return ops.maximum(is_sound, 1.0 - ops.max(is_sound, axis=1, keepdims=True))
