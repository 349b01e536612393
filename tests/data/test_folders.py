import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import picture, save

import transferlearn as tl
from tests.loading import batches_of, load, load_pair
from transferlearn.data import DataWarning, Skipped


def test_classes_are_sorted_folders_and_images_are_found_below(make_folder, tmp_path):
    folder = make_folder(counts={"dog": 2, "cat": 3})
    save(folder / "cat/deep/er/x.JPG", picture(50))
    data = load(folder)
    assert data.targets.class_names == ("cat", "dog")
    assert data.targets.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert data.targets.labels.dtype == np.int32
    assert [Path(name).name for name in data.names[:4]] == ["0.png", "1.png", "2.png", "x.JPG"]
    assert data.size == 6
    assert data.image_size == (224, 224)
    assert data.image(0).shape == (224, 224, 3)
    assert load(str(folder), image_size=(5, 7)).image(3).shape == (5, 7, 3)
    assert load(folder, default_image_size=(6, 6)).image_size == (6, 6)


def test_images_come_out_as_they_are(make_folder):
    data = load(make_folder(), image_size=(10, 12))
    assert np.array_equal(data.image(7), np.asarray(picture(7)))


def test_class_names_order_and_unknown_ones(make_folder):
    folder = make_folder(counts={"cat": 1, "dog": 1})
    data = load(folder, class_names=["dog", "cat", "owl"])
    assert data.targets.class_names == ("dog", "cat", "owl")
    assert data.targets.labels.tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"no known class: \['dog'\].*Closest: 'dogs'"):
        load(folder, class_names=["cat", "dogs"])


def test_hidden_files_alone_are_counted_without_a_warning(make_folder):
    folder = make_folder()
    (folder / ".DS_Store").touch()
    (folder / "cat/._0.png").touch()
    (folder / "cat/Thumbs.db").touch()
    save(folder / "__MACOSX/cat/0.png")
    save(folder / "dog/.trash/0.png")
    data = load(folder)
    assert data.size == 10
    assert data.ignored == {"hidden": 5}
    assert data.targets.class_names == ("cat", "dog")


def test_other_files_are_counted_by_ending(make_folder):
    folder = make_folder()
    (folder / "README.md").touch()
    (folder / "cat/notes.txt").touch()
    (folder / "cat/more.TXT").touch()
    (folder / "cat/LICENSE").touch()
    (folder / ".hidden").touch()
    save(folder / "lost.png")
    with pytest.warns(DataWarning) as caught:
        data = tl.data.load(folder)
    assert len(caught) == 1
    for part in ("2 .txt", "1 .md", "1 no ending", "1 hidden", "1 images beside the class folders"):
        assert part in str(caught[0].message)
    assert caught[0].filename == __file__
    assert data.ignored[".txt"] == 2
    assert data.size == 10


def test_links_are_followed_and_circles_end(make_folder, tmp_path):
    folder = make_folder()
    outside = save(tmp_path / "elsewhere/x.png", picture(90))
    (folder / "cat/link.png").symlink_to(outside)
    (folder / "cat/linked").symlink_to(outside.parent)
    (folder / "cat/circle").symlink_to(folder / "cat")
    assert load(folder).targets.labels.tolist().count(0) == 7


def test_bad_files_are_skipped_with_one_warning_that_names_them(make_folder):
    folder = make_folder()
    (folder / "cat/empty.jpg").touch()
    (folder / "dog/text.png").write_text("hello")
    half = save(folder / "dog/half.jpg", picture(size=(64, 64)))
    half.write_bytes(half.read_bytes()[:-900])
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    with pytest.warns(DataWarning, match="skipped 3 of 13 files") as caught:
        data = load(folder)
    assert len(caught) == 1
    for name in ("cat/empty.jpg: empty", "dog/text.png: not an image", "dog/half.jpg: truncated"):
        assert name in str(caught[0].message)
    assert data.size == len(data.targets.labels) == len(data.names) == 10
    assert data.skipped[0] == Skipped(str(folder / "cat/empty.jpg"), "empty: 0 bytes")
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before
    with pytest.raises(
        ValueError, match=r"(?s)3 of 13 files cannot be used.*empty.jpg.*half.jpg.*text"
    ):
        load(folder, on_error="raise")
    with pytest.raises(ValueError, match="on_error"):
        load(folder, on_error="ignore")


def test_a_long_list_of_bad_files_is_cut(make_folder):
    folder = make_folder()
    for i in range(25):
        (folder / f"cat/bad{i:02}.jpg").touch()
    with pytest.warns(DataWarning, match=r"bad19.jpg: empty: 0 bytes\n  and 5 more$"):
        load(folder)


def test_files_that_pillow_warns_about_say_nothing(make_folder):
    folder = make_folder()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\xff\xff"
    save(folder / "cat/exif.jpg", picture(70), exif=exif)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = load(folder, image_size=(8, 8))
        for _ in batches_of(data, batch_size=4):
            pass
    assert caught == []
    assert data.size == 11


def test_unreadable_files(make_folder, monkeypatch):
    folder = make_folder()
    read = Path.read_bytes

    def deny(path):
        if path.name == "3.png":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.warns(DataWarning, match=r"cat/3.png: unreadable: Permission denied"):
        assert load(folder).size == 8


def test_paths_that_are_no_data(tmp_path, make_folder):
    with pytest.raises(FileNotFoundError, match="No such folder or file"):
        load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="neither a folder nor a table"):
        load(save(tmp_path / "a.png"))
    with pytest.raises(ValueError, match=r"no class folders: expected .*/<class>/"):
        load(tmp_path)
    (tmp_path / "cat").mkdir()
    (tmp_path / "a.png").unlink()
    with pytest.raises(ValueError, match="No image in"):
        load(tmp_path)
    (tmp_path / "cat/a.png").touch()
    with pytest.raises(ValueError, match=r"a.png cannot be used: empty"):
        load(tmp_path)
    with pytest.raises(TypeError, match="Received: int"):
        load(3)


def test_train_and_validation_folders_are_used_and_test_is_left_alone(make_folder, tmp_path):
    make_folder("data/train", {"cat": 3, "dog": 3})
    make_folder("data/val", {"cat": 1, "dog": 2}, first=20)
    (tmp_path / "data/test/cat").mkdir(parents=True)
    (tmp_path / "data/test/cat/broken.png").touch()
    train, validation = load_pair(tmp_path / "data")
    assert (train.size, validation.size) == (6, 3)
    assert train.targets.class_names == validation.targets.class_names == ("cat", "dog")
    make_folder("data/valid", {"cat": 1, "dog": 2}, first=20)
    with pytest.raises(ValueError, match="Two folders for one part"):
        load_pair(tmp_path / "data")


def test_a_folder_beside_train_and_validation_is_refused(make_folder, tmp_path):
    for part in ("data/train", "data/validation", "data/extra"):
        make_folder(part, {"cat": 2, "dog": 2})
    with pytest.raises(ValueError, match=r"others beside them: .*extra"):
        load_pair(tmp_path / "data")


def test_train_and_test_alone_split_train(make_folder, tmp_path):
    make_folder("data/train", {"cat": 5, "dog": 5})
    make_folder("data/test", {"cat": 1, "dog": 1})
    train, validation = load_pair(tmp_path / "data", seed=0)
    assert (train.size, validation.size) == (8, 2)


def test_a_class_called_train(make_folder):
    folder = make_folder(counts={"train": 5, "plane": 5})
    assert load_pair(folder, seed=0)[0].targets.class_names == ("plane", "train")


def test_short_work_shows_no_progress(make_folder, capsys):
    load(make_folder())
    assert capsys.readouterr() == ("", "")


def test_multi_label_folder_gives_rows(make_folder):
    data = load(make_folder(counts={"a": 1, "b": 2}), multi_label=True)
    assert data.targets.labels.tolist() == [[1, 0], [0, 1], [0, 1]]
    assert data.targets.labels.dtype == np.float32


def test_a_link_to_the_folder_above_brings_no_other_class(make_folder):
    folder = make_folder()
    (folder / "cat/up").symlink_to(folder)
    assert load(folder).targets.labels.tolist() == [0] * 5 + [1] * 5


def test_a_pipe_is_no_file(make_folder):
    folder = make_folder()
    os.mkfifo(folder / "cat/pipe.jpg")
    with pytest.warns(DataWarning, match=r"pipe\.jpg: unreadable: a pipe"):
        assert load(folder).size == 10


def test_a_folder_that_cannot_be_listed_is_named(make_folder, monkeypatch):
    folder = make_folder()

    def walk(top, *, onerror, followlinks):
        onerror(PermissionError(13, "Permission denied", str(top)))

    monkeypatch.setattr(os, "walk", walk)
    with pytest.raises(PermissionError, match="cat"):
        load(folder)


def test_a_folder_of_other_files_says_what_it_ignored(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.heic").touch()
    with pytest.raises(ValueError, match=r"Ignored: 2 \.heic"):
        load(tmp_path)
