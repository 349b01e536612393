"""Answers are drawn beside what is true."""

import numpy as np
import pytest

import transferlearn as tl
from tests import made
from transferlearn.tasks import TagEncoding

RED_OR_BLUE = np.array([[9, -9], [0, 0], [-9, 9]])


def titles(figure):
    figure.draw_without_rendering()
    return sorted(" ".join(ax.get_title(loc="left").split()) for ax in figure.axes)


def test_classes_are_called_right_or_wrong():
    fitted, photos = made.of_colours(RED_OR_BLUE), made.photos()
    assert titles(fitted.show_results((photos, [0, 1]))) == ["right: blue 89%", "right: red 89%"]
    shown = fitted.show_results((photos[[0, 1, 0]], np.array(["red", "blue", "blue"])))
    assert titles(shown)[-1] == "wrong: red 89% is blue"
    ones = fitted.show_results((photos[[0] * 20], ["red"] * 20), count=3)
    assert len(ones.axes) == 3


def test_tags_and_numbers_stand_beside_the_true_ones():
    tags = TagEncoding(class_names=("red", "blue"), activation="sigmoid", units=2)
    fitted = made.of_colours(RED_OR_BLUE, "sigmoid", tags)
    shown = fitted.show_results((made.photos(), np.array([[1, 0], [1, 1]], "float32")))
    assert titles(shown) == ["right: red", "wrong: blue is red, blue"]
    fitted = made.of_colours([[1], [0], [0]], "linear", made.numbers("redness"))
    shown = fitted.show_results((made.photos(), np.array([0.5, 0.25])))
    assert [words.split(", ")[1] for words in titles(shown)] == ["is 0.25", "is 0.5"]


def test_texts_are_drawn_as_texts():
    fitted = made.of_letters({"+": [0, 3], "-": [3, 0]})
    shown = fitted.show_results((["a + b", "a - b"], ["good", "good"]))
    assert titles(shown) == ["right: good 95%", "wrong: bad 95% is good"]
    assert {"a + b", "a - b"} <= {text.get_text() for ax in shown.axes for text in ax.texts}


def test_a_stream_is_refused():
    fitted = made.of_colours(RED_OR_BLUE)
    stream = tl.data.load(_batches(), fitted.kind, fitted.encoding.target)
    with pytest.raises(ValueError, match="stream cannot be read again"):
        tl.plotting.show_results(fitted, stream)


def _batches():
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((made.photos(), [0, 1])).batch(2)
