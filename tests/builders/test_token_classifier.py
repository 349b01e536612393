"""Words are tagged: from sentences to entities in the user's own string, saved and served."""

from dataclasses import astuple

import numpy as np
import pytest
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

import transferlearn as tl
from tests.phase_words import cache_of
from tests.texts import encoder, tokenizer
from transferlearn.backbones.keras_hub import HubTokenizer
from transferlearn.tasks import TagScoring

_NAMES = ["anna", "ivan", "olena", "petro"]
_TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")


def sentences(count, seed=0):
    """Sentences with a name of one or two words, and a place: `(words, tags)`."""
    random = np.random.default_rng(seed)
    words, tags = [], []
    for _ in range(count):
        name = list(random.choice(_NAMES, random.integers(1, 3), replace=False))
        place = random.choice(["kyiv", "lviv", "odesa"])
        filling = list(random.choice(["film", "plot", "scene"], random.integers(1, 4)))
        words.append([*name, "is", "in", place, *filling])
        tags.append(["B-PER", "I-PER"][: len(name)] + ["O", "O", "B-LOC"] + ["O"] * len(filling))
    return words, tags


def backbone():
    return tl.backbones.from_encoder(encoder(2), HubTokenizer(tokenizer()), pooling="none")


@pytest.fixture(scope="module")
def fitted():
    builder = tl.TokenClassifierBuilder(backbone(), sequence_length=32, seed=0)
    return builder.fit(sentences(60), epochs=4, validation_split=0.2, verbose=0)


def test_entities_stand_in_the_users_own_string(fitted):
    text = "  Anna\tis  in   KYIV "
    found = fitted.predict(text)
    assert [(e.text, e.label) for e in found.entities] == [("Anna", "PER"), ("KYIV", "LOC")]
    assert all(text[e.start : e.end] == e.text for e in found.entities)
    assert all(0.2 < e.probability <= 1 for e in found.entities)


def test_figures_are_those_of_seqeval(fitted):
    scores = fitted.evaluate(sentences(30, seed=5))
    truth, told = scores.labels, scores.predicted
    options = {"mode": "strict", "scheme": IOB2}
    assert scores.entity_f1 == pytest.approx(f1_score(truth, told, **options), abs=1e-12)
    low, high = scores.intervals["entity_f1"]
    assert low <= scores.entity_f1 <= high
    assert scores.entity_f1 > 0.5
    assert fitted.history.history["val_entity_f1"][-1] > 0.5


def test_figures_of_random_answers_are_those_of_seqeval():
    random = np.random.default_rng(3)
    values = random.dirichlet(np.ones(5) * 0.4, (40, 12)).astype("float32")
    truth = sentences(40, seed=9)[1]
    ids = np.full((40, 12), -1)
    for place, row in zip(ids, truth, strict=True):
        place[: len(row)] = [_TAGS.index(tag) for tag in row]
    scores = TagScoring(_TAGS, "entity_f1").measure(values, ids)
    options = {"mode": "strict", "scheme": IOB2}
    for name, figure in (("precision", precision_score), ("recall", recall_score)):
        expected = figure(truth, scores.predicted, average=None, **options)
        found = [scores[f"{name}: {label}"] for label in ("LOC", "PER")]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    expected = f1_score(truth, scores.predicted, average="macro", **options)
    assert scores.macro_f1 == pytest.approx(expected, abs=1e-12)
    assert 0 < scores.entity_f1 < 0.5


def test_saved_and_loaded_it_says_the_same(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    again = tl.load(tmp_path / "model")
    texts = ["olena is in odesa", "film", [*sentences(1)[0][0]]]
    for one, other in zip(again.predict(texts), fitted.predict(texts), strict=True):
        assert [word[:4] for word in map(astuple, one.words)] == [
            word[:4] for word in map(astuple, other.words)
        ]
        sure = [[word.probability for word in x.words] for x in (one, other)]
        np.testing.assert_allclose(*sure, rtol=0, atol=1e-5)


def test_stored_states_give_the_weights_of_live_ones():
    weights = []
    for cache in (True, False):
        builder = tl.TokenClassifierBuilder(backbone(), sequence_length=32, seed=0, freeze="all")
        trained = builder.fit(
            sentences(24), epochs=2, schedule="one-phase", cache=cache, verbose=0, reference=False
        )
        weights.append(trained.model.get_weights())
    for stored, live in zip(*weights, strict=True):
        np.testing.assert_allclose(stored, live, rtol=0, atol=1e-5)


@pytest.mark.full
def test_what_an_earlier_fit_stored_changes_no_weight():
    weights = []
    for _ in range(2):
        builder = tl.TokenClassifierBuilder(backbone(), sequence_length=32, seed=0)
        trained = builder.fit(
            sentences(24), epochs=3, validation_split=0.25, verbose=0, reference=False
        )
        weights.append(trained.model.get_weights())
        assert "computed once" in cache_of(trained.phases[0])  # to be solved, and then measured
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.full
def test_a_stopped_run_goes_on_to_the_same_weights():
    builder = tl.TokenClassifierBuilder(backbone(), sequence_length=32, seed=0)
    tl.testing.check_resume(builder, sentences(40), epochs=3, validation_split=0.2)


def test_a_long_text_is_read_whole_and_as_its_windows_allow(fitted):
    one, _ = sentences(1, seed=1)
    many = " ".join(" ".join(sentences(30, seed=2)[0][i]) for i in range(30))
    found = fitted.predict(many)
    assert [word.text for word in found.words] == many.split()
    assert max(entity.end for entity in found.entities) > 0.9 * len(many)
    assert fitted.predict(" ".join(one[0])).tags == fitted.predict([one[0]])[0].tags


def test_an_export_gives_the_same_entities_without_tensorflow(fitted, tmp_path):
    exported = tl.export(fitted, tmp_path / "onnx", sentences(20, seed=7), format="onnx")
    assert exported.checked.equal == 1
    text = "Anna is in  KYIV " + "film " * 40 + "olena is in lviv"
    found, expected = tl.edge.Runner(tmp_path / "onnx").predict(text), fitted.predict(text)
    assert len(found.entities) >= 3
    assert [(e.label, e.start, e.end) for e in found.entities] == [
        (e.label, e.start, e.end) for e in expected.entities
    ]


def test_a_reference_watches_words_and_neither_ends_nor_padding(fitted):
    reference = tl.make_reference(fitted, sentences(120, seed=8))
    table = dict(zip(reference.signals.names, reference.signals.table.T, strict=True))
    shares = [table[f"output {tag}"] for tag in _TAGS]
    np.testing.assert_allclose(np.sum(shares, axis=0), 1, atol=1e-4)
    assert np.nanmean(reference.signals.errors) < 0.2


def test_results_are_drawn_as_texts(fitted):
    figure = fitted.show_results(sentences(2, seed=4))
    drawn = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert any("is in" in text for text in drawn)
