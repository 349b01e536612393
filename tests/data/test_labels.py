import numpy as np
import pytest

from tests.loading import load

X = np.zeros((4, 2, 2, 3), np.uint8)


def labels(y, **options):
    data = load((X[: len(y)], y), **options)
    assert data.targets.labels.dtype == (np.int32 if data.targets.labels.ndim == 1 else np.float32)
    return data.targets.labels.tolist(), data.targets.class_names


@pytest.mark.parametrize(
    ("y", "ids", "names"),
    [
        ([0, 1, 2, 1], [0, 1, 2, 1], ("0", "1", "2")),
        ([5, 0, 2, 5], [2, 0, 1, 2], ("0", "2", "5")),
        ([10, 9, 9, 10], [1, 0, 0, 1], ("9", "10")),
        ([1.0, 0.0, 0.0, 1.0], [1, 0, 0, 1], ("0", "1")),
        ([[1], [0], [0], [1]], [1, 0, 0, 1], ("0", "1")),
        ([True, False, False, True], [1, 0, 0, 1], ("0", "1")),
        (["b", "a", "a", "c"], [1, 0, 0, 2], ("a", "b", "c")),
        (np.eye(3)[[2, 0, 1, 2]], [2, 0, 1, 2], ("0", "1", "2")),
    ],
)
def test_labels_become_ids(y, ids, names):
    assert labels(y) == (ids, names)


def test_class_names_name_positions():
    assert labels([0, 2, 1, 0], class_names=["c", "a", "b"])[0] == [0, 2, 1, 0]
    assert labels(["b", "c", "a", "b"], class_names=["c", "a", "b"])[0] == [2, 0, 1, 2]
    assert labels(np.eye(3)[[2, 0, 1, 2]], class_names=["c", "a", "b"])[0] == [2, 0, 1, 2]


def test_class_names_that_are_numbers_stand_for_themselves():
    """What was learned from the ids 1, 2, 5 is evaluated on these ids."""
    assert labels([5, 1, 5, 1], class_names=["1", "2", "5"])[0] == [2, 0, 2, 0]


def test_soft_labels_stay_rows():
    soft = [[0.5, 0.5], [1, 0], [0, 1], [0.25, 0.75]]
    assert labels(soft) == (soft, ("0", "1"))


def test_multi_label_rows():
    rows = [[1, 1], [0, 0], [0, 1], [1, 0]]
    assert labels(rows, multi_label=True) == (rows, ("0", "1"))
    with pytest.raises(ValueError, match="pass multi_label=True"):
        labels(rows)
    with pytest.raises(ValueError, match=r"0 or 1 for each class. Received labels of shape"):
        labels([0, 1, 1, 0], multi_label=True)
    with pytest.raises(ValueError, match="0 or 1"):
        labels([[0.5, 0.5]] * 4, multi_label=True)


def test_lists_of_different_lengths():
    for multi_label in (False, True):
        with pytest.raises(ValueError, match="pass multi_label=True, and \\[\\] for none"):
            labels([["a"], ["a", "b"], None], multi_label=multi_label)
    with pytest.raises(ValueError, match=r"labels of shape \(n, 0\)"):
        labels([[], []], multi_label=True)


def test_multi_label_names():
    given = [["b"], ("a", "b"), [], ["a"]]
    assert labels(given, multi_label=True) == ([[0, 1], [1, 1], [0, 0], [1, 0]], ("a", "b"))
    square = np.array([["b", "a"], ["b", "b"], ["a", "a"], ["a", "b"]])
    assert labels(square, multi_label=True)[0] == [[1, 1], [0, 1], [1, 0], [1, 1]]
    assert labels(given, multi_label=True, class_names=["b", "c", "a"])[0][1] == [1, 0, 1]
    with pytest.raises(ValueError, match=r"Unknown class\. Received: 'b'; known are"):
        labels(given, multi_label=True, class_names=["a", "c"])


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ([0, 1, 2, 3], {"class_names": ["a", "b", "c"]}, "without a class: \\[3\\]"),
        ([-1, 1, 0, 0], {"class_names": ["a", "b"]}, "without a class: \\[-1\\]"),
        (["a", "b", "dgo", "a"], {"class_names": ["a", "b", "dog"]}, "'dgo'.*Closest: 'dog'"),
        ([0.0, 0.5, 1.0, 0.0], {}, "whole numbers"),
        ([0, np.nan, 1, 0], {}, "whole numbers"),
        ([[0, np.nan]] * 4, {}, "finite"),
        ([[0.5, 0.2]] * 4, {}, "add up to 1"),
        (["a", None, "b", "a"], {}, r"Label 1 \(counted from 0\) is missing"),
        (["a", np.nan, "b", ""], {}, r"Label 1 \(counted from 0\) is missing, and 1 more"),
        ([0, None, 1, 0], {}, r"Label 1 \(counted from 0\) is missing"),
        (np.array([0, "a", 1, 0], object), {}, "all strings or all numbers.*0 as label 0"),
        ([0, 1e300, 1, 0], {}, "whole numbers.*1e\\+300"),
        (np.eye(3)[[0, 1, 2, 0]], {"class_names": ["a", "b"]}, "3 columns, but there are 2"),
        (np.zeros((4, 2, 2)), {}, "Received: shape=\\(4, 2, 2\\)"),
        ([0, 1, 0, 1], {"class_names": ["a", "a"]}, "Received twice: \\['a'\\]"),
        ([0, 1, 0, 1], {"class_names": "ab"}, "list of names"),
    ],
)
def test_labels_that_are_refused(y, options, message):
    with pytest.raises(ValueError, match=message):
        labels(y, **options)


def test_numbers_in_an_array_of_objects_are_numbers():
    assert labels(np.array([3, 1, 1, 3], object)) == ([1, 0, 0, 1], ("1", "3"))
