"""Tags of words in files: read as written, and each bad one named with its file and line."""

import json

import numpy as np
import pytest

import transferlearn as tl
from transferlearn.data.sequences.schemes import as_iob2, scheme_of
from transferlearn.edge.words.rows import Framing, of_words, rows_of
from transferlearn.edge.words.sentences import Sentence, word_spans
from transferlearn.edge.words.tags import allowed, likeliest

KIND = tl.data.Words(tl.data.Characters(), 64)
TAGS = tl.data.WordTags()


def loaded(source, **options):
    return tl.data.load(source, KIND, TAGS, **options)


def tags_of(dataset):
    names = np.array(dataset.targets.class_names)
    rows = dataset.targets[np.arange(dataset.count)]
    return [list(names[row[row >= 0]]) for row in rows]


def lines(path, *records):
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in records), "utf-8")
    return path


def record(text, *spans):
    entities = [dict(zip(("start", "end", "label"), span, strict=True)) for span in spans]
    return {"text": text, "entities": entities}


@pytest.mark.parametrize(
    ("rows", "scheme"),
    [
        ([["O", "I-PER", "I-PER", "B-PER", "O"]], "IOB1"),
        ([["O", "I-PER", "I-PER", "B-PER", "O"], ["BAD"]], "IOB1"),
        ([["O", "B-PER", "I-PER", "B-PER", "O"]], "IOB2"),
        ([["O", "B-PER", "E-PER", "S-PER", "O"]], "BIOES"),
        ([["O", "B-PER", "L-PER", "U-PER", "O"]], "BIOES"),
    ],
)
def test_the_same_entities_in_each_scheme(rows, scheme):
    assert scheme_of(rows) == scheme
    assert as_iob2(rows[0], scheme) == ["O", "B-PER", "I-PER", "B-PER", "O"]


def test_conll_files_are_read_with_comments_documents_and_columns(tmp_path):
    file = tmp_path / "a.conll"
    file.write_text(
        "-DOCSTART- -X- O\n\n# id 1\nAnna NNP B-PER\nsings VB O\n\n\nKyiv NNP B-LOC\r\n# NN O\n",
        "utf-8",
    )
    found = loaded(file)
    assert [sentence.words for sentence in found.sentences] == [["Anna", "sings"], ["Kyiv", "#"]]
    assert tags_of(found) == [["B-PER", "O"], ["B-LOC", "O"]]


def test_spans_become_tags_in_every_script(tmp_path):
    texts = {
        "Anna lives in Kyiv.": "Kyiv",
        "我住在北京。": "北京",
        "تعيش آنا في القاهرة اليوم": "القاهرة",
        "Hi 👩‍👩‍👧 from Zu\u0308rich 🇺🇦!": "Zu\u0308rich",
        "🇺🇦 Lviv": "Lviv",
    }
    spans = [(t.index(name), t.index(name) + len(name), "LOC") for t, name in texts.items()]
    pairs = zip(texts, spans, strict=True)
    file = lines(tmp_path / "a.jsonl", *(record(text, span) for text, span in pairs))
    for row, sentence, name in zip(
        tags_of(found := loaded(file)), found.sentences, texts.values(), strict=True
    ):
        inside = [span for span, tag in zip(sentence.spans, row, strict=True) if tag != "O"]
        assert sentence.text[inside[0][0] : inside[-1][1]] == name
        assert row.count("B-LOC") == 1


@pytest.mark.parametrize(
    "written",
    [
        {"text": "in Kyiv", "label": [[3, 7, "LOC"]]},
        {"text": "in Kyiv", "entities": [{"start_offset": 3, "end_offset": 7, "label": "LOC"}]},
        ["in Kyiv", {"entities": [[3, 7, "LOC"]]}],
        {"tokens": ["in", "Kyiv"], "ner_tags": ["O", "B-LOC"]},
        {
            "data": {"text": "in Kyiv"},
            "annotations": [{"result": [{"value": {"start": 3, "end": 7, "labels": ["LOC"]}}]}],
        },
    ],
    ids=["doccano", "doccano-relations", "spacy", "tokens", "label-studio"],
)
def test_forms_of_other_tools(written, tmp_path):
    assert tags_of(loaded(lines(tmp_path / "a.jsonl", written))) == [["O", "B-LOC"]]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{no", "line 2: no JSON: .* at character 2"),
        (record("Anna", (0, 9, "PER")), "line 2: the entity 0 to 9 .PER. lies outside: .* 4 char"),
        (record("Anna", (2, 2, "PER")), "line 2: the entity 2 to 2 .PER. is empty"),
        (record("Anna K", (0, 4, "A"), (3, 6, "B")), "line 2: the entities 0 to 4 .A. .* overlap"),
        (record("Rene\u0301 K", (0, 4, "A")), "line 2: .* ends inside a character"),
        (record("👩‍👧 K", (0, 1, "A")), "line 2: .* ends inside a character"),
        (record("  "), "line 2: empty"),
        ({"tokens": ["a", "b"], "tags": ["O"]}, "line 2: 1 tags for 2 words"),
        ({"body": "a"}, "line 2: no text; expected an object such as"),
    ],
)
def test_a_bad_line_is_left_out_and_named(bad, message, tmp_path):
    good = record("in Kyiv", (3, 7, "LOC"))
    file = lines(tmp_path / "a.jsonl", good, bad)
    with pytest.warns(tl.data.DataWarning, match=message):
        assert loaded(file).count == 1
    with pytest.raises(ValueError, match=message):
        loaded(file, on_error="raise")


def test_bytes_that_are_no_utf8_are_named(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(json.dumps(record("in Kyiv", (3, 7, "LOC"))).encode() + b'\n{"text": "\xff"}')
    with pytest.warns(tl.data.DataWarning, match="line 2: not UTF-8 .byte 0xff at place 10"):
        loaded(file)
    file = tmp_path / "a.conll"
    file.write_bytes(b"Kyiv B-LOC\n\nKyiv B-LOC\n\xff O\n\nOslo B-LOC\n")
    with pytest.warns(tl.data.DataWarning, match="line 3: line 4 is not UTF-8 .byte 0xff"):
        found = loaded(file)
    assert [sentence.text for sentence in found.sentences] == ["Kyiv", "Oslo"]
    file.write_bytes("Kyiv B-LOC\n".encode("utf-16"))
    with pytest.raises(ValueError, match=r"a\.conll, line 1: .*bytes that are 0"):
        loaded(file)


def test_tags_that_begin_inside_an_entity_are_named_with_their_line(tmp_path):
    file = tmp_path / "a.conll"
    file.write_text("Kyiv B-LOC\n\nin O\nKyiv I-LOC\n\nAnna\n", "utf-8")
    with pytest.warns(tl.data.DataWarning) as caught:
        assert loaded(file).count == 1
    said = str(caught[0].message)
    assert "line 4 (Kyiv): I-LOC begins inside an entity: B-LOC or I-LOC comes before it" in said
    assert "line 6 has 1 column, and others have 2" in said


def test_damaged_tags_do_not_make_plain_tags_of_entities(tmp_path):
    good = "Anna B-PER\nsings O\nKyiv B-LOC\n\n"
    file = tmp_path / "a.conll"
    file.write_text(good * 2 + "Kyiv B-\n\nAnna PER\n", "utf-8")
    with pytest.warns(tl.data.DataWarning) as caught:
        found = loaded(file)
    assert found.targets.class_names == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert found.count == 2
    assert "line 9 (Kyiv): 'B-' is no tag of an entity" in str(caught[0].message)
    assert "line 11 (Anna): 'PER' is no tag of an entity" in str(caught[0].message)


def test_parts_of_speech_stay_plain_where_one_looks_like_an_entity():
    assert scheme_of([["NOUN", "VERB", "B-PER"], ["NOUN", "O"]]) == "plain"


def test_a_file_that_is_not_there_says_which_files_hold_tags():
    with pytest.raises(FileNotFoundError, match=r"a CoNLL file, JSON lines .* or a \.csv"):
        loaded("nothing.conll")


def test_words_and_tags_of_different_lengths():
    source = ([["in", "Kyiv"], ["Lviv"], []], [["O", "B-LOC"], ["O", "O"], []])
    with pytest.warns(tl.data.DataWarning) as caught:
        assert loaded(source).count == 1
    said = "".join(str(one.message) for one in caught)
    assert "text 1: 2 tags for 1 words" in said
    assert "text 1: empty" in said or "text 2: empty" in said


def test_what_is_no_list_of_words_is_named():
    with pytest.warns(tl.data.DataWarning, match="text 1: no string, but 5"):
        assert loaded(([["in", "Kyiv"], 5], [["O", "B-LOC"], ["B-LOC", "O"]])).count == 1


def test_a_table_of_words_and_tags(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("words,tags\nin Kyiv,O B-LOC\nAnna,B-PER\n", "utf-8")
    found = loaded(file)
    assert tags_of(found) == [["O", "B-LOC"], ["B-PER"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Anna's e-mail: 3.5 km", ["Anna", "'", "s", "e", "-", "mail", ":", "3", ".", "5", "km"]),
        ("e\u0301te\u0301 👩‍👩‍👧👍🏽🇺🇦🇵🇱", ["e\u0301te\u0301", "👩‍👩‍👧", "👍🏽", "🇺🇦", "🇵🇱"]),
        ("我住 مَدرَسة", ["我", "住", "مَدرَسة"]),
    ],
)
def test_words(text, words):
    assert [text[begin:end] for begin, end in word_spans(text)] == words


def test_windows_own_each_word_once_and_join_without_a_seam():
    sentence = Sentence.of_words([f"{'w' * (i % 5 + 1)}" for i in range(60)])
    framing = Framing(20, (1,), (2,), 0)
    (rows,) = rows_of([sentence], lambda words: [[ord(c) for c in w] for w in words], framing)
    assert len(rows) > 5
    assert all(len(row.ids) <= 20 for row in rows)
    owned = np.concatenate([row.word_of[row.firsts] for row in rows])
    np.testing.assert_array_equal(owned, np.arange(60))
    values = [np.where(row.word_of >= 0, row.word_of, -9)[:, None] for row in rows]
    padded = np.stack([np.pad(v, ((0, 20 - len(v)), (0, 0))) for v in values])
    np.testing.assert_array_equal(of_words(padded, rows)[:, 0], np.arange(60))
    for row in rows[1:-1]:  # what a word is read with on both sides
        assert row.firsts.min() > 1
        assert row.firsts.max() < len(row.ids) - 2


def test_the_likeliest_tags_go_on_only_where_an_entity_began():
    names = ("O", "B-A", "I-A", "B-B", "I-B")
    values = np.array([[0.4, 0.3, 0.0, 0.3, 0.0], [0.1, 0.0, 0.3, 0.0, 0.6]])
    found = likeliest(values, allowed(names), np.array([1, 1, 0, 1, 0], bool))
    assert [names[i] for i in found] == ["B-B", "I-B"]
