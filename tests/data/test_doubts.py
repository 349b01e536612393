"""Labels and classes that are allowed and are probably a mistake: each is said."""

import shutil
import warnings

import numpy as np
import pytest

from tests.data.conftest import save
from transferlearn.data import DataWarning, Numbers, Reading, Tags, load_pair
from transferlearn.data.targets.doubts import warn_of_alike, warn_of_unlabelled

pytestmark = pytest.mark.core
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3)).astype("uint8")


@pytest.mark.parametrize("unlabelled", [-1, -100])
def test_a_number_for_no_label_is_said(unlabelled):
    labels = np.repeat([0, 1, unlabelled], 10)
    with pytest.warns(DataWarning, match=rf"10 labels are {unlabelled}.*y != {unlabelled}"):
        load_pair((PIXELS, labels))
    with pytest.warns(DataWarning, match=rf"class_names=\['{unlabelled}', '0', '1'\]"):
        load_pair((PIXELS, labels.astype(float)))


@pytest.mark.parametrize("classes", [[-1, 1], [0, 1, 2], [-2, -1], [-2, -1, 0], [3]])
def test_nothing_is_said_of_other_numbers(classes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unlabelled(np.repeat(classes, 3))


def test_named_it_is_a_class_like_others():
    from transferlearn.data import Classes

    names = Reading(target=Classes(class_names=("-1", "0", "1")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train, _ = load_pair((PIXELS, np.repeat([0, 1, -1], 10)), None, names)
    assert train.learnt.class_names == ("-1", "0", "1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("fod", 9), ("food", 9)),
        (("Food", 9), ("food", 9)),
        (("hot dog", 9), ("hot_dog", 9)),
        (("cafe", 9), ("café", 9)),
        (("horsw", 3), ("horse", 300)),
    ],
)
def test_classes_that_are_written_almost_alike(one, other):
    counts = {"zebra": 9, one[0]: one[1], other[0]: other[1]}
    with pytest.warns(DataWarning, match="almost alike.*rename a folder") as said:
        warn_of_alike(counts, "image")
    (line,) = str(said[0].message).splitlines()[1:]
    first, second = sorted((one, other))
    assert line == f"  {first[0]!r} ({first[1]} images) and {second[0]!r} ({second[1]})"


def test_nothing_is_said_of_classes_that_only_look_a_little_alike():
    counts = {"cat": 9, "car": 12, "a": 1, "b": 90, "class 1": 3, "class 2": 300, "ab": 3, "abc": 3}
    counts |= {"shirt": 120, "tshirt": 100}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_alike(counts, "image")


def test_folders_of_alike_names_are_said_in_training(make_folder):
    with pytest.warns(DataWarning, match=r"'fod' \(5 images\) and 'food' \(6\)"):
        load_pair(make_folder(counts={"fod": 5, "food": 6, "drink": 5}))


def test_one_image_under_two_classes_is_named_with_both(make_folder):
    folder = make_folder()
    shutil.copy(folder / "cat" / "0.png", folder / "dog" / "copy.png")
    shutil.copy(folder / "cat" / "1.png", folder / "cat" / "copy.png")
    with pytest.warns(DataWarning, match="1 times the same content has several classes") as said:
        load_pair(folder)
    (line,) = str(said[0].message).splitlines()[1:]
    assert line == f"  {folder}/cat/0.png (cat) = {folder}/dog/copy.png (dog)"
    with pytest.warns(DataWarning, match=r"0\.png \(cat\) = .*copy\.png \(dog\)"):
        load_pair(folder, None, Reading(target=Tags()))


def test_copies_with_other_numbers_are_no_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copies = np.repeat(PIXELS[:15], 2, axis=0)
        load_pair((copies, np.arange(30.0)), None, Reading(target=Numbers()))


def test_a_class_folder_that_begins_with_a_dot_is_said(make_folder):
    folder = make_folder()
    save(folder / ".bird" / "a.png")
    (folder / ".empty").mkdir()
    with pytest.warns(DataWarning, match=rf"\.bird is left out, with 1 image,.*mv {folder}/\.bird"):
        train, _ = load_pair(folder)
    assert train.learnt.class_names == ("cat", "dog")
