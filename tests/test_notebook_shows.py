"""What notebooks show: tables in HTML in which nothing of a stranger's is obeyed."""

import re

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.tables import as_html

pytestmark = pytest.mark.core
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def fitted():
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    labels = np.array([HOSTILE, "ant", "bee"] * 6)
    return builder.fit((pixels(18, 32), labels), schedule="probe", validation_split=0, verbose=0)


def tags(shown):
    return {tag.lower() for tag in re.findall(r"</?([a-zA-Z]+)", shown)}


def test_cells_are_text():
    shown = as_html([("a", "b"), (HOSTILE, "\"'&")], right=[1], caption="<b>")
    assert tags(shown) == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert "&lt;script&gt;" in shown
    assert shown.count("text-align:right") == 2


def test_models_and_predictions_show_as_tables(fitted):
    prediction = fitted.predict(pixels(1, 32)[0])
    for shown in (fitted._repr_html_(), prediction._repr_html_()):
        assert tags(shown) <= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
        assert "&lt;script&gt;" in shown
    assert f"{prediction.probability:.4f}" in prediction._repr_html_()
    assert "cross-validated" in fitted._repr_html_()


def test_the_tables_of_networks_and_suggestions_are_the_printed_ones(fitted, tmp_path):
    table = tl.backbones.table()
    assert table._repr_html_().count("<tr>") == len(table) + 1
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    data = pixels(18, 32), np.array([HOSTILE, "ant", "bee"] * 6)
    found = tl.suggest(data, [builder], depths=(0,), verbose=0)
    shown = found._repr_html_()
    assert tags(shown) <= {"table", "thead", "tbody", "tr", "th", "td", "p"}
    assert f"{found[0].score:.3f}" in shown
    assert str(found).splitlines()[-1] in shown


def test_evaluations_show_as_tables(fitted):
    scores = fitted.evaluate((pixels(18, 32), np.array([HOSTILE, "ant", "bee"] * 6)))
    shown = scores._repr_html_()
    assert tags(shown) <= {"table", "thead", "tbody", "tr", "th", "td", "p"}
    assert f"{scores.accuracy:.4f}" in shown
    assert "&lt;script&gt;" in shown


def test_numbers_show_as_a_table():
    shown = tl.tasks.NumberPrediction(values={"<i>": 1.5}, path="<b>.png")._repr_html_()
    assert "&lt;i&gt;" in shown
    assert "1.5" in shown
    assert tags(shown) == {"table", "caption", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.full
def test_a_fit_prints_few_lines_besides_bars(capsys):
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    labelled = pixels(40, 32), np.arange(40) % 2
    builder.fit(labelled, validation_split=0.2, epochs=2, verbose=1)
    printed = re.split("[\r\n]+", capsys.readouterr().out)
    bars = re.compile(r"Phase \d of \d, ")
    lines = [line for line in printed if line.strip() and not bars.search(line)]
    assert 3 < len(lines) <= 12, lines


def test_a_training_shows_as_a_short_table():
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    told = repr(builder.prepare((pixels(12, 32), np.arange(12) % 2)))
    assert len(told) < 500
    assert "network   small\n" in told
    assert "12 to train on" in told
