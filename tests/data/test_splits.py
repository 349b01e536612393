"""The split is a function of content: order, paths and restarts do not matter."""

from contextlib import nullcontext

import numpy as np
import pytest
from conftest import picture, save
from PIL import Image
from sklearn.datasets import load_sample_image

from tests.loading import load, load_pair
from transferlearn.data import Characters, DataWarning, Reading, Texts
from transferlearn.data import load_pair as load_pair_as

pytestmark = pytest.mark.core
N = 60
X = np.random.default_rng(0).integers(0, 256, (N, 12, 10, 3), dtype=np.uint8)
Y = np.arange(N) % 3


def contents(dataset):
    return sorted(dataset.content_hashes())


def test_the_order_of_an_array_does_not_matter():
    order = np.random.default_rng(1).permutation(N)
    first, again = (load_pair(pair)[1] for pair in ((X, Y), (X[order], Y[order])))
    assert first.size == 6
    assert contents(first) == contents(again)
    assert contents(first) == contents(load_pair((X.astype("float32"), Y), seed=0)[1])
    assert contents(first) != contents(load_pair((X, Y), seed=1)[1])


def test_names_of_files_and_the_order_of_a_table_do_not_matter(make_folder, tmp_path):
    folder = make_folder(counts={"cat": 20, "dog": 20})
    first = load_pair(folder)[1]
    for i, path in enumerate(sorted(folder.rglob("*.png"))):
        new = tmp_path / "moved" / path.parent.name / f"{(i * 7) % 40:02}.png"
        new.parent.mkdir(parents=True, exist_ok=True)
        path.rename(new)
    paths = sorted((tmp_path / "moved").rglob("*.png"), reverse=True)
    lines = ["path,label", *(f"{path},{path.parent.name}" for path in paths)]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    assert contents(first) == contents(load_pair(tmp_path / "moved")[1])
    assert contents(first) == contents(load_pair(tmp_path / "table.csv")[1])
    assert contents(first) == contents(load_pair(tmp_path / "moved", image_size=(8, 8))[1])


def test_where_items_are_added_few_change_sides():
    x = np.random.default_rng(3).integers(0, 256, (660, 9, 9, 3), dtype=np.uint8)
    y = np.arange(660) % 3
    before = set(contents(load_pair((x[:600], y[:600]))[1]))
    after = set(contents(load_pair((x, y))[1]))
    old = set(contents(load((x[:600], y[:600]))))
    assert len(before ^ (after & old)) < 0.05 * 600
    assert len(before & after) > 0.8 * len(before)


@pytest.mark.filterwarnings("ignore:1 times the same content has several classes")
@pytest.mark.parametrize("seed", range(5))
def test_copies_of_a_file_are_on_one_side(make_folder, seed):
    folder = make_folder(counts={"cat": 20, "dog": 20})
    for i in range(20, 26):
        save(folder / f"cat/{i}.png", picture(99))
    save(folder / "dog/20.bmp", picture(99))
    train, validation = load_pair(folder, validation_split=0.3, seed=seed)
    assert not set(contents(train)) & set(contents(validation))
    copies = contents(load((np.asarray(picture(99))[None], [0]), class_names=["cat", "dog"]))
    sizes = [contents(part).count(copies[0]) for part in (train, validation)]
    assert sorted(sizes) == [0, 7]


@pytest.mark.parametrize("as_array", [False, True])
def test_a_smaller_copy_is_on_the_side_of_its_photo(make_folder, as_array):
    folder = make_folder(counts={"cat": 20, "dog": 20})
    photo = Image.fromarray(load_sample_image("flower.jpg"))
    save(folder / "cat/photo.png", photo)
    save(folder / "cat/copy.jpg", photo.resize((320, 214)), quality=85)
    source = folder
    if as_array:
        paths = sorted(folder.rglob("*.*"))
        pixels = [np.asarray(Image.open(p).resize((64, 48))) for p in paths]
        source = np.stack(pixels), [path.parent.name for path in paths]
        copies = [i for i, path in enumerate(paths) if path.stem in ("photo", "copy")]
    sides = set()
    for seed in range(8):
        for side, part in enumerate(load_pair(source, validation_split=0.4, seed=seed)):
            if as_array:
                known = load(source).content_hashes()
                found = [known[i] in part.content_hashes() for i in copies]
            else:
                found = [f"{folder}/cat/{name}" in part.names for name in ("photo.png", "copy.jpg")]
            assert found[0] == found[1]
            sides |= {side} if found[0] else set()
    assert sides == {0, 1}


def test_flat_images_are_no_copies_of_each_other_and_that_is_said():
    flat = np.arange(40, dtype=np.uint8)[:, None, None, None] * np.ones((1, 9, 9, 3), np.uint8)
    with pytest.warns(DataWarning, match="40 images look alike .* image 0 and image 1") as caught:
        train, validation = load_pair((flat, np.arange(40) % 2), validation_split=0.25)
    assert (train.size, validation.size) == (30, 10)
    assert len(caught) == 1


def test_a_text_is_held_out_by_what_it_says_not_by_its_tokens():
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("abcdefgh "), 25 + 5 * (i % 20))) for i in range(60)]

    def held_out(length, long_texts="truncate"):
        reading = Reading(Texts(Characters(), length, long_texts))
        is_cut = long_texts == "truncate"
        with pytest.warns(DataWarning, match="cut short") if is_cut else nullcontext():
            train, validation = load_pair_as((texts, [i % 2 for i in range(60)]), reading=reading)
        assert not set(train.item_hashes()) & set(validation.item_hashes())
        assert len(validation.item_hashes()) == validation.count == 6
        return set(validation.item_hashes())

    assert held_out(30) == held_out(60) == held_out(30, "split")
