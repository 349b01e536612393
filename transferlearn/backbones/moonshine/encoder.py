"""Makes a backbone for recordings of Moonshine's encoder, the mean included."""

from typing import Any

import keras

from transferlearn.backbones.base import AudioBackbone
from transferlearn.backbones.blocks import blocks_by_name
from transferlearn.backbones.graph import copy_weights
from transferlearn.backbones.recordings import Copies
from transferlearn.types import Tensor

RATE = 16_000  # Hz
MOST_SECONDS = 64.0  # of what it was trained on
_STATE = 384  # samples from one state of the encoder to the next
_LEAST = 895  # samples that its convolutions need for one state


def moonshine_encoder(network: keras.Model, *, source: str, pretrained: bool) -> AudioBackbone:
    """Makes a backbone of the encoder in a `keras_hub.models.MoonshineBackbone`.

    Its features are the mean of the encoder's states over the part of a row that is sound: zeros
    at the end of a row, with which a short recording is filled up, do not count.

    Args:
        network: KerasHub's network.
        source: Where the weights came from, in words.
        pretrained: Whether they are trained.
    """
    own = Copies()
    samples, is_sound, states = encoder_of(network, own)
    x = keras.layers.GlobalAveragePooling1D(name="mean_of_sound")(states, mask=is_sound)
    model = keras.Model([samples, is_sound], x, name="moonshine")
    copy_weights(own.pairs)
    return AudioBackbone(
        model=model,
        blocks=blocks_by_name(
            (r"encoder_block_(\d+)", r"block_\1"), (r"samples|conv1", "convolutions")
        )(model),
        preprocessing=prepare,
        name="moonshine",
        source=source,
        pretrained=pretrained,
        sample_rate=RATE,
        most_seconds=MOST_SECONDS,
    )


def encoder_of(network: Any, own: Copies) -> tuple[Tensor, Tensor, Tensor]:
    """Makes the encoder by copies of its layers.

    Returns:
        Its inputs, which are samples, `(batch, samples, 1)`, and for each state whether it is of
        sound, `(batch, states)`; and the states, `(batch, states, channels)`.
    """
    samples = keras.Input((None, 1), dtype="float32", name="samples")
    is_sound = keras.Input((None,), dtype="float32", name="is_sound")
    x = samples
    for layer in (
        network.conv1,
        network.tanh_after_conv1,
        network.group_norm,
        network.conv2,
        network.gelu_after_conv2,
        network.conv3,
        network.gelu_after_conv3,
    ):
        x = own(layer)(x)
    places = own(network.encoder_rotary_embedding)(own(network.get_layer("encoder_positions"))(x))
    x = own(network.encoder_dropout)(x)
    for block in network.encoder_blocks:
        x = own(block)(x, places, attention_mask=is_sound)
    return samples, is_sound, own(network.encoder_final_layer_norm)(x)


def prepare(audio: Tensor) -> list[Tensor]:
    """Returns samples as a column, and for each state of the encoder whether it is of sound.

    As in transformers, a state counts where the first of its samples does.
    """
    ops, missing = keras.ops, max(0, _LEAST - audio.shape[1])
    whole = ops.pad(audio, ((0, 0), (0, missing))) if missing else audio
    states = 1 + (((whole.shape[1] - 127) // 64 + 1 - 7) // 3 + 1 - 3) // 2
    heard = ops.flip(ops.cast(ops.not_equal(whole, 0.0), "float32"), axis=1)
    is_sound = ops.flip(ops.cast(ops.greater(ops.cumsum(heard, axis=1), 0.0), "float32"), axis=1)
    firsts = is_sound[:, ::_STATE][:, :states]
    # In a row of nothing but zeros all count, so that their mean is something.
    return [ops.expand_dims(whole, -1), ops.maximum(firsts, 1.0 - firsts[:, :1])]
