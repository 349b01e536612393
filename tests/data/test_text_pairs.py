"""Pairs of texts in files: TMX, two parallel files, several languages, and pairs that are odd."""

import json

import pytest

import transferlearn as tl
from tests.language import Letters

PAIRS = [("one", "eins"), ("two & <2>", "zwei"), ("three", "drei")]


def load(source, languages=None, **settings):
    kind = tl.data.SourceTexts(
        tokenizer=Letters(), sequence_length=64, language=languages and languages[0]
    )
    data = tl.data.load(source, kind, tl.data.Written(languages), **settings)
    return list(zip(data.texts, data.targets.texts, strict=True))


def tmx(*units, head="", source="en"):
    variants = [
        "".join(f'<tuv xml:lang="{code}"><seg>{text}</seg></tuv>' for code, text in unit.items())
        for unit in units
    ]
    body = "".join(f"<tu>{one}</tu>\n" for one in variants)
    header = f'<header srclang="{source}"/>'
    return f'<?xml version="1.0"?>{head}\n<tmx version="1.4">{header}<body>\n{body}</body></tmx>'


def test_tmx(tmp_path):
    file = tmp_path / "memory.tmx"
    units = [
        {"de-DE": "eins", "en": "one", "fr": "un"},
        {"en-GB": "two &amp; &lt;2&gt;", "de-DE": 'zw<ph x="1">{b}</ph>ei'},
        {"en": "three", "de-DE": "<hi>drei</hi>"},
        {"en": "four", "fr": "quatre"},
    ]
    file.write_text(tmx(*units, head='<!DOCTYPE tmx SYSTEM "tmx14.dtd">'))
    said = r"memory.tmx, line 6: no text of the language de"
    with pytest.warns(tl.data.DataWarning, match=said):
        assert load(file, ("en", "de")) == PAIRS
    with pytest.raises(ValueError, match=r"language 'it'\. Its languages: de-DE, en, en-GB, fr"):
        load(file, ("it", "de"))
    with pytest.raises(ValueError, match=r"does not say which language(.|\n)*--languages en,de"):
        load(file)
    two = tmp_path / "two.tmx"
    two.write_bytes(tmx({"de": "eins", "en": "öne"}).encode("utf-16"))
    with pytest.warns(tl.data.DataWarning, match="en is read, and de is written"):
        assert load(two) == [("öne", "eins")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (tmx(head='<!DOCTYPE t [<!ENTITY a "b">]>'), "a declaration of the entity a"),
        (tmx(head='<!DOCTYPE t [<!ENTITY a SYSTEM "/etc/passwd">]>'), "the entity a"),
        (tmx({"en": "&a;"}, head='<!DOCTYPE tmx SYSTEM "t.dtd">'), "line 3: the entity &a;"),
        ("<a>" * 5000, "more than 20 tags within each other"),
        ("<tmx><body>", "no XML that can be read"),
        (tmx(), "languages: none"),
    ],
)
def test_bad_tmx_is_refused(tmp_path, content, said):
    (tmp_path / "bad.tmx").write_text(content)
    with pytest.raises(ValueError, match=f"bad.tmx.*{said}"):
        load(tmp_path / "bad.tmx")


def test_two_parallel_files(tmp_path):
    source, target = tmp_path / "a.en", tmp_path / "a.de"
    source.write_bytes("\ufeffone\r\ntwo & <2>\nthree\n\nfi\u2028ve\nsix".encode())
    target.write_bytes(b"eins\nzwei\ndrei\nvier\n \n\xff\n")
    for given in ((source, target), (str(source), str(target)), f"{source},{target}"):
        with pytest.warns(tl.data.DataWarning) as warned:
            assert load(given) == PAIRS
        text = "\n".join(str(one.message) for one in warned)
        assert all(one in text for one in ("line 4: empty", "line 5: the text to", "line 6: not"))
    target.write_bytes(b"eins\n")
    with pytest.raises(ValueError, match=r"a\.en has 6 lines, and .*a\.de 1:"):
        load((source, target))
    with pytest.raises(FileNotFoundError, match="nope"):
        load((source, tmp_path / "nope"))
    with pytest.raises(ValueError, match="two codes"):
        tl.data.Written("en,de")


def test_languages_choose_columns_and_keys(tmp_path):
    table, lines = tmp_path / "pairs.csv", tmp_path / "pairs.jsonl"
    table.write_text("id,fr,en,de\n1,un,one,eins\n2,deux,two & <2>,zwei\n3,trois,three,drei\n")
    records = [{"fr": "x", "de": b, "en": a} for a, b in PAIRS]
    lines.write_text(
        "\n".join(json.dumps(one) for one in [{"translation": records[0]}, *records[1:]])
    )
    for source in (table, lines):
        assert load(source, ("en", "de")) == PAIRS
        assert load(source, ("de", "en")) == [(b, a) for a, b in PAIRS]
    table.write_text("source,target\none,eins\ntwo & <2>,zwei\nthree,drei\nfour,\n,fünf\n")
    with pytest.warns(tl.data.DataWarning) as warned:
        assert load(table, ("en", "de")) == PAIRS
    text = "\n".join(str(one.message) for one in warned)
    assert "pairs.csv, line 5: the text to write is empty" in text
    assert "pairs.csv, line 6: empty" in text


def test_odd_pairs_are_named_and_learnt():
    usual = [(f"number {i} of some", f"Nummer {i} von einigen") for i in range(20)]
    odd = [
        ("short", "ein sehr langer Text, der nicht dazu gehört " * 3),
        ("one", "один"),
        ("一二", "x"),
    ]
    with pytest.warns(tl.data.DataWarning) as warned:
        assert load([*usual, *odd]) == [*usual, *odd]
    text = "\n".join(str(one.message) for one in warned)
    assert "1 pair of 23 with lengths out of proportion" in text
    assert "text 20: 5 and 132 characters" in text
    assert "1 of 23 texts to write in another script than Latin" in text
    assert "text 21: Cyrillic, 'один'" in text
    assert "text 22: Chinese or Japanese, '一二'" in text
    summaries = [("a text " * (i % 8 + 1), "short") for i in range(20)]
    assert load(summaries) == summaries


def test_copies_of_texts_are_named():
    kind = tl.data.SourceTexts(tokenizer=Letters(), sequence_length=64)
    reading = tl.data.Reading(kind, tl.data.Written())
    with pytest.warns(
        tl.data.DataWarning, match=r"text 1 \('two & <2>'\) = text 0 \('two & <2>'\)"
    ):
        tl.data.load_pair(PAIRS, [PAIRS[1], ("six", "sechs")], reading)
