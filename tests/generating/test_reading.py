"""Reading token by token: with keys and values kept it gives what whole passes give."""

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub")

import transferlearn as tl
from tests import language
from transferlearn.generating import reading_of
from transferlearn.generating.cached import Cached
from transferlearn.generating.reading import Anew

_SIZES = {"vocabulary_size": 50, "num_layers": 2, "hidden_dim": 16, "intermediate_dim": 32}
_GROUPED = {**_SIZES, "num_query_heads": 4, "num_key_value_heads": 2}
_TIED = {**_GROUPED, "tie_word_embeddings": True}
_EXPERTS = {**_GROUPED, "num_experts": 4, "top_k": 2}
FAMILIES = {
    "GPT2": {**_SIZES, "num_heads": 2, "max_sequence_length": 48},
    "OPT": {**_SIZES, "num_heads": 2, "max_sequence_length": 48},
    "Bloom": {**_SIZES, "num_heads": 2},
    "Llama3": _TIED,
    "Mistral": {**_GROUPED, "sliding_window": 4},
    "Gemma": {**_GROUPED, "head_dim": 4},
    "Qwen": _TIED,
    "Qwen3": {**_TIED, "head_dim": 4},
    "Phi3": _GROUPED,
    "Mixtral": _EXPERTS,
    "GptOss": _EXPERTS,
}


def network(family, sizes):
    import keras_hub

    keras.utils.set_random_seed(0)
    made = getattr(keras_hub.models, f"{family}Backbone")(**sizes)
    random = np.random.default_rng(0)
    for weight in made.weights:
        if len(weight.shape) > 1:
            weight.assign(random.normal(0, 0.3, weight.shape))
    return tl.CausalLMBuilder(
        tl.backbones.from_encoder(made, language.Letters(), pooling="next")
    ).build()


def logits(reading, ids, lengths, *beside, steps=5):
    """What is found behind prompts, and behind further tokens that are made up."""
    read, random = reading.begin(*beside), np.random.default_rng(1)
    found = [read.first(ids, lengths, steps)]
    found += [read.next(random.integers(2, 50, len(ids)).astype("int32")) for _ in range(steps)]
    return np.stack(found)


def prompts():
    ids = np.random.default_rng(0).integers(2, 50, (3, 40)).astype("int32")
    return ids, np.array([40, 3, 33])


@pytest.mark.parametrize(
    "family",
    [
        family if family == "Llama3" else pytest.param(family, marks=pytest.mark.full)
        for family in FAMILIES
    ],
)
def test_what_is_kept_gives_what_whole_passes_give(family):
    model = network(family, FAMILIES[family])
    assert type(reading_of(model)) is Cached
    expected = logits(Anew(model, 0), *prompts())
    np.testing.assert_allclose(logits(reading_of(model), *prompts()), expected, atol=2e-5)


def test_it_is_compiled_once_whatever_the_lengths(monkeypatch):
    model = network("Llama3", FAMILIES["Llama3"])
    reading, calls = reading_of(model), []
    layer = type(model.get_layer("transformer_layer_0"))
    call = layer.call
    monkeypatch.setattr(layer, "call", lambda *a, **k: calls.append(1) or call(*a, **k))
    for rows, length in ((1, 3), (2, 40), (3, 90)):
        logits(reading, np.ones((rows, length), "int32"), np.full(rows, length))
    assert not calls or keras.backend.backend() != "tensorflow"
    assert reading_of(model) is reading


def test_networks_that_keep_nothing_are_read_anew():
    """A network of Keras's own layers, whose attention takes no cache."""
    ids = keras.Input((None,), dtype="int32")
    states = keras.layers.Embedding(50, 16)(ids)
    attended = keras.layers.MultiHeadAttention(2, 8)(states, states, use_causal_mask=True)
    model = keras.Model(ids, keras.layers.Dense(50)(attended))
    reading = reading_of(model)
    assert type(reading) is Anew
    given, lengths = prompts()
    expected = np.stack(
        [model(row[None, :n])[0, -1] for row, n in zip(given, lengths, strict=True)]
    )
    np.testing.assert_allclose(logits(reading, given, lengths)[0], expected, atol=1e-5)


def test_places_that_a_layer_cannot_be_told_are_found_out():
    """Positions that are counted from the batch's left end would be wrong."""
    import keras_hub

    class Counted(keras.layers.Layer):
        def call(self, x):
            places = keras.ops.arange(keras.ops.shape(x)[1], dtype="float32")
            return x + keras.ops.sin(places)[None, :, None]

    ids = keras.Input((None,), dtype="int32")
    states = Counted()(keras.layers.Embedding(50, 16)(ids))
    states = keras_hub.layers.TransformerDecoder(32, 2)(states)
    assert type(reading_of(keras.Model(ids, keras.layers.Dense(50)(states)))) is Anew


def test_another_sequence_is_read_once():
    import keras_hub

    source = keras.Input((None,), dtype="int32", name="source")
    ids = keras.Input((None,), dtype="int32", name="ids")
    embed = keras_hub.layers.TokenAndPositionEmbedding(50, 64, 16)
    is_token = source >= 2
    encoded = keras_hub.layers.TransformerEncoder(32, 2)(embed(source), padding_mask=is_token)
    states = embed(ids)
    for _ in range(2):
        states = keras_hub.layers.TransformerDecoder(32, 2)(
            states, encoded, encoder_padding_mask=is_token
        )
    model = keras.Model([source, ids], keras.layers.Dense(50)(states))
    read = np.random.default_rng(2).integers(1, 4, (3, 7)).astype("int32")
    reading = reading_of(model, written=1)
    assert type(reading) is Cached
    expected = logits(Anew(model, 1), *prompts(), read)
    np.testing.assert_allclose(logits(reading, *prompts(), read), expected, atol=2e-5)
