"""Exports that answer otherwise than Keras are refused, by more than their score."""

import pytest

from transferlearn.edge import ClassReader, NumberReader
from transferlearn.exporting.checking import Checked
from transferlearn.exporting.limits import check_int8
from transferlearn.tasks.scores import Determination, Share

CLASSES, NUMBERS = ClassReader(("red", "blue")), NumberReader(("kg",))
ACCURACY = Share("accuracy")


def checked(before=0.9, after=0.9, *, equal=1.0, difference=0.3):
    return Checked(
        items=400,
        difference=difference,
        equal=equal,
        score="accuracy",
        keras_score=before,
        exported_score=after,
        megabytes=1.0,
        keras_megabytes=1.0,
        milliseconds=1.0,
        keras_milliseconds=1.0,
    )


@pytest.mark.parametrize("figures", [(0.9, 0.891), (0.915, 0.905), (0.9, 0.99)])
def test_int8_may_lose_a_point_of_the_score(figures):
    check_int8(checked(*figures, equal=0.97), CLASSES, ACCURACY, 0.5, None)


@pytest.mark.parametrize(
    ("reader", "measured", "said"),
    [
        (CLASSES, checked(0.9, 0.88), "loses 0.0200 of accuracy, more than 0.01, so nothing"),
        (CLASSES, checked(equal=0.96), "gives 4.00% other answers, more than 0.03"),
        (NUMBERS, checked(difference=0.24), "up to 24.00% of the range of numbers, more than 0.01"),
        (NUMBERS, checked(0.9, 0.8, difference=0.24), "loses 0.1000 .* and is off by up to 24.00%"),
    ],
)
def test_int8_is_refused_with_the_limit_that_allows_it(reader, measured, said):
    with pytest.raises(ValueError, match=said) as refused:
        check_int8(measured, reader, ACCURACY, 0.5, None)
    limit = float(str(refused.value).partition("limit=")[2].splitlines()[0].rstrip("."))
    assert limit < 0.3
    check_int8(measured, reader, ACCURACY, 0.5, limit)


def test_numbers_within_one_percent_of_their_range_are_enough():
    check_int8(checked(difference=0.01), NUMBERS, Determination("r2"), 0.0, None)


@pytest.mark.parametrize(
    ("score", "guess", "kept"), [(ACCURACY, 0.1, 0.12), (Determination("r2"), 0.0, 0.01)]
)
def test_a_model_at_chance_level_is_no_measure(score, guess, kept):
    with pytest.raises(ValueError, match="a model at chance level does not show"):
        check_int8(checked(kept, kept, difference=0.0), CLASSES, score, guess, None)
    check_int8(checked(kept, kept), CLASSES, score, guess, 0.01)
