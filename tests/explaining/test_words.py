"""The words that count are found, where they are known."""

import numpy as np
import pytest

import transferlearn as tl
from tests import made

pytestmark = pytest.mark.core
WEIGHTS = {"g": [0, 3], "b": [2, 0]}  # each g speaks for "good", each b for "bad"


def test_a_word_counts_for_what_is_lost_without_it():
    fitted = made.of_letters(WEIGHTS)
    (found,) = tl.explaining.word_importances(fitted, "a good big egg  but odd")
    assert found.words == ("a", "good", "big", "egg", "but", "odd")
    assert found.answer == "good"
    np.testing.assert_allclose(found.values, [0, 3, 1, 6, -2, 0], atol=1e-4)
    assert found.score == pytest.approx(3 + 1 + 6 - 2, abs=1e-4)  # log-odds, in nats


def test_an_answer_can_be_chosen_and_texts_are_many():
    fitted = made.of_letters(WEIGHTS)
    good, bad = tl.explaining.explain(fitted, ["gag", "bob"], "bad")
    assert (good.answer, bad.answer) == ("bad", "bad")
    np.testing.assert_allclose([*good.values, *bad.values], [-6, 4], atol=1e-4)


def test_numbers_fall_in_their_own_units():
    fitted = made.of_letters({"g": [3], "b": [-2]}, "linear", made.numbers("stars"))
    (found,) = tl.explaining.word_importances(fitted, "go by")
    assert found.answer == "stars"
    np.testing.assert_allclose(found.values, [3, -2], atol=1e-5)


def test_files_are_read_and_letters_without_spaces_are_words(tmp_path):
    (tmp_path / "one.txt").write_text("egg 很好g", "utf-8")
    (found,) = tl.explaining.word_importances(made.of_letters(WEIGHTS), tmp_path / "one.txt")
    assert found.words == ("egg", "很", "好", "g")
    np.testing.assert_allclose(found.values, [6, 0, 0, 3], atol=1e-4)


def test_a_text_of_no_words_has_no_importances():
    (found,) = tl.explaining.word_importances(made.of_letters(WEIGHTS), " \n ")
    assert found.words == ()
    assert found.values.shape == (0,)


def test_kinds_without_an_explanation_say_so():
    fitted = made.of_letters(WEIGHTS)
    fitted.kind = _Sounds()
    with pytest.raises(TypeError, match="Nothing explains sounds yet"):
        tl.explaining.explain(fitted, "a")

    @tl.explaining.explainer.register
    def _(kind: _Sounds):
        return lambda fitted, items, answer: [f"{items} sounds well"]

    assert tl.explaining.explain(fitted, "a") == ["a sounds well"]


class _Sounds(tl.data.ArrayKind):
    name, noun = "made sounds", "sound"

    def inputs(self, shape=None):
        return {"sound": tl.data.Spec((4,), "float32")}

    def read(self, item):
        return item
