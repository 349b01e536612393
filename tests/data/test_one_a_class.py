"""One list for each class, where items and labels are expected."""

import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from transferlearn import data
from transferlearn.data import Characters, Texts

GOOD = ["a fine film with a heart", "what a lovely long evening", "I laughed all the way home"]
BAD = ["a dull film without an end", "what a waste of an evening", "I left after half of it"]
TEXTS = Texts(Characters(), sequence_length=64)
CATS, DOGS = np.zeros((4, 8, 8, 3), "uint8"), np.ones((6, 8, 8, 3), "uint8")


@pytest.mark.parametrize(
    "given", [(GOOD, BAD), [GOOD, BAD], (GOOD, BAD[:2]), (GOOD, BAD, GOOD), (np.array(GOOD), BAD)]
)
def test_a_list_of_texts_for_each_class_is_refused(given):
    with pytest.raises(
        ValueError, match=r"If each of your lists is a class:\n  builder.fit\(\(good"
    ):
        data.load(given, TEXTS)


@pytest.mark.parametrize(
    ("given", "call"),
    [
        ((CATS, DOGS), r"np.concatenate\(\[good, bad\]\), \['good'\] \* len\(good\)"),
        ([CATS, DOGS], "np.concatenate"),
        ((list(CATS), list(DOGS)), r"\(good \+ bad, "),
        (([Image.new("L", (8, 8))] * 3, [Image.new("L", (8, 8))] * 3), r"\(good \+ bad, "),
        ((["a.jpg", "b.jpg"], ["c.jpg", "d.jpg"]), r"\(good \+ bad, "),
    ],
)
def test_images_of_each_class_are_refused(given, call):
    with pytest.raises(ValueError, match=call):
        data.load(given, tl.data.Images(image_size=(8, 8)))


def test_the_call_that_is_named_works():
    labels = ["good"] * len(GOOD) + ["bad"] * len(BAD)
    assert data.load((GOOD + BAD, labels), TEXTS).targets.class_names == ("bad", "good")
    topics = ["new phone line", "lost my card", "new phone line", "lost my card"]
    found = data.load((GOOD + BAD[:1], topics), TEXTS)
    assert found.targets.class_names == ("lost my card", "new phone line")


def test_texts_with_their_labels_one_by_one_are_no_classes():
    pairs = [(text, "good") for text in GOOD] + [(text, "bad") for text in BAD]
    found = data.load(pairs, TEXTS)
    assert found.targets.class_names == ("bad", "good")
    assert found.size == 6
    with pytest.raises(ValueError, match="If each of your lists is a class"):
        data.load(list(zip(GOOD, BAD, strict=True)), TEXTS)  # texts where labels are expected


def test_a_class_for_each_item_is_refused():
    labels = [str(number) for number in range(6)]
    with pytest.raises(ValueError, match="Each of 6 texts has a class of its own"):
        data.load_pair((GOOD + BAD, labels), None, data.Reading(TEXTS))
