"""All ways to write one set of masks give the same masks; what is broken is named."""

import json
import shutil
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from tests.masks import scenes, write
from transferlearn.data import DataWarning, Images, Masks, PixelIds, load, load_pair
from transferlearn.data.batches import Request
from transferlearn.data.listed import ByAnnotation
from transferlearn.data.loading import Reading
from transferlearn.data.targets.masks import regions
from transferlearn.data.targets.masks.layers import CocoMasks, Layout
from transferlearn.data.targets.masks.regions import RegionError, draw

KIND = Images(image_size=(16, 16))
NAMES = ("background", "car", "road")
# What pycocotools 2.0.11 makes of the mask beside it.
PACKED = "211001080H0210OM12ON051MON23"
UNPACKED = np.array(
    [
        [0, 1, 1, 1, 0, 0, 0, 0, 0],
        [0, 0, 1, 0, 1, 0, 1, 0, 0],
        [1, 1, 1, 1, 1, 1, 1, 1, 0],
        [0, 1, 1, 1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1, 1, 1, 1],
        [0, 1, 0, 1, 0, 0, 1, 0, 1],
        [1, 1, 1, 0, 1, 1, 1, 1, 1],
    ]
)


def runs(mask):
    """The lengths of runs of pixels outside, inside, outside and so on, down the columns."""
    flat = np.concatenate([[0], mask.T.ravel(), [2]])
    places = np.flatnonzero(np.diff(flat.astype(int)))
    return np.diff(np.concatenate([[0], places])).tolist()


def polygons(mask):
    """A rectangle for each of the blocks of 8 x 8 pixels that the masks are made of."""
    found = []
    for y, x in np.argwhere(mask[::8, ::8]) * 8:
        found.append([int(part) for part in (x, y, x + 8, y, x + 8, y + 8, x, y + 8)])
    return found


def coco(folder, masks, region):
    """Writes a COCO file beside `images/`; void is a category of its own."""
    categories = [(3, "car", 1), (7, "road", 2), (9, "void", 255)]
    names = [path.relative_to(folder / "images").as_posix() for path in photos_of(folder)]
    images = [
        {"id": f"i{i}", "file_name": name, "height": 32, "width": 32}
        for i, name in enumerate(names)
    ]
    annotations = [
        {"id": 10 * i + c, "image_id": f"i{i}", "category_id": c, "segmentation": region(mask == v)}
        for i, mask in enumerate(masks)
        for c, _, v in categories
        if (mask == v).any()
    ]
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": c, "name": name} for c, name, _ in categories],
    }
    path = folder / "labels" / "instances.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def photos_of(folder):
    return sorted((folder / "images").rglob("*.jpg"))


def by_class(folder, masks):
    """Writes a file for each class, below a folder of its name."""
    for path, mask in zip(photos_of(folder), masks, strict=True):
        for name, value in (("car", 1), ("road", 2), ("void", 255)):
            if (mask == value).any():
                file = folder / "masks" / name / path.relative_to(folder / "images")
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.where(mask == value, 255, 0).astype("uint8")).save(
                    file.with_suffix(".png")
                )
    return folder


@pytest.fixture(scope="module")
def drawn():
    """Photos with masks of three classes, in which a block each is void."""
    images, masks = scenes(8)
    masks[::2, 8:16, :8] = 255
    return images, masks


@pytest.fixture(scope="module")
def versions(drawn, tmp_path_factory):
    """The same photos and masks, written in all ways."""
    images, masks = drawn
    root = tmp_path_factory.mktemp("versions")
    ids = write(root / "ids", images, masks)
    palette = write(root / "palette", images, np.where(masks == 255, 4, masks).astype("uint8"))
    for path in (palette / "masks").rglob("*.png"):
        with Image.open(path) as mask:
            painted = mask.convert("P")
        painted.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 9, 9, 9, 255, 0, 255])
        painted.save(path)
    files = write(root / "files", images, masks)
    for path in (files / "masks").rglob("*.png"):
        path.unlink()
    table = [
        {"photo": str(path), "mask": str(ids / "masks" / path.relative_to(ids / "images"))[:-3]}
        for path in photos_of(ids)
    ]
    frame = pandas.DataFrame(table).assign(mask=lambda t: t["mask"] + "png")
    frame.map(lambda path: Path(path).relative_to(ids).as_posix()).to_csv(
        ids / "table.csv", index=False
    )
    pairs = list(frame.itertuples(index=False, name=None))
    plain = Masks(NAMES)
    return {
        "ids": (ids, plain),
        "another void": (palette, Masks(NAMES, void=4)),
        "a colour as void": (palette, Masks(NAMES, void="magenta")),
        "class folders": (by_class(files, masks), Masks()),
        "class folders, named": (files, plain),
        "run lengths": (coco(ids, masks, lambda m: {"size": [32, 32], "counts": runs(m)}), Masks()),
        "polygons": (coco(files, masks, polygons), plain),
        "a table": (ids / "table.csv", plain),
        "a frame": (frame, plain),
        "pairs": (pairs, plain),
        "arrays": ((images, masks), plain),
    }


def test_all_versions_give_the_same_masks(versions, drawn):
    _, masks = drawn
    seen = np.where(masks == 255, -1, masks.astype(int))
    expected = np.bincount(masks[masks < 255]) / (masks < 255).sum()
    for name, (source, target) in versions.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error", DataWarning)
            data = load(source, Images(image_size=(32, 32)), target)
        ids = PixelIds(data.targets.values)(data.targets[np.arange(8)]).targets
        np.testing.assert_array_equal(ids, seen, err_msg=name)
        assert data.targets.class_names == NAMES, name
        np.testing.assert_allclose(data.targets.shares, expected, err_msg=name)
        assert "car" in data.targets.summary()


def test_one_class_has_one_folder_and_no_more(drawn, tmp_path):
    images, masks = drawn
    folder = write(tmp_path / "photos", images, masks)
    for path in (folder / "masks").rglob("*.png"):
        path.unlink()
    by_class(folder, masks)
    (folder / "masks" / "car" / "0.png").unlink()
    (folder / "masks" / "road" / "0.png").unlink()
    (folder / "masks" / "void" / "0.png").unlink()
    Image.new("L", (9, 9)).save(folder / "masks" / "car" / "1.png")
    smooth = np.linspace(0, 255, 1024).astype("uint8").reshape(32, 32)
    Image.fromarray(smooth).save(folder / "masks" / "car" / "2.png")
    Image.new("L", (32, 32)).save(folder / "masks" / "car" / "nobody.png")
    Image.new("L", (32, 32), 1).save(folder / "masks" / "road" / "3.png")
    with pytest.warns(DataWarning) as said:
        data = load(folder, KIND, Masks())
    text = "\n".join(str(one.message) for one in said)
    for line in (
        "0.jpg: no mask of this name in any class folder",
        "another size than the files of other classes",
        "the file of one class has 0 and one other",
        "1 mask without a photo",
        "In 1 of 8 masks classes overlap",
    ):
        assert line in text
    assert data.size == 5
    (folder / "masks" / "car" / "nobody.png").unlink()
    with pytest.raises(ValueError, match="classes car, road, which are not in class_names: a, b"):
        load(folder, KIND, Masks(["a", "b"]))
    with pytest.warns(DataWarning) as said:
        load(folder, KIND, Masks(["road", "car", "Background"]))
    text = "\n".join(str(one.message) for one in said)
    assert "have no 'background', so pixels of no class are void" in text


def test_where_regions_overlap_the_smaller_one_counts(tmp_path):
    folder = write(tmp_path / "photos", *scenes(2))
    large, small = [0, 0, 32, 0, 32, 32, 0, 32], [4, 4, 12, 4, 12, 12, 4, 12]

    path = coco(folder, scenes(2)[1] * 0 + 1, lambda mask: [large])
    content = json.loads(path.read_text())
    content["annotations"].insert(
        0, {"id": 1, "image_id": "i0", "category_id": 7, "segmentation": [small]}
    )
    path.write_text(json.dumps(content))
    with pytest.warns(DataWarning, match="In 1 of 2 masks classes overlap"):
        data = load(path, Images(image_size=(32, 32)), Masks())
    # Of the background no pixel is left over: it is no class.
    assert data.targets.class_names == ("car", "road")
    first = data.targets[np.array([0])][0]
    assert (first[4:12, 4:12] == 2).all()
    assert (first == 2).sum() == 64


def test_classes_to_validate_on_have_the_same_names(tmp_path):
    images, masks = scenes(8)
    photos = {"train": images, "other": scenes(8, seed=1)[0]}
    parts = [write(tmp_path / name, shown, masks) for name, shown in photos.items()]
    for part in parts:
        for path in (part / "masks").rglob("*.png"):
            path.unlink()
    by_class(parts[0], masks)
    by_class(parts[1], np.where(masks == 1, 0, masks))
    with pytest.raises(ValueError, match=r"class_names=\['background', 'car', 'road'\]"):
        load_pair(parts[0], parts[1], Reading(KIND, Masks()))
    pair = load_pair(parts[0], parts[1], Reading(KIND, Masks(NAMES)))
    assert set(np.unique(pair.validation.targets[np.arange(8)])) == {0, 2}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_id": "i9"}, "1 annotation of an image id that no image has"),
        ({"category_id": 8}, "has the category 8, which the file does not list"),
        ({"segmentation": [[0, 0, 90, 0, 90, 9]]}, "outside the image of 32 x 32 pixels"),
        ({"segmentation": [[0, 0, float("nan"), 0, 9, 9]]}, "outside the image"),
        ({"segmentation": [[0, 0, 9, 9]]}, "at least three corners"),
        ({"segmentation": [["a", "b"] * 3]}, "something else than numbers"),
        ({"segmentation": [["1", "2"] * 3]}, "something else than numbers"),
        ({"segmentation": {"size": [32, 32], "counts": [10**18, 5]}}, "do not add up to 32 x 32"),
        ({"segmentation": {"size": [32, 32], "counts": [-1, 1025]}}, "no whole numbers of 0 or"),
        ({"segmentation": {"size": [10**9, 10**9], "counts": [1]}}, "run lengths are for"),
        ({"segmentation": {"size": [32, 32], "counts": "ooooooooooooooooo"}}, "are damaged"),
        ({"segmentation": None}, "neither polygons nor run lengths"),
    ],
)
def test_broken_annotations_are_named(tmp_path, change, said):
    folder = write(tmp_path / "photos", *scenes(3))
    path = coco(folder, scenes(3)[1], polygons)
    content = json.loads(path.read_text())
    content["annotations"][0].update(change)
    path.write_text(json.dumps(content))
    with pytest.warns(DataWarning, match=said):
        load(path, KIND, Masks())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file_name": "../secret.jpg"}, "without '..'"),
        ({"file_name": "..\\secret.jpg"}, "without '..'"),
        ({"file_name": "/etc/passwd"}, "without '..'"),
        ({"file_name": "C:\\secret.jpg"}, "without '..'"),
        ({"file_name": 7}, "without '..'"),
        ({"id": "i1"}, "ids of images must be whole numbers or texts"),
        ({"id": None}, "ids of images must be whole numbers or texts"),
    ],
)
def test_broken_images_of_a_coco_file_are_refused(tmp_path, change, said):
    folder = write(tmp_path / "photos", *scenes(3))
    path = coco(folder, scenes(3)[1], polygons)
    content = json.loads(path.read_text())
    content["images"][0].update(change)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=said):
        load(path, KIND, Masks())


def test_missing_files_and_wrong_sizes_of_a_coco_file_are_named(tmp_path):
    folder = write(tmp_path / "photos", *scenes(5))
    path = coco(folder, scenes(5)[1], polygons)
    content = json.loads(path.read_text())
    content["images"][0]["file_name"] = "not-there.jpg"
    content["images"][1]["height"] = 40
    content["images"][2]["height"] = 10**12
    content["images"][3]["width"] = "32"
    path.write_text(json.dumps(content))
    with pytest.warns(DataWarning) as said:
        data = load(path, KIND, Masks())
    text = "\n".join(str(one.message) for one in said)
    assert data.size == 1
    for line in (
        "not-there.jpg: unreadable: No such file",
        "32 x 32 pixels high and wide, its mask 40 x 32",
        "1000000000000 x 32 pixels, over",
        "the height 32 and the width '32'",
    ):
        assert line in text


@pytest.mark.parametrize("place", ["annotations.json", "images/x.json", "annotations/x.json"])
def test_a_folder_with_a_coco_file_in_it_is_read(tmp_path, place):
    images, masks = scenes(5)
    folder = write(tmp_path / "photos", images, masks)
    shutil.rmtree(folder / "masks")
    file = folder / place
    file.parent.mkdir(exist_ok=True)
    coco(folder, masks, polygons).rename(file)
    shutil.rmtree(folder / "labels")
    source = folder if place != "images/x.json" else folder / "images"  # beside the photos
    found = load(source, KIND, Masks())
    assert found.size == 5
    assert found.targets.class_names == NAMES
    told = (one.targets[np.arange(5)] for one in (found, load(file, KIND, Masks())))
    np.testing.assert_array_equal(*told)
    file.with_name("y.json").write_text("{}")
    with pytest.raises(ValueError, match=r"holds 2 .json files(.|\n)*/y.json"):
        load(source, KIND, Masks())


def test_parts_with_a_coco_file_in_each_are_read(tmp_path):
    for seed, part in enumerate(("train", "valid")):
        images, masks = scenes(5, seed=seed)
        folder = write(tmp_path / part, images, masks)
        shutil.rmtree(folder / "masks")
        coco(folder, masks, polygons).rename(folder / "images" / "_annotations.coco.json")
        for path in [*(folder / "images").iterdir()]:
            path.rename(folder / path.name)
        for empty in ("images", "labels"):
            (folder / empty).rmdir()
    pair = load_pair(tmp_path, reading=Reading(KIND, Masks()))
    assert (pair.train.size, pair.validation.size) == (5, 5)
    assert pair.train.targets.class_names == pair.validation.targets.class_names == NAMES


def test_regions_of_a_coco_file_may_overlap(tmp_path):
    images, masks = scenes(5)
    masks[0, :8, :8] = 255
    folder = write(tmp_path / "photos", images, masks)
    path = coco(folder, masks, polygons)
    content = json.loads(path.read_text())
    whole = [[0, 0, 32, 0, 32, 32, 0, 32]]
    content["annotations"].append(
        {"id": 99, "image_id": "i1", "category_id": 7, "segmentation": whole}
    )
    path.write_text(json.dumps(content))
    found = load(path, Images(image_size=(32, 32)), Masks(multi_label=True))
    assert found.targets.class_names == ("car", "road")
    layers = np.stack([masks == 1, masks == 2], axis=-1).astype("uint8")
    layers[0, :8, :8] = 255
    layers[1, ..., 1] = 1
    np.testing.assert_array_equal(found.targets[np.arange(5)], layers)


def test_where_masks_may_be_is_said(tmp_path):
    with pytest.raises(ValueError, match="folder with images/ and masks/, or a COCO file"):
        load(tmp_path, KIND, Masks())
    with pytest.raises(FileNotFoundError, match="folder with images/ and masks/, or a COCO file"):
        load(tmp_path / "none", KIND, Masks())
    with pytest.raises(ValueError, match=r"^None of the \d images in The list of images|list of"):
        load((scenes(3)[0], scenes(3)[0]), KIND, Masks())


def test_what_is_no_coco_file_is_said(tmp_path):
    path = tmp_path / "labels.json"
    for content, said in (
        ("{", "no JSON that can be read"),
        ("[" * 100_000, "no JSON that can be read"),
        ("[]", "it holds a list"),
        ('{"images": 3}', "images is 3"),
        ('{"images": [], "categories": [], "annotations": []}', "lists no images"),
        (
            '{"images": [], "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}',
            "categories need names",
        ),
    ):
        path.write_text(content)
        with pytest.raises(ValueError, match=said):
            load(path, KIND, Masks())


def test_regions_are_drawn_by_the_centres_of_pixels():
    box = draw([10, 10, 20, 10, 20, 25, 10, 25], (100, 100))
    assert (box.top, box.left, box.inside.shape) == (10, 10, (15, 10))
    assert box.inside.all()
    # A corner on the border, or a hair beyond it, is inside.
    edge = draw([0, 0, 8.4, 0, 8.4, 8, 0, 8], (8, 8))
    assert edge.inside.all()
    hook = draw([0, 0, 6, 0, 6, 2, 2, 2, 2, 6, 0, 6], (8, 8))
    assert hook.inside.sum() == 20
    packed = draw({"size": [7, 9], "counts": PACKED}, (7, 9))
    np.testing.assert_array_equal(packed.inside, UNPACKED)
    with pytest.raises(RegionError, match="damaged"):
        draw({"size": [7, 9], "counts": "\u00e9"}, (7, 9))


def crossings_by_hand(corners, size):
    """The pixels inside a polygon: an odd number of edges lies left of their centre."""
    x, y = np.asarray(corners[::2]), np.asarray(corners[1::2])
    edges = list(zip(x, y, np.roll(x, -1), np.roll(y, -1), strict=True))
    inside = np.zeros(size, bool)
    for row in range(size[0]):
        middle = row + 0.5
        crossed = [e for e in edges if min(e[1], e[3]) <= middle < max(e[1], e[3])]
        at = [x0 + (middle - y0) * (x1 - x0) / (y1 - y0) for x0, y0, x1, y1 in crossed]
        for column in range(size[1]):
            inside[row, column] = sum(cut - 0.5 <= column for cut in at) % 2
    return inside


@pytest.mark.parametrize("seed", range(40))
def test_polygons_of_any_form_are_drawn_as_by_hand(seed, monkeypatch):
    monkeypatch.setattr(regions, "_AT_ONCE", (7, 2**17)[seed % 2])
    random = np.random.default_rng(seed)
    size = tuple(map(int, random.integers(1, 24, 2)))
    corners = random.uniform(-1, np.add(size[::-1], 1), (random.choice([3, 5, 30]), 2))  # crossing
    if seed % 3 == 0:  # through centres, along borders, twice at a place
        corners = np.round(2 * corners) / 2
    patch = draw(corners.ravel().tolist(), size)
    found = np.zeros(size, bool)
    patch.of(found)[:] = patch.inside
    np.testing.assert_array_equal(found, crossings_by_hand(corners.ravel().tolist(), size))


def test_many_large_polygons_take_no_more_memory_than_a_few_masks():
    random, side = np.random.default_rng(0), 1200
    annotations = [
        {"category_id": i % 3, "segmentation": [random.uniform(0, side, 60).tolist()]}
        for i in range(30)
    ]
    names = [f"c{i}" for i in range(3)]
    told = ByAnnotation(dict(enumerate(names)), [(side, side)], [annotations])
    masks = CocoMasks(told, Layout.of(names, None, None, None, several=False))
    tracemalloc.start()
    found = masks.mask(0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 15 * side**2
    # Kept or drawn again, the layers are put together alike: the smallest comes last.
    patches = [draw(one["segmentation"][0], (side, side)) for one in annotations]
    expected = np.zeros((side, side), "uint8")
    for i in sorted(range(30), key=lambda i: -patches[i].inside.sum()):
        patches[i].of(expected)[patches[i].inside] = 1 + i % 3
    np.testing.assert_array_equal(found, expected)
    assert masks.overlapping == {0}


def test_a_polygon_that_crosses_every_row_again_and_again_is_refused():
    def zigzag(corners, side):
        x, y = np.linspace(0, side, corners), np.tile([0, side], corners // 2)
        return np.stack([x, y], axis=1).ravel().tolist()

    assert draw(zigzag(120, 30), (30, 30)).inside.any()
    with pytest.raises(RegionError, match="of 200 corners crosses itself all over the image"):
        draw(zigzag(200, 30), (30, 30))


def test_more_regions_than_a_picture_can_have_are_refused_by_their_number():
    cover = {"category_id": 0, "segmentation": [[0, 0, 20, 0, 20, 20, 0, 20]]}
    layout = Layout.of(["a"], None, None, None, several=False)

    def masks(count):
        annotations = [{"id": i, **cover} for i in range(count)]
        return CocoMasks(ByAnnotation({0: "a"}, [(20, 20)], [annotations]), layout)

    assert masks(1000).mask(0).all()
    said = masks(1001).examine(0).reason
    assert "annotation 1000 is one too many: 1,001 regions cover 400,400 pixels together" in said
    assert "20 x 20" in said


@pytest.mark.full
def test_compressed_run_lengths_are_those_of_pycocotools():
    coco_masks = pytest.importorskip("pycocotools.mask")
    for seed in range(100):
        rng = np.random.default_rng(seed)
        shape = tuple(map(int, rng.integers(1, 200, 2)))
        mask = (rng.random(shape) < rng.choice([0, 0.01, 0.5, 1])).astype("uint8")
        counts = coco_masks.encode(np.asfortranarray(mask))["counts"].decode()
        found = draw({"size": list(shape), "counts": counts}, shape)
        np.testing.assert_array_equal(found.inside, mask)


def test_a_colour_that_is_no_colour_is_refused():
    with pytest.raises(ValueError, match="unknown color"):
        Masks(void="of no colour")
    with pytest.raises(ValueError, match="from 0 to 255, a colour such as"):
        Masks(void=300)


def test_a_stream_gives_its_masks(drawn):
    tf = pytest.importorskip("tensorflow")
    images, masks = drawn
    source = tf.data.Dataset.from_tensor_slices((images, masks[..., None]))
    for stream in (source, source.batch(3)):
        data = load(stream, KIND, Masks(NAMES))
        assert data.targets.class_names == NAMES
        assert data.size == 8
        other = load((images, masks), KIND, Masks(NAMES))
        np.testing.assert_array_equal(data.targets.shares, other.targets.shares)
        batches = data.requested(Request(4, PixelIds(data.targets.values)))
        found = np.concatenate([ids for _, ids in batches.as_numpy_iterator()])
        expected = PixelIds(other.targets.values)(other.targets[np.arange(8)]).targets
        np.testing.assert_array_equal(found, expected)
    odd = tf.data.Dataset.from_tensor_slices((images, masks[:, :16])).batch(4)
    data = load(odd, KIND, Masks(NAMES))
    with pytest.raises(Exception, match="32 x 32 pixels with masks of 16 x 32"):
        next(data.requested(Request(4, PixelIds(data.targets.values))).as_numpy_iterator())
