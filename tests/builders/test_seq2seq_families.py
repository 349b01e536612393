"""T5 and T5Gemma learn, store what the frozen encoder gives, and write as whole passes do."""

import io

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub")

import keras_hub

import transferlearn as tl
from tests.language import Letters
from tests.translations import BEGIN, pairs
from transferlearn.generating.reading import Anew

# Layers of KerasHub's T5 say at each call that they take no masks of Keras, as they have their own,
# and when they are loaded, that they build nothing beforehand.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Layer '.*attention' .of type T5Multi:UserWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # a file
    pytest.mark.filterwarnings("ignore:`build..` was called on layer:UserWarning"),
]

SIDE = {
    "hidden_dim": 32,
    "intermediate_dim": 64,
    "num_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "layer_types": ["sliding_attention", "full_attention"],
}


def gemma(version):
    sides = {f"{side}_{k}": v for side in ("encoder", "decoder") for k, v in SIDE.items()}
    made = getattr(keras_hub.models, f"T5Gemma{version}Backbone")(
        vocabulary_size=256,
        sliding_window=16,
        cross_attention_hidden_size=32,
        attn_logit_softcapping=50.0,
        final_logit_softcapping=30.0,
        query_pre_attn_scalar=8,
        **sides,
    )
    return getattr(keras_hub.models, f"T5Gemma{version}Seq2SeqLM")(made, preprocessor=None)


def t5(vocabulary=256):
    made = keras_hub.models.T5Backbone(
        vocabulary_size=vocabulary,
        num_layers=2,
        num_heads=4,
        hidden_dim=32,
        intermediate_dim=64,
        dropout=0.0,
        activation="gelu",
    )
    return keras_hub.models.T5Seq2SeqLM(made, preprocessor=None)


MADE = {"t5": t5, "t5gemma": lambda: gemma(""), "t5gemma2": lambda: gemma("2")}


def backbone(family):
    keras.utils.set_random_seed(0)
    return tl.backbones.from_seq2seq(MADE[family](), Letters(), begin=(BEGIN,), most_tokens=64)


def fit(made, **settings):
    known = {"learning_rate": 3e-3, "seed": 0}
    builder = tl.Seq2SeqLMBuilder(made, **known)
    return builder.fit(pairs(24), epochs=2, validation_split=0, verbose=0, **settings)


@pytest.mark.full
def test_a_t5_is_stored_and_trained_alike():
    made = backbone("t5")
    stored, live = (fit(made, cache=cache) for cache in (True, False))
    assert "encoder" in str(stored.phases[-1].stored)
    for one, other in zip(stored.model.weights, live.model.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


@pytest.mark.full
@pytest.mark.parametrize("family", MADE)
def test_a_family_writes_what_whole_passes_write(family, tmp_path):
    fitted = fit(backbone(family))
    x = fitted.kind.unlabelled(["one two", "seven"]).first_batch(2)
    for options in ({}, {"num_beams": 3}):
        answerer = fitted.answerer(max_new_tokens=8, **options)
        anew = Anew(fitted.model, 1).begin(x)
        expected = [one.text for one in answerer.writer.wrote(anew, 2)]
        assert answerer.texts(x) == expected
    scores = fitted.evaluate(pairs(4, seed=9)[-1:])
    assert scores.perplexity != scores.pretrained_perplexity
    fitted.save(tmp_path / "model")
    again = tl.load(tmp_path / "model")
    assert again.predict("one two", max_new_tokens=8) == fitted.predict("one two", max_new_tokens=8)


@pytest.mark.full
def test_parts_of_a_t5_are_not_stored_where_they_cannot_be():
    builder = tl.Seq2SeqLMBuilder(backbone("t5"), freeze="encoder.layer_0", seed=0)
    with pytest.raises(ValueError, match="freeze the whole encoder"):
        builder.fit(pairs(16), epochs=3, validation_split=0, cache=True, verbose=0)


@pytest.mark.full
def test_a_t5_comes_from_a_preset(tmp_path):
    pieces = pytest.importorskip("sentencepiece")
    model = io.BytesIO()
    pieces.SentencePieceTrainer.train(
        sentence_iterator=iter([text for pair in pairs(300) for text in pair]),
        model_writer=model,
        vocab_size=40,
        model_type="unigram",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    tokenizer = keras_hub.models.T5Tokenizer(model.getvalue())
    t5(vocabulary=64).backbone.save_to_preset(str(tmp_path))
    keras_hub.models.T5Seq2SeqLMPreprocessor(tokenizer).save_to_preset(str(tmp_path))
    task = "translate English to German: "
    builder = tl.Seq2SeqLMBuilder(f"keras_hub:{tmp_path}", prefix=task, freeze="none", seed=0)
    fitted = builder.fit(pairs(16), epochs=1, validation_split=0, verbose=0)
    assert fitted.encoding.known.begin == (0,)
    fitted.save(tmp_path / "model")
    again = tl.load(tmp_path / "model")
    assert again.predict("one") == fitted.predict("one")
    assert again.evaluate(pairs(4)).pretrained_perplexity > 1
