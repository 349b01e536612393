"""Networks for recordings and texts are suggested as those for images are."""

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests import language
from tests.builders.test_token_classifier import sentences
from tests.sounds import RATE, backbone, network, tones
from tests.texts import encoder, reviews
from tests.texts import tokenizer as bert
from transferlearn.advice.suggestion.measuring import measure
from transferlearn.advice.suggestion.sampling import Sampler
from transferlearn.backbones.keras_hub import HubTokenizer


def heard(samples, rate=RATE):
    return tl.AudioClassifierBuilder(backbone(samples), sample_rate=rate, seconds=samples / rate)


def test_of_recordings_windows_are_joined_and_all_candidates_hear_the_same():
    waves, labels = tones(40, seconds=1.0)
    labels[1::8] = "low"  # so that some are taken for another class
    candidates = [heard(RATE // 2), heard(RATE, rate=2 * RATE), heard(RATE)]
    found = tl.suggest((list(waves), labels), candidates, items=30, depths=[0], verbose=0)
    assert (found.items, found.noun) == (30, "recording")
    by_size = {row.size: row for row in found}
    assert sorted(by_size) == ["0.5 s, 16 kHz", "0.5 s, 8 kHz", "1 s, 8 kHz"]
    for row in found:
        assert row.errors.shape == (30,)
        assert row.interval[1] - row.interval[0] > 0.05  # of 30 recordings, not of their windows
    halves, whole = by_size["0.5 s, 8 kHz"].errors, by_size["1 s, 8 kHz"].errors
    assert np.corrcoef(halves, whole)[0, 1] > 0.5  # of the same recordings in the same order
    assert "ms per recording" in str(found)
    assert "on 30 recordings" in str(found)


def test_of_a_row_of_samples_itself_nothing_is_read():
    waves, labels = tones(20)
    depths = tl.suggest((waves, labels), [heard(RATE // 2)], depths=[0, 2], verbose=0)
    sample = Sampler((waves, labels), items=20, seed=0)
    builder = heard(RATE // 2)
    read = sample.read(builder.task, builder.reading())
    measured = measure(builder, read.items, [0, 2])
    assert [depth.pooled.shape for depth in measured.depths] == [(20, 16), (20, 0)]
    expected = network(RATE // 2).predict(waves, verbose=0)
    np.testing.assert_allclose(measured.depths[0].pooled, expected, rtol=1e-4, atol=1e-5)
    assert depths[0].score == depths[1].score


def test_padding_of_texts_counts_at_no_depth():
    texts, labels = reviews(24)
    made = tl.backbones.from_encoder(encoder(), HubTokenizer(bert()))
    builder = tl.TextClassifierBuilder(made)
    sample = Sampler((texts, labels), items=24, seed=0).read(builder.task, builder.reading())
    blocks = len(made.blocks)
    measured = measure(builder, sample.items, [0, 1, blocks])
    before = made.model.get_layer(made.blocks[-2].name).output
    for depth, layer in zip(measured.depths[:2], (made.model.output, before), strict=True):
        states = keras.Model(made.model.input, layer)
        for row, text in zip(depth.pooled, texts, strict=True):
            ids = builder.kind.tokens([text]).items.start(np.array([0]))()
            alone = np.asarray(states(ids))[0]
            mean = alone if alone.ndim == 1 else alone.mean(0)
            np.testing.assert_allclose(row, mean, atol=2e-5)
    assert measured.depths[2].pooled.shape == (24, 0)


def test_encoders_are_put_in_order():
    texts, labels = reviews(40)
    blind = encoder(layers=1)
    blind.get_layer("token_embedding").embeddings.assign(
        0 * blind.get_layer("token_embedding").embeddings
    )
    builders = [
        tl.TextClassifierBuilder(tl.backbones.from_encoder(made, HubTokenizer(bert()), name=name))
        for name, made in (("blind", blind), ("good", encoder(layers=1)))
    ]
    found = tl.suggest((texts, labels), builders, depths=[0], verbose=0)
    assert [row.network for row in found] == ["good", "blind"]
    assert found.recommended.builder is builders[1]
    assert found[0].size.endswith(" tokens")


def test_encoders_are_put_in_order_for_tags():
    blind = encoder(layers=1)
    table = blind.get_layer("token_embedding").embeddings
    table.assign(0 * table)
    builders = [
        tl.TokenClassifierBuilder(
            tl.backbones.from_encoder(made, HubTokenizer(bert()), pooling="none", name=name)
        )
        for name, made in (("blind", blind), ("good", encoder(layers=1)))
    ]
    found = tl.suggest(sentences(60), builders, verbose=0)  # of 3 to 23 tokens, in two batches
    assert [row.network for row in found] == ["good", "blind"]
    assert found[0].score > found[1].score + 0.2
    assert found[0].score_name == "entity_f1"
    assert found.recommended.builder is builders[1]


def test_what_cannot_be_compared_is_refused():
    texts = tl.TextClassifierBuilder(tl.backbones.from_encoder(encoder(1), HubTokenizer(bert())))
    with pytest.raises(TypeError, match=r"bring their heads with them.*CausalLMBuilder"):
        tl.suggest("nowhere", [tl.CausalLMBuilder(language.backbone())])
    with pytest.raises(ValueError, match="Received: builders for Texts and Audio"):
        tl.suggest("nowhere", [texts, heard(RATE)])
