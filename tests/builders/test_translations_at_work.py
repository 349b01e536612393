"""Translations are watched, reported, diagnosed and compared as all else is."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("keras_hub")

import transferlearn as tl
from tests import translations
from tests.translations import pairs
from transferlearn.measuring.signals import measure, numbers_of
from transferlearn.tasks import scorer
from transferlearn.tasks.writing.figures import packed

SAMPLING = tl.edge.Sampling(max_new_tokens=8)


@pytest.fixture(scope="module")
def builder():
    backbone = translations.backbone()
    return tl.Seq2SeqLMBuilder(
        backbone, learning_rate=1e-2, freeze="none", seed=0, sampling=SAMPLING
    )


@pytest.fixture(scope="module")
def fitted(builder):
    return builder.fit(pairs(24), epochs=4, validation_split=0.25, verbose=0)


def test_features_are_means_of_the_encoder_and_numbers_of_what_is_written(fitted):
    test = [("one two", "eins zwei"), ("three", "drei")]
    dataset = tl.data.load(test, fitted.kind, fitted.encoding.target)
    found = measure(fitted, dataset)
    judges = scorer(fitted.encoding, fitted.model, fitted.kind)
    for i, (text, right) in enumerate(test):
        alone = tl.data.load([(text, right)], fitted.kind, fitted.encoding.target)
        np.testing.assert_allclose(measure(fitted, alone).features[0], found.features[i], atol=1e-4)
        written = fitted.predict(text).text
        again = tl.data.load([(text, written)], fitted.kind, fitted.encoding.target)
        nats, tokens = judges.of_rows(again, 1)[0, :2]
        assert found.values[i, 0] == pytest.approx(nats / tokens / np.log(2), rel=1e-3)
    assert np.abs(found.features[0] - found.features[1]).max() > 0.01
    values = packed(["eins", "abcd"], np.zeros(2), np.ones(2))
    errors = fitted.encoding.scoring.errors(values, np.array(["eins", "abxd"], object))
    np.testing.assert_allclose(errors, [0, 0.25])
    assert numbers_of(fitted.encoding, packed(["a"], np.log([8.0]), np.ones(1))) == pytest.approx(3)


def test_texts_of_another_language_are_an_alarm(fitted, tmp_path):
    pytest.importorskip("scipy")
    watched = replace(fitted, reference=tl.make_reference(fitted, pairs(80, seed=8)))
    watched.save(tmp_path / "model")
    again = tl.load(tmp_path / "model")
    assert not tl.monitor(again, [text for text, _ in pairs(40, seed=9)], false_alarms=0.01).alarm
    assert tl.monitor(again, ["Ганна живе в Києві"] * 30).alarm


def test_nothing_useless_is_advised_or_tried(builder, fitted):
    assert "augmentation" not in str(tl.diagnose(fitted))
    with pytest.raises(TypeError, match="no head to train"):
        tl.doubt(builder, pairs(24))


@pytest.mark.full
def test_it_is_compared_with_what_there_is(builder, fitted):
    found = tl.compare(builder, fitted, pairs(24), pairs(8, seed=5), verbose=0)
    (said,) = found.left_out
    assert said.endswith("The network has no head beside its pretrained weights.")
    assert len(found.contenders) == 3
