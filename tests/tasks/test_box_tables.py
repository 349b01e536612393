"""The table of missed objects has a row for each class, whatever its name is."""

import numpy as np

from transferlearn.tasks.detection.figures import evaluation_of


def test_a_class_named_as_a_size_has_a_row_of_its_own():
    frame = [0, 0, 1, 1, -1, 10_000, 0]
    first, second = [0.1, 0.1, 0.3, 0.3, 0, 400, 0], [0.5, 0.5, 0.8, 0.8, 1, 900, 0]
    said = np.zeros((1, 2, 6), "float32")
    said[0, 0] = [0.1, 0.1, 0.3, 0.3, 0.8, 0]
    targets = np.array([[first, second, frame]], "float32")
    rows = evaluation_of(said, targets, ("small objects", "cat"), (0.3, 0.3)).missed()
    assert rows[1] == ["small objects of any class", "2", "1", "50.0%"]
    assert rows[-2:] == [["small objects", "1", "1", "0.0%"], ["cat", "1", "0", "100.0%"]]
    assert len(rows) == 7
