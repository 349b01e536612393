"""Groups that are given: patients, cameras, days."""

from pathlib import Path

import numpy as np
import pytest
from conftest import picture, save

import transferlearn as tl
from tests.spectra import Spectra
from transferlearn.data import DataWarning, Images, Numbers, Reading, Tags, load_pair

pytestmark = pytest.mark.core
X = np.random.default_rng(0).integers(0, 256, (60, 12, 10, 3), dtype=np.uint8)
Y = np.arange(60) % 2
PATIENTS = [f"patient {i // 4}" for i in range(60)]


def pair(source, groups, validation=None, **options):
    return load_pair(source, validation, Reading(groups=groups, **options), validation_split=0.2)


def is_whole(train, validation):
    """Whether both parts have groups, and none in common."""
    found = [set(part.groups) for part in (train, validation)]
    return all(found) and not found[0] & found[1]


@pytest.fixture
def table(tmp_path):
    for i in range(60):
        save(tmp_path / f"{i}.png", picture(i))

    def write(**columns):
        names = ["path", *columns]
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(names), *(f"{i}.png,{','.join(row)}" for i, row in enumerate(rows))]
        (tmp_path / "table.csv").write_text("\n".join(lines))
        return tmp_path / "table.csv"

    return write


@pytest.mark.parametrize("given", [PATIENTS, np.array(PATIENTS), np.arange(60) // 4])
def test_a_group_for_each_item_of_an_array(given):
    train, validation = pair((X, Y), given)
    assert is_whole(train, validation)
    assert (train.size, validation.size) == (48, 12)


def test_a_column_of_a_table_which_is_no_target(table):
    numbers = [str(i / 7) for i in range(60)]
    parts = pair(table(patient=PATIENTS, price=numbers), "patient", target=Numbers())
    assert is_whole(*parts)
    assert parts.train.targets.names == ("price",)
    kinds = [str(i % 2) for i in range(60)]
    assert is_whole(*pair(table(patient=PATIENTS, kind=kinds), "patient"))
    assert is_whole(*pair(table(label=kinds, patient=PATIENTS), "patient", target=Tags()))


def test_a_function_of_the_path(make_folder):
    folder = make_folder(counts={"cat": 20, "dog": 20})
    parts = pair(folder, lambda path: int(Path(path).stem) // 4)
    assert is_whole(*parts)
    assert len(set(parts.train.groups)) == 4
    paths = sorted(map(str, folder.rglob("*.png")))
    labels = [Path(path).parent.name for path in paths]
    assert is_whole(*pair((paths, labels), lambda path: Path(path).stem))


def test_groups_join_with_copies():
    x = np.concatenate([X, X[:1]])
    groups = [*PATIENTS, "patient 7"]
    first = {"patient 0", "patient 7"}
    for seed in range(6):
        parts = load_pair(
            (x, np.append(Y, 0)), None, Reading(groups=groups), validation_split=0.3, seed=seed
        )
        assert [len(first & set(part.groups)) for part in parts] in ([0, 2], [2, 0])


def test_left_out_items_take_their_groups_along(table, tmp_path):
    path = table(label=[str(i % 2) for i in range(60)], patient=PATIENTS)
    (tmp_path / "5.png").write_bytes(b"no image")
    with pytest.warns(DataWarning, match="skipped 1 of 60"):
        train, validation = pair(path, "patient")
    for part in (train, validation):
        for name, group in zip(part.names, part.groups, strict=True):
            assert group == PATIENTS[int(Path(name).stem)]


def test_kinds_of_ones_own_have_groups():
    spectra = np.random.default_rng(0).random((60, 32))
    parts = pair((spectra, Y), PATIENTS, kind=Spectra())
    assert is_whole(*parts)


def test_a_class_of_one_group_is_kept_and_that_is_said():
    y = np.repeat([0, 1], [40, 20])
    groups = [*PATIENTS[:40], *["hospital"] * 20]
    with pytest.warns(DataWarning) as caught:
        train, validation = pair((X, y), groups)
    said = "\n".join(str(one.message) for one in caught)
    assert "each line is one group of images" in said
    assert "20 images, such as image 40" in said
    assert "Validation has no image of class '1'" in said
    assert validation.targets.labels.tolist() == [0] * 8
    assert (train.targets.labels == 1).sum() == 20


def test_groups_in_both_of_two_sources_are_named(table):
    labels = [str(i % 2) for i in range(60)]
    path = table(label=labels, patient=PATIENTS)
    frame = pytest.importorskip("pandas").read_csv(path)
    frame["path"] = [str(path.parent / name) for name in frame["path"]]
    with pytest.warns(DataWarning, match=r"and validation have 1 group in common(?s:.*)patient 9$"):
        pair(frame[:38], "patient", frame[38:].reset_index(drop=True))


def test_groups_that_cannot_be(table, make_folder):
    path = table(label=[str(i % 2) for i in range(60)], patient=PATIENTS)
    folder = make_folder()
    with pytest.raises(ValueError, match=r"no column 'camera'.*columns \['label', 'patient'\]"):
        pair(path, "camera")
    with pytest.raises(ValueError, match="'camera' names a column, and the images come from no"):
        pair(folder, "camera")
    with pytest.raises(ValueError, match="a function of a path, and these images are no files"):
        pair((X, Y), lambda path: path)
    with pytest.raises(ValueError, match=r"a group for each of 60 images\. Received: 59 groups"):
        pair((X, Y), PATIENTS[1:])
    with pytest.raises(ValueError, match=r"goes with \(x, y\).*Received: 60 groups"):
        pair(path, PATIENTS)
    with pytest.raises(ValueError, match=r"2 images without a group(?s:.*)image 3\n  image 9"):
        pair((X, Y), [None if i in (3, 9) else "a" for i in range(60)])
    for wrong in (3, True):
        with pytest.raises(TypeError, match=f"Received: groups={wrong}"):
            Reading(groups=wrong)


def test_a_stream_has_no_groups():
    tf = pytest.importorskip("tensorflow")
    stream = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    with pytest.raises(ValueError, match="A stream has no groups"):
        pair(stream, PATIENTS)


def test_a_kind_that_drops_groups_is_found_out():
    class Forgetful(Images):
        def open(self, listed, targets, **options):
            dataset = super().open(listed, targets, **options)
            return tl.data.load((dataset.items._pixels, Y), Images())

    with pytest.raises(ValueError, match=r"Forgetful\.open leaves out the groups"):
        pair((X, Y), PATIENTS, kind=Forgetful())
