"""Strangers' strings become labels that can be drawn."""

from io import BytesIO

import pytest
from matplotlib import rcParams
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from transferlearn.data import DataWarning
from transferlearn.plotting import label
from transferlearn.plotting.labels import _add_new_fonts, _family_with, _say_font, fonts, labels

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cat", "cat"),
        ("a\nb\r\t c", "a b c"),
        ("good\u202e\u200b name", "good name"),
        ("bad \udc80 bytes", "bad bytes"),
        ("$x_1$ and $", r"\$x_1\$ and \$"),
        ("", "□"),
        ("x" * 80, "x" * 12 + "…" + "x" * 11),
        ("<script>", "<script>"),
    ],
)
def test_a_label_is_short_and_plain(text, shown):
    assert label(text) == shown


def test_wide_letters_count_twice(monkeypatch):
    monkeypatch.setattr("transferlearn.plotting.labels._font_of", lambda c: "")
    assert label("中" * 80, 9) == "中中…中中"


def test_letters_that_no_font_has_become_squares_and_the_font_is_named_once(monkeypatch):
    monkeypatch.setattr("transferlearn.plotting.labels._font_of", lambda c: c.isascii() or None)
    _say_font.cache_clear()
    with pytest.warns(DataWarning) as said:
        shown = [label(text) for text in ("中a文bか", "имя", "\N{SNOWMAN} 2")]
    assert shown == ["□a□b□", "□□□", "□ 2"]
    assert [str(one.message).count("fonts-noto-cjk") for one in said] == [1, 0]
    _say_font.cache_clear()


def test_fonts_that_matplotlib_has_not_listed_yet_are_found(monkeypatch):
    font = next(font for font in fontManager.ttflist if font.fname.endswith("/DejaVuSans.ttf"))
    monkeypatch.setattr(fontManager, "ttflist", [])
    monkeypatch.setattr("transferlearn.plotting.labels.findSystemFonts", lambda: [font.fname])
    _add_new_fonts.cache_clear()
    _add_new_fonts()
    assert [found.name for found in fontManager.ttflist] == [font.name]
    assert _family_with(ord("a")) == font.name
    _add_new_fonts.cache_clear()


def test_other_fonts_are_named_where_the_usual_one_lacks_a_letter(monkeypatch):
    found = {"字": "Some CJK"}
    monkeypatch.setattr("transferlearn.plotting.labels._font_of", lambda c: found.get(c, ""))
    assert fonts("plain") is None
    assert fonts("字 a 字") == [*rcParams["font.family"], "Some CJK"]


def test_labels_that_look_alike_are_numbered():
    long = "a" * 40
    assert labels([f"{long}1{long}", f"{long}2{long}", "b"], 9)[::2] == ["0: aaaa…aaaa", "b"]


def test_labels_are_drawn_without_a_warning():
    figure = Figure()
    names = ["$\\frac{a}{b}$", "中文 กขค हिन्दी", "\udcff", "a$b$c", "^_{}\\", "😀👩‍👩‍👧"]
    for i, name in enumerate(names):
        figure.text(0.1, i / 10, label(name), fontfamily=fonts(label(name)))
    for kind in ("png", "svg", "pdf"):
        figure.savefig(BytesIO(), format=kind)
