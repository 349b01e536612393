import numpy as np
import pytest
from conftest import picture, save

from tests.loading import load, load_pair
from transferlearn.data import DataWarning

pandas = pytest.importorskip("pandas")


@pytest.fixture
def table(tmp_path):
    for i in range(4):
        save(tmp_path / f"images/{i}.png", picture(i))

    def write(text, name="table.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        return tmp_path / name

    return write


def test_columns_by_name_in_any_order(table):
    path = table(
        "id,label,sample_weight,Path\n7,dog,2,images/1.png\n8,cat,0.5,images/0.png\n"
        '9,"cat, big",1,images/2.png\n'
    )
    data = load(path, image_size=(10, 12))
    assert data.targets.class_names == ("cat", "cat, big", "dog")
    assert data.targets.labels.tolist() == [2, 0, 1]
    assert data.sample_weight.tolist() == [2, 0.5, 1]
    assert np.array_equal(data.image(0), np.asarray(picture(1)))


def test_first_and_second_column_and_tabs(table):
    data = load(table("photo\tkind\nimages/0.png\ta\nimages/1.png\tb\n", "t.tsv"))
    assert data.targets.labels.tolist() == [0, 1]
    assert data.sample_weight is None


def test_semicolons_and_labels_first(table):
    rows = [("a", "images/0.png"), ("b", "images/1.png")]
    for header, sign in ((("kind", "path"), ";"), (("label", "photo"), ","), (("x", "y"), ",")):
        lines = [sign.join(row) for row in (header, *rows)]
        data = load(table("\n".join(lines)), image_size=(10, 12))
        assert data.targets.class_names == ("a", "b")
        assert np.array_equal(data.image(1), np.asarray(picture(1)))


def test_paths_relative_to_the_working_folder_or_absolute(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "images")
    absolute = tmp_path / "images/2.png"
    assert load(table(f"path,label\n0.png,a\n{absolute},b\n")).size == 2


def test_missing_files_are_skipped_with_their_labels(table):
    with pytest.warns(DataWarning, match=r"gone.png: unreadable"):
        data = load(table("path,label\nimages/gone.png,b\nimages/0.png,b\nimages/1.png,c\n"))
    assert data.targets.class_names == ("b", "c")
    assert data.targets.labels.tolist() == [0, 1]
    assert data.skipped[0].path == "images/gone.png"


def test_a_class_that_became_empty_by_skipping_is_an_error(table):
    path = table("path,label\nimages/gone.png,a\nimages/0.png,b\nimages/1.png,c\n")
    with pytest.warns(DataWarning), pytest.raises(ValueError, match="'a'"):
        load_pair(path)


def test_more_than_two_columns_need_names(table):
    with pytest.raises(ValueError, match="call their columns path and label"):
        load(table("x,y,z\nimages/0.png,a,1\nimages/1.png,b,2\n"))


def test_several_labels_in_a_cell(table):
    path = table("path,label\nimages/0.png,a|b\nimages/1.png,\nimages/2.png,c | a\n")
    data = load(path, multi_label=True)
    assert data.targets.class_names == ("a", "b", "c")
    assert data.targets.labels.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 1]]
    with pytest.raises(ValueError, match=r"Unknown class. Received: 'c'"):
        load(path, multi_label=True, class_names=["a", "b"])


def test_a_frame_and_its_csv_file_have_the_same_classes(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [f"images/{i}.png" for i in range(4)]
    frame = pandas.DataFrame({"path": names, "label": [10, 9, 10, 2]})
    from_frame = load(frame)
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert (
        from_frame.targets.class_names
        == load(tmp_path / "t.csv").targets.class_names
        == ("2", "9", "10")
    )
    assert from_frame.targets.labels.tolist() == [2, 1, 2, 0]
    strings = pandas.DataFrame({"label": list("xyxy"), "file": names})
    assert load(strings).targets.labels.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no table of images"),
        ("path,label\n", "is no table of images"),
        ("path\nimages/0.png\n", "is no table of images"),
        ("images/0.png,a\nimages/1.png,b\n", "has no header"),
        ("images/0,a\nimages/1,b\nimages/2,a\n", "has no header"),
        ("a;images/0.png\nb;images/1.png\n", "has no header"),
        ("path,label\nimages/0.png\n", "line 2 has 1 cells, the header 2"),
        ("path,label,sample_weight\nimages/0.png,a,much\n", "finite numbers"),
    ],
)
def test_tables_that_are_refused(table, text, message):
    with pytest.raises(ValueError, match=message):
        load(table(text))


def test_names_that_look_like_numbers_stay_names(table):
    given = "path,label\nimages/0.png,007\nimages/1.png,7\nimages/2.png,007\n"
    assert load(table(given)).targets.class_names == ("007", "7")
    assert load(table(given.replace("007", "8.0"))).targets.class_names == ("7", "8")


def test_frames_that_are_refused():
    with pytest.raises(ValueError, match="Received: columns"):
        load(pandas.DataFrame({"path": ["a.png"]}))
    with pytest.raises(ValueError, match="is missing"):
        load(([np.zeros((2, 2))] * 2, pandas.Series(["a", None])))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\nimages/0.png,a\nimages/1.png,\n", r"1 row without a label.*1\.png"),
        (
            ",path,y\n0,images/0.png,a\n1,images/1.png,b\n",
            "does not tell which column holds the labels",
        ),
        ("path,label,label\nimages/0.png,a,b\n", r"two columns of one name: \['label'\]"),
        (
            "path,label\nimages/0.png," + "x" * 200_000,
            "up to line 2, a cell begins with a quotation mark",
        ),
    ],
)
def test_tables_that_would_be_misread(table, text, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        load(table(text))


def test_a_table_in_another_encoding(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("path,label\na.png,café\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"t\.csv cannot be read as a table.*UTF-8"):
        load(path)


def test_several_labels_as_lists(table):
    paths = [str(table("", "x").parent / f"images/{i}.png") for i in range(3)]
    frame = pandas.DataFrame({"path": paths, "label": [["b", "a"], "a|b", None]})
    assert load(frame, multi_label=True).targets.labels.tolist() == [[1, 1], [1, 1], [0, 0]]
