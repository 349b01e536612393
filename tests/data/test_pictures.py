"""Pairs of pictures are found, compared and read by row; good ones are made worse."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import Levels
from tests.pictures import blocks, darker, write
from transferlearn.backbones import registry
from transferlearn.data import (
    DataWarning,
    DegradedImages,
    Images,
    Originals,
    Pictures,
    Pixels,
    load,
    load_pair,
)
from transferlearn.data.batches import Request
from transferlearn.data.excerpts import load_excerpts
from transferlearn.data.iterating import iterate
from transferlearn.data.loading import Reading

pytestmark = pytest.mark.core
KIND = Images(image_size=(16, 16))


class Batches(keras.utils.PyDataset):
    """Yields pairs in batches of 3."""

    def __init__(self, inputs, targets):
        super().__init__()
        self.parts = inputs, targets

    def __len__(self):
        return -(-len(self.parts[0]) // 3)

    def __getitem__(self, i):
        return tuple(part[3 * i : 3 * i + 3] for part in self.parts)


def rows(dataset):
    return dataset.targets[np.arange(dataset.size)]


def items(dataset):
    return dataset.items.start(np.arange(dataset.size))()


def test_a_folder_gives_what_arrays_and_lists_give(tmp_path):
    good = blocks(8)
    folder = write(tmp_path / "pairs", darker(good), good)
    found = load(folder, KIND, Pictures())
    assert [name.rpartition("inputs/")[2] for name in found.names[3:5]] == ["3.jpg", "more/4.jpg"]
    arrays = load((darker(good), good), KIND, Pictures())
    paths = [str(path) for path in sorted((folder / "targets").rglob("*.png"))]
    listed = load((found.names, paths), KIND, Pictures())
    pillow = load((list(darker(good)), [Image.fromarray(one) for one in good]), KIND, Pictures())
    for other in (arrays, listed, pillow):
        np.testing.assert_array_equal(rows(found), rows(other))
        np.testing.assert_array_equal(rows(found), rows(other))  # from memory
    assert rows(found).shape == (8, 16, 16, 3)
    own = load((darker(good), good), Images(), Pictures())
    np.testing.assert_array_equal(rows(own), good)
    taken = found.targets.take(np.array([5, 2]))
    np.testing.assert_array_equal(taken[np.array([0, 1])], rows(found)[[5, 2]])


def test_tables_and_lists_of_pairs_give_what_a_folder_gives(tmp_path):
    good = blocks(6)
    folder = write(tmp_path / "pairs", darker(good), good)
    found = load(folder, KIND, Pictures())
    names = [Path(name).relative_to(folder) for name in found.names]
    targets = [Path("targets", *name.parts[1:]).with_suffix(".png") for name in names]
    frame = pandas.DataFrame({"photo": map(str, names), "target": map(str, targets)})
    frame.to_csv(folder / "table.csv", index=False)
    whole = frame.map(lambda name: str(folder / name))
    read_whole = load(folder, Images(image_size=(32, 32)), Pictures())
    sources = {
        "table": folder / "table.csv",
        "frame": whole.assign(sample_weight=1.0),
        "two columns": whole.set_axis(["before", "after"], axis=1),
        "pairs": list(whole.itertuples(index=False, name=None)),
        "pictures": whole[["photo"]].assign(target=[*good]),
        "only pictures": pandas.DataFrame({"path": [*items(read_whole)], "target": [*good]}),
    }
    for name, source in sources.items():
        if name == "frame":
            source = source.rename(columns={"photo": "path"})
        read = load(source, KIND, Pictures())
        np.testing.assert_array_equal(items(read), items(found), err_msg=name)
        np.testing.assert_array_equal(rows(read), rows(found), err_msg=name)
    without = whole.assign(target=whole["target"].where(whole.index != 1))
    with pytest.warns(DataWarning, match=r"1\.jpg: no target of the same name"):
        missing = load(without, KIND, Pictures())
    assert missing.size == 5
    kind = DegradedImages(image_size=(16, 16), degradation=tl.data.denoise())
    for columns in (["target"], ["photo", "target"]):
        frame.rename(columns={"target": "path"}).iloc[:, -len(columns) :].to_csv(
            folder / "good.csv", index=False
        )
        good_ones = load(folder / "good.csv", kind, Originals())
        np.testing.assert_array_equal(rows(good_ones), rows(found))
    with pytest.raises(ValueError, match=r"call one path\. Received"):
        load(frame.assign(more=1), kind, Originals())


@pytest.mark.filterwarnings("ignore:All values")  # that they are taken as divided by 255
@pytest.mark.parametrize("divided", [False, True])
def test_a_stream_gives_its_pairs(divided):
    tf = pytest.importorskip("tensorflow")
    good = blocks(8, size=48)
    small = good[:, ::2, ::2]
    given = [part / np.float32(255) if divided else part for part in (small, good)]
    source = tf.data.Dataset.from_tensor_slices(tuple(given))
    expected = load((small, good), KIND, Pictures())
    for stream in (source, source.batch(3), Batches(*given)):
        data = load(stream, KIND, Pictures())
        assert (data.targets.scale, data.targets.size) == (2, (32, 32))
        read = list(iterate(data.requested(Request(4, Pixels()))))
        for column, wanted in enumerate((items(expected), rows(expected))):
            found = np.concatenate([batch[column] for batch in read])
            np.testing.assert_allclose(found, wanted, atol=1 if divided else 0)
    for other, said in (
        (tf.data.Dataset.from_tensor_slices((small, good[:, :40])), "nor a whole multiple"),
        (tf.data.Dataset.from_tensor_slices((small, np.arange(8))), "arrays of"),
        (source.take(1).concatenate(source.map(lambda x, y: (x, x))), "targets were 2 times"),
        (source.map(lambda x, y: (x, tf.cast(y, "float32") * 3 - 9)), "must hold raw pixels"),
    ):
        with pytest.raises(Exception, match=said):
            list(iterate(load(other, KIND, Pictures()).requested(Request(1, Pixels()))))
    kind = DegradedImages(image_size=(16, 16), degradation=tl.data.denoise())
    with pytest.raises(ValueError, match="leave the degradation out"):
        load(source.map(lambda x, y: y), kind, Originals())


def test_targets_are_a_whole_multiple_of_what_goes_in():
    good = blocks(4, size=48)
    found = load((good[:, ::3, ::3], good), KIND, Pictures())
    assert found.targets.scale == 3
    assert rows(found).shape == (4, 48, 48, 3)
    np.testing.assert_array_equal(rows(found), good)
    assert rows(found.resized((8, 8))).shape == (4, 24, 24, 3)
    assert "3 times as large" in found.targets.summary()


def test_sizes_may_differ_from_pair_to_pair():
    good = [blocks(1, size=size, seed=size)[0] for size in (32, 40, 48)]
    small = [one[::2, ::2] for one in good]
    found = load((small, good), KIND, Pictures())
    assert found.targets.scale == 2
    np.testing.assert_array_equal(rows(found)[0], good[0])


def test_bad_pairs_are_named(tmp_path):
    good = blocks(10)
    folder = write(tmp_path / "pairs", darker(good), good)
    (folder / "targets" / "0.png").unlink()
    Image.fromarray(good[1][:20]).save(folder / "targets" / "1.png")
    Image.fromarray(good[2]).resize((64, 64)).save(folder / "targets" / "2.png")
    (folder / "targets" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.fromarray(good[0]).save(folder / "targets" / "lone.png")
    with pytest.warns(DataWarning) as told:
        found = load(folder, KIND, Pictures())
    said = "\n".join(str(one.message) for one in told)
    assert "1 target without an input, not used" in said
    for reason in (
        "0.jpg: no target of the same name",
        "1.jpg: the input is 32 x 32 pixels high and wide, its target 20 x 32",
        "2.jpg: its target is 2 times as large, where ",
        "3.jpg: its target",
        "3.png: not an image",
    ):
        assert reason in said
    assert found.size == 6
    np.testing.assert_array_equal(
        rows(found), rows(load((darker(good[4:]), good[4:]), KIND, Pictures()))
    )


def test_pictures_that_are_their_own_targets_are_named():
    good = blocks(6)
    mixed = np.concatenate([good[:1], darker(good[1:])])
    reading = Reading(KIND, Pictures())
    with pytest.warns(DataWarning, match="1 picture equal to its target:\n  image 0"):
        load_pair((mixed, good), reading=reading, validation_split=0)
    with pytest.raises(ValueError, match="nothing to learn: each picture"):
        load_pair((good, good), reading=reading, validation_split=0)


def test_what_is_no_pairs_is_refused(tmp_path):
    good = blocks(2)
    write(tmp_path / "pairs", good, good)
    (tmp_path / "pairs" / "targets").rename(tmp_path / "pairs" / "outputs")
    with pytest.raises(ValueError, match=r"There is no folder .*targets"):
        load(tmp_path / "pairs", KIND, Pictures())
    with pytest.raises(ValueError, match=r"No image in .*inputs: .* alone, name what makes"):
        load(tmp_path, KIND, Pictures())
    with pytest.raises(TypeError, match=r"Received: ndarray\. To learn from good pictures alone"):
        load(good, KIND, Pictures())
    with pytest.raises(ValueError, match="y\\[1\\] holds NaN"):
        load((good, [good[0], np.full((32, 32, 3), np.nan)]), KIND, Pictures())
    kind = DegradedImages(image_size=(16, 16), degradation=tl.data.denoise())
    for pairs in ((good, good), [("a.png", "b.png")]):
        with pytest.raises(TypeError, match=r"give x alone, and no \(x, y\)"):
            load(pairs, kind, Originals())


@pytest.mark.parametrize(
    "degradation",
    [
        tl.data.super_resolution(2),
        tl.data.denoise(0.1),
        tl.data.colourise(),
        tl.data.inpaint(0.3),
    ],
)
def test_degraded_pictures_depend_on_their_content_alone(degradation, tmp_path):
    good = blocks(6)
    kind = DegradedImages(image_size=None, degradation=degradation)
    found = load(good, kind, Originals())
    np.testing.assert_array_equal(rows(found), good)
    worse = items(found)
    side = 32 // degradation.scale
    assert worse.shape == (6, side, side, 3)
    assert worse.dtype == np.uint8
    assert not np.array_equal(worse, good[:, :: degradation.scale, :: degradation.scale])
    turned = load(good[::-1], kind, Originals())
    np.testing.assert_array_equal(items(turned), worse[::-1])
    write(tmp_path / "photos", good, good)
    files = DegradedImages(image_size=(side, side), degradation=degradation)
    read = load(tmp_path / "photos" / "targets", files, Originals())
    np.testing.assert_array_equal(items(read), worse)
    np.testing.assert_array_equal(rows(read), good)
    again = DegradedImages.load(files.settings(), tmp_path)
    assert again.degradation == degradation
    assert again.image_size == (side, side)


def test_degradations_do_what_they_say():
    good = blocks(1, size=64)[0]
    noisy = tl.data.denoise(0.1)(np.full((64, 64, 3), 128, "uint8"))
    assert noisy.std() == pytest.approx(25.5, rel=0.05)
    assert not np.array_equal(tl.data.denoise(0.1, seed=1)(good), tl.data.denoise(0.1)(good))
    grey = tl.data.colourise()(good)
    expected = np.asarray(Image.fromarray(good).convert("L"))
    np.testing.assert_allclose(grey[..., 0].astype(int), expected, atol=1)
    holes = (tl.data.inpaint(0.3)(good) == (255, 0, 255)).all(axis=-1)
    assert 0.3 <= holes.mean() < 0.5
    small = tl.data.super_resolution(4)(good)
    expected = Image.fromarray(good).resize((16, 16), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(small, expected)


@dataclass(frozen=True)
class Nothing(tl.data.Degradation):
    name = "nothing"

    def __call__(self, picture):
        return picture


@dataclass(frozen=True)
class Wrong(tl.data.Degradation):
    name = "wrong"

    def __call__(self, picture):
        return picture[::2]


def test_degradations_that_cannot_work_are_refused():
    good = blocks(3)
    with pytest.raises(ValueError, match="leaves the pictures as they are"):
        load(good, DegradedImages(degradation=Nothing()), Originals())
    with pytest.raises(ValueError, match=r"must give uint8 of shape \(32, 32, 3\)"):
        load(good, DegradedImages(degradation=Wrong()), Originals())
    with pytest.raises(ValueError, match=r"no multiple of the 3 .*image_size=\(10, 10\)"):
        load(good, DegradedImages(degradation=tl.data.super_resolution(3)), Originals())
    tiny = DegradedImages(degradation=tl.data.super_resolution(40))
    with pytest.raises(ValueError, match=r"32 x 32 pixels .*, fewer than the 40"):
        load(good, tiny, Originals())
    large = DegradedImages(image_size=(20, 20), degradation=tl.data.super_resolution(2))
    with pytest.warns(DataWarning, match="3 of 3 pictures have fewer than the 40 x 40 pixels"):
        load(good, large, Originals())
    with pytest.raises(TypeError, match=r"A degradation is one of tl\.data"):
        DegradedImages(degradation="denoise")
    with pytest.raises(ValueError, match="factor is a whole number of at least 2"):
        tl.data.super_resolution(1)
    with pytest.raises(ValueError, match="colour is red, green and blue"):
        tl.data.inpaint(colour=(0, 0))


@pytest.mark.parametrize("degradation", [None, tl.data.super_resolution(2)])
def test_an_estimate_knows_the_size_of_the_targets_from_a_few_items(sources, degradation):
    registry.register(Levels())
    good = blocks(12)
    builder = tl.ImageToImageBuilder("Levels", degradation=degradation, image_size=(16, 16))
    source = good if degradation else (good[:, ::2, ::2], good)

    sample, held_out = load_excerpts(
        source,
        None,
        builder.reading(),
        validation_split=0.2,
        least_to_split=0,
        seed=0,
        share=lambda items: 0.3,
    )
    assert len(sample.few.items) < sample.size
    assert held_out.size + sample.size == 12
    encoding = builder.task.learn(sample.few.learnt)
    assert (encoding.scale, encoding.size) == (2, (32, 32))
