import numpy as np
import pytest
from conftest import picture, save
from PIL import Image

import transferlearn as tl
from tests.loading import load_pair
from transferlearn.data import DataWarning

X = np.arange(40, dtype=np.uint8)[:, None, None, None].repeat(3, axis=-1)


def test_split_is_seeded_and_can_be_left_out(make_folder):
    folder = make_folder(counts={"cat": 10, "dog": 5})
    train, validation = load_pair(folder, validation_split=0.4, seed=1)
    assert np.bincount(train.targets.labels).tolist() == [6, 3]
    assert np.bincount(validation.targets.labels).tolist() == [4, 2]
    assert load_pair(folder, validation_split=0.4, seed=1)[1].names == validation.names
    assert load_pair(folder, validation_split=0.4, seed=2)[1].names != validation.names
    for none in (0, None):
        train, validation = load_pair(folder, validation_split=none)
        assert (train.size, validation) == (15, None)


def test_validation_has_the_size_of_train():
    train, validation = load_pair(
        (X[:4], [0, 1, 0, 1]), (X[4:6].repeat(3, axis=1), [0, 1]), image_size=None
    )
    assert train.image_size == validation.image_size == (1, 1)


def test_one_class():
    with pytest.raises(ValueError, match=r"One class only, \['0'\]"):
        load_pair((X, [0] * 40))


def test_empty_classes(make_folder):
    folder = make_folder()
    (folder / "owl").mkdir()
    (folder / "emu").mkdir()
    with pytest.raises(ValueError, match="No image of classes 'emu', 'owl'"):
        load_pair(folder)
    (folder / "owl/0.png").touch()
    save(folder / "emu/0.png", picture(99))
    with (
        pytest.warns(DataWarning),
        pytest.raises(ValueError, match=r"(?s)No image of class 'owl'.*owl/0.png: empty"),
    ):
        load_pair(folder)
    with pytest.raises(ValueError, match="No image of class '2'"):
        load_pair((X, np.eye(3)[np.arange(40) % 2]))


def test_multi_label_classes():
    rows = np.zeros((40, 3))
    rows[:20, 0] = 1
    with pytest.raises(ValueError, match="No image of classes '1', '2'"):
        load_pair((X, rows), multi_label=True)
    rows[0, 1:] = 1
    with pytest.warns(DataWarning, match="Validation has no image of classes '1', '2'"):
        load_pair((X, rows), (X[30:31] + 100, rows[5:6]), multi_label=True)


def test_fewer_images_than_classes():
    soft = np.full((2, 3), 1 / 3)
    with pytest.raises(ValueError, match=r"Fewer images \(2\) than classes \(3\)"):
        load_pair((X[:2], soft))


def test_classes_that_differ(make_folder, tmp_path):
    folder = make_folder(counts={"cat": 2, "dog": 2, "owl": 2})
    make_folder("other", {"cat": 1, "dog": 1, "emu": 1}, first=20)
    with pytest.raises(
        ValueError, match=r"Only in train: class 'owl'. Only in validation: class 'emu'"
    ):
        load_pair(folder, tmp_path / "other")
    make_folder("less", {"cat": 1, "dog": 1}, first=30)
    with pytest.raises(ValueError, match="Only in train: class 'owl'"):
        load_pair(folder, tmp_path / "less")
    with pytest.raises(ValueError, match="Validation has no image of class 'owl'"):
        load_pair(folder, tmp_path / "less", class_names=["cat", "dog", "owl"])
    with pytest.raises(ValueError, match="differ"):
        load_pair(folder, (X[:3], [0, 1, 2]))
    named = load_pair(folder, (X[:3], [0, 1, 2]), class_names=["cat", "dog", "owl"])
    assert named[1].targets.labels.tolist() == [0, 1, 2]


def test_a_class_of_one_image_stays_in_train(make_folder):
    with pytest.warns(DataWarning, match="Validation has no image of class 'owl'"):
        train, _ = load_pair(make_folder(counts={"cat": 5, "owl": 1}), seed=0)
    assert train.targets.labels.tolist().count(1) == 1


def test_images_in_both_are_named(make_folder, tmp_path):
    folder = make_folder(counts={"cat": 5, "dog": 5})
    make_folder("other", {"cat": 1, "dog": 1}, first=20)
    save(tmp_path / "other/cat/again.tiff", picture(1))
    with pytest.warns(DataWarning) as caught:
        tl.data.load_pair(folder, tmp_path / "other")
    assert len(caught) == 1
    assert "1 times" in str(caught[0].message)
    assert f"{folder}/cat/1.png = {tmp_path}/other/cat/again.tiff" in str(caught[0].message)
    assert caught[0].filename == __file__


def test_many_pairs_are_cut():
    with pytest.warns(DataWarning, match=r"40 times(?s:.*)image 9 = image 9\n  and 30 more"):
        load_pair((X, np.arange(40) % 2), (X, np.arange(40) % 2))


def test_the_same_image_twice_in_train_is_nothing(recwarn):
    y = [0, 0, 1, 1] * 2 + [0, 1]
    load_pair((X[[0, 0, 1, 1, 2, 3, 4, 5, 6, 7]], y), (X[8:10], [0, 1]))
    assert len(recwarn) == 0


def test_a_stream_is_not_split():
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices((X, np.arange(40) % 2)).batch(8)
    with pytest.warns(DataWarning, match="cannot be split"):
        train, validation = load_pair(dataset)
    assert (train.size, validation) == (40, None)
    assert load_pair(dataset, validation_split=0)[1] is None


def test_classes_of_one_image_leave_nothing_to_validate_on(make_folder):
    with pytest.warns(DataWarning, match="No class has two images"):
        train, validation = load_pair(make_folder(counts={"cat": 1, "dog": 1}))
    assert (train.size, validation) == (2, None)


@pytest.mark.filterwarnings("ignore:1 times the same content has several classes")
def test_one_image_many_times_is_listed_once_for_each_of_validation():
    black, y = np.zeros((100, 1, 1, 3), np.uint8), np.arange(100) % 2
    with pytest.warns(DataWarning, match=r"(?s)10 times.*\(and 99 more of train\)"):
        load_pair((black, y), (black[:10], y[:10]))
    with pytest.warns(DataWarning) as caught:
        train, validation = load_pair((black, y))
    assert (train.size, validation) == (100, None)
    several, lone = (str(warning.message) for warning in caught[:2])
    assert "image 0 (0) = image 1 (1)" in several
    assert "each line is one group of images" in lone
    assert "50 images, such as image 1" in lone


def test_a_share_that_is_no_number():
    with pytest.raises(ValueError, match=r"between 0 and 1\. Received: '0\.2'"):
        load_pair((X, np.arange(40) % 2), validation_split="0.2")


def test_near_copies_in_both_are_named(tmp_path):
    for part, seeds in (("train", range(8)), ("validation", range(20, 26))):
        for i in seeds:
            image = picture(i, (9, 8)).resize((72, 64), Image.Resampling.BICUBIC)
            save(tmp_path / part / f"c{i % 2}" / f"{i}.png", image)
    copy = tmp_path / "validation/c1/copy.jpg"
    Image.open(tmp_path / "train/c1/3.png").save(copy, quality=80)
    with pytest.warns(DataWarning, match=r"(?s)Nearly the same .* 1 times.*3\.png ~ .*copy\.jpg"):
        load_pair(tmp_path)
    copy.unlink()
    load_pair(tmp_path)
