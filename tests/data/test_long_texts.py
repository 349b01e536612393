"""Long texts to go on with: cut where tokens end, hashed once; and texts that nothing foretells."""

import hashlib

import numpy as np
import pytest

pytest.importorskip("keras_hub")

import transferlearn as tl
from tests import language
from transferlearn.data.texts.pieces import pieces_of, tokenized_in_pieces

TEXT = (
    "Tom sat at 7.\n\n  x\ty 1999 at  3.5%\r\n  ünï 😀 don't it's at\n你好世界。 at the end\n" * 40
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = language.folder_of(tmp_path_factory.mktemp("hub") / "gpt2")
    return tl.backbones.get_tokenizer(f"keras_hub:{folder}")


@pytest.mark.parametrize("longest", [20, 333])
def test_pieces_have_the_tokens_of_the_whole(tokenizer, longest):
    pieces = pieces_of(TEXT, longest)
    assert "".join(pieces) == TEXT
    assert len(pieces) > 5
    (whole,) = tokenizer.tokenize([TEXT])
    np.testing.assert_array_equal(np.concatenate(tokenizer.tokenize(pieces)), whole)
    assert 257 in whole  # a token of two letters


def test_few_characters_are_tokenized_at_a_time(monkeypatch):
    monkeypatch.setattr("transferlearn.data.texts.pieces._LONGEST", 50)
    monkeypatch.setattr(pieces_of, "__defaults__", (50,))
    seen = []

    def tokenize(pieces):
        seen.append(sum(map(len, pieces)))
        return [np.array([ord(letter) for letter in piece]) for piece in pieces]

    texts = ["a", "", "to be " * 100, "b"]
    found = tokenized_in_pieces(texts, tokenize, 1000)
    assert ["".join(map(chr, ids)) for ids in found] == texts
    assert max(seen) < 110


def test_each_text_is_hashed_once(monkeypatch):
    text, counts = " ".join(map(str, range(1200))), []
    data = tl.data.load([text], kind(), tl.data.NextTokens())
    real = hashlib.sha256
    monkeypatch.setattr(hashlib, "sha256", lambda x: counts.append(len(x)) or real(x))
    assert len(set(data.content_hashes())) == len(data.item_of) > 100
    assert sum(counts) < 10 * len(text)


def kind():
    return tl.CausalLMBuilder(language.backbone(layers=1), sequence_length=32).kind


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ([], "Expected texts. Received: none"),
        ([""], "text 0 cannot be used: empty"),
        ("a,b\nx,y\n", r"does not tell texts from other columns: call one text.*\['a', 'b'\]"),
    ],
)
def test_what_is_no_text_is_said(source, words, tmp_path):
    if isinstance(source, str):
        (tmp_path / "table.csv").write_text(source)
        source = tmp_path / "table.csv"
    with pytest.raises(ValueError, match=words):
        tl.data.load(source, kind(), tl.data.NextTokens())


def test_one_token_has_no_perplexity(tmp_path):
    made = tl.CausalLMBuilder(language.backbone(layers=1), sequence_length=32, seed=0)
    fitted = made.fit(["a", "b", "c"], ["d"], epochs=1, verbose=0)
    scores = fitted.evaluate(["a"])
    assert np.isnan(scores.perplexity)
    assert "one token, which nothing foretells" in str(scores)
    fitted.save(tmp_path / "model")
    assert tl.load(tmp_path / "model").predict("a")
    with pytest.raises(ValueError, match=r"nothing to go on from in text 1: it is empty"):
        fitted.predict(["a", ""])
