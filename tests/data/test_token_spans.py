"""Tokens become text again, and stand at their places in the user's own string."""

from dataclasses import replace

import numpy as np
import pytest

from tests.texts import Unportable, tokenizer
from transferlearn.data import Characters

keras_hub = pytest.importorskip("keras_hub")

_ODD = "cafe\u0301 plot"  # an accent of its own
TEXTS = [
    "The film WAS not  very good!",
    _ODD,
    "caf\u00e9 na\u00efve \u00c5ngstr\u00f6m",
    "\ufb01lm\u0301 \u1e9e stra\u00dfe",
    "\u0641\u064a\u0644\u0645 \u062c\u064e\u064a\u0651\u062f",
    "\u4e2d\u6587film\u3042",
    "good \U0001f468\u200d\U0001f469\u200d\U0001f467 film \U0001f44b\U0001f3fd!",
    "soft\u00adhyphen zero\u200bwidth\ttab",
    "",
]


def hub():
    from transferlearn.backbones.keras_hub import HubTokenizer

    return HubTokenizer(tokenizer())


def bytes_of_gpt():
    from transferlearn.backbones.keras_hub import HubTokenizer

    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    odd = [byte for byte in range(256) if byte not in plain]
    letters = [*map(chr, plain), *(chr(256 + i) for i in range(len(odd)))]
    vocabulary = {letter: i for i, letter in enumerate([*letters, "fi", "<|endoftext|>"])}
    return HubTokenizer(keras_hub.models.GPT2Tokenizer(vocabulary=vocabulary, merges=["f i"]))


def drawn():
    random = np.random.default_rng(1)
    blocks = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x340), (0x620, 0x660), (0x4E00, 0x4E20)]
    chosen = [blocks[i] for i in random.integers(len(blocks), size=2000)]
    letters = "".join(chr(random.integers(*block)) for block in chosen)
    return [letters[i : i + 20] for i in range(0, len(letters), 20)]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_pieces_of_words_stand_where_they_are_read(text):
    pieces = hub()
    spans, ids = pieces.spans(text), pieces.tokenize([text])[0]
    assert len(spans) == len(ids)
    edge = pieces.for_edge()
    assert spans == edge.spans(text)
    assert pieces.text(ids) == edge.text(ids)


def test_a_span_holds_the_letters_of_its_piece():
    pieces = hub()
    bare = replace(pieces.for_edge(), strip_accents=True)
    found = [_ODD[begin:end] for begin, end in bare.spans(_ODD)]
    assert found == ["c", "a", "f", "e\u0301", "plot"]
    expanded = "go \ufb01lm"
    found = [expanded[begin:end] for begin, end in pieces.spans(expanded)]
    assert found == ["g", "o", "\ufb01lm"]
    assert pieces.text(pieces.tokenize(["The FILM was, awful"])[0]) == "the film was , awful"


def test_cut_alone_each_span_gives_its_pieces_again():
    pieces = replace(hub().for_edge(), strip_accents=True)
    for text in [*TEXTS, *drawn()]:
        ids, spans = pieces.tokenize(text), pieces.spans(text)
        assert len(ids) == len(spans)
        assert spans == sorted(spans)
        for number, (begin, end) in zip(ids, spans, strict=True):
            assert 0 <= begin < end <= len(text)
            letters = pieces.vocabulary[number].removeprefix("##")
            alone = "".join(pieces.text([i]) for i in pieces.tokenize(text[begin:end]))
            assert letters == "[UNK]" or letters in alone.replace("##", ""), (text, begin, end)


def test_tokens_of_bytes_have_whole_characters():
    tokens = bytes_of_gpt()
    for text in [*TEXTS, *drawn()]:
        ids, spans = tokens.tokenize([text])[0], tokens.spans(text)
        assert tokens.text(ids) == text
        assert len(ids) == len(spans)
        assert {i for begin, end in spans for i in range(begin, end)} == set(range(len(text)))
    text = "fi \U0001f44b"
    assert [text[begin:end] for begin, end in tokens.spans(text)] == ["fi", " ", *text[3] * 4]
    assert tokens.text(tokens.tokenize([text])[0][:-1]) == "fi \ufffd"


def test_characters_are_their_own_places():
    text = "a\0\u00e9\U0001f44b"
    tokens = Characters()
    assert tokens.spans(text) == [(0, 1), (2, 3), (3, 4)]
    assert tokens.text(tokens.tokenize([text])[0]) == text.replace("\0", "")


def test_a_tokenizer_without_them_says_what_to_write():
    class Mute(Unportable):
        """Has only what it must have."""

    with pytest.raises(NotImplementedError, match=r"Mute has no def text\(self, ids\)"):
        Mute().text([1])
