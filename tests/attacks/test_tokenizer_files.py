"""Files of tokenizers that compute without end, or make a text grow: they are refused when read."""

import base64
import json

import pytest

from transferlearn.edge.tokenizers import JsonPieces

pytest.importorskip("tokenizers")
pytestmark = pytest.mark.core
WORDS = {
    "type": "WordPiece",
    "unk_token": "a",
    "continuing_subword_prefix": "##",
    "max_input_chars_per_word": 100,
    "vocab": {"a": 0},
}
MODEL = {"type": "BPE", "vocab": {"a": 0, "b": 1, " ": 2}, "merges": []}
PIECE, OTHER = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")


def described(**parts):
    return json.dumps({"version": "1.0", "added_tokens": [], "model": MODEL, **parts})


def split(pattern):
    how = {"behavior": "Isolated", "invert": False}
    return {"type": "Split", "pattern": {"Regex": pattern}, **how}


def replace(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


def template(*single):
    how = {"single": single, "pair": [PIECE, OTHER], "special_tokens": {}}
    return {"type": "TemplateProcessing", **how}


def sequence(*steps):
    return {"type": "Sequence", "normalizers": list(steps)}


def table(longest):
    """A table of SentencePiece, with an empty tree."""
    return base64.b64encode(bytes(4) + b"a\0" + b"x" * longest + b"\0").decode()


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|aa)+$",
        "(?:a|a)*b",
        "(.*)*x",
        "(a?a?)+b",
        "((a+))+b",
        "(?:a{1,9}){1,99}b",
        "(?>a+)+b",
        r"(?<n>a)\k<n>",
        r"^(a)\1c",
        r"(\d+)*x",
        "([ab]+)*c",
        r"(?i)(\(a+)+",
    ],
)
def test_regular_expressions_that_backtrack_without_end(pattern):
    for part in (
        {"pre_tokenizer": split(pattern)},
        {"normalizer": replace({"Regex": pattern}, "")},
    ):
        with pytest.raises(ValueError, match="computes without end"):
            JsonPieces(described(**part))


@pytest.mark.parametrize(
    "pattern",
    [  # of GPT-2, Llama 3, GPT-4o, Qwen, DeepSeek, BLOOM, Kimi and StarCoder
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{M}]*[\p{Ll}\p{M}]+(?i:'s|'t|'re)?|\p{N}{1,3}|\s+",
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+|\s++$|\s",
        r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+| ?[\p{P}\p{S}]+[\r\n]*",
        r" ?[^(\s|[.,!?…。।])]+",
        r"[\p{Han}]+|[^\r\n]?[\p{Lu}&&[^\p{Han}]]*[\p{Ll}&&[^\p{Han}]]+(?i:'s|'t)?",
        r"\d{1,3}(?=(?:\d{3})*\b)",
    ],
)
def test_those_of_known_models_are_read(pattern):
    assert JsonPieces(described(pre_tokenizer=split(pattern))).tokenize("ab a b") != []


@pytest.mark.parametrize(
    "parts",
    [
        {"normalizer": replace({"String": "a"}, "a" * 101)},
        {"normalizer": replace({"String": ""}, "a" * 101)},
        {"normalizer": sequence(*[replace({"String": "a"}, "aaaa")] * 4)},
        {"normalizer": sequence(sequence({"type": "ByteLevel"}), *[{"type": "ByteLevel"}] * 3)},
        {"normalizer": {"type": "Prepend", "prepend": "a" * 200}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": table(1000)}},
        {"normalizer": {"prepend": "a" * 200}},  # a step may leave its type out
        {"decoder": replace({"Regex": "a"}, "a" * 200)},
        {"post_processor": template(PIECE, PIECE)},
        {"model": {**MODEL, "continuing_subword_prefix": "#" * 1000}},
        {"model": {**WORDS, "max_input_chars_per_word": 10**6}},
    ],
)
def test_steps_that_make_texts_grow(parts):
    with pytest.raises(ValueError, match=r"as long|repeats each text|than words have"):
        JsonPieces(described(**parts))


def test_honest_steps_are_read():
    dull = replace({"String": " "}, "\u2581"), {"type": "Prepend", "prepend": "\u2581"}
    JsonPieces(described(normalizer=sequence(*dull, {"type": "NFKC"})))
    JsonPieces(
        described(
            normalizer={"type": "Precompiled", "precompiled_charsmap": table(33)},
            decoder={"type": "Sequence", "decoders": [replace({"String": "\u2581"}, " ")]},
            post_processor=template(PIECE),
            model=WORDS,
        )
    )


def test_a_text_that_cannot_be_cut_is_refused(monkeypatch):
    with pytest.raises(ValueError, match=r"tokenizer\.json cannot cut a text: .*UNK"):
        JsonPieces(described(model={**WORDS, "unk_token": "gone"})).tokenize("b")
    monkeypatch.setattr("transferlearn.edge.tokenizers.check_tokenizer", lambda _: None)
    pieces = JsonPieces(described(pre_tokenizer=split("(a+)+$")))
    assert pieces.tokenize("ab") == [0, 1]
    for work in (pieces.tokenize, pieces.spans):
        with pytest.raises(ValueError, match=r"tokenizer\.json cannot cut a text"):
            work("a" * 40 + "b")
