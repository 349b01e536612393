"""Masks are found, paired, checked and read by row."""

import warnings

import numpy as np
import pytest
from PIL import Image

from tests.masks import scenes, write
from transferlearn.data import DataWarning, Encoded, Images, Masks, PixelIds, load, load_pair
from transferlearn.data.batches import Request
from transferlearn.data.loading import Reading
from transferlearn.data.targets.moving import AsMaps
from transferlearn.data.transforms import Mirrored

pytestmark = pytest.mark.core
KIND = Images(image_size=(16, 16))


@pytest.fixture
def photos(tmp_path):
    images, masks = scenes(8)
    return write(tmp_path / "photos", images, masks)


def rows(dataset):
    return dataset.targets[np.arange(dataset.size)]


def test_a_folder_gives_what_arrays_give(photos):
    images, masks = scenes(8)
    found = load(photos, KIND, Masks())
    assert [name.rpartition("images/")[2] for name in found.names[:5]] == [
        *(f"{i}.jpg" for i in range(4)),
        "more/4.jpg",
    ]
    arrays = load((images, masks), KIND, Masks())
    np.testing.assert_array_equal(rows(found), rows(arrays))
    assert rows(found).shape == (8, 16, 16)
    assert found.targets.class_names == ("0", "1", "2")
    np.testing.assert_allclose(found.targets.shares, np.bincount(masks.ravel()) / masks.size)
    own = load((images, masks), Images(), Masks())
    np.testing.assert_array_equal(rows(own), masks)


def test_palettes_and_binary_masks_hold_the_same_ids(tmp_path):
    images, masks = scenes(4)
    thing = (masks == 2).astype("uint8")
    drawn = {
        "ids": write(tmp_path / "ids", images, thing),
        "palette": write(tmp_path / "palette", images, thing, palette=True),
        "white": write(tmp_path / "white", images, 255 * thing),
        "colour": write(tmp_path / "colour", images, np.repeat(255 * thing[..., None], 3, axis=-1)),
    }
    found = {name: load(folder, KIND, Masks()) for name, folder in drawn.items()}
    ids = {name: PixelIds(data.targets.values)(rows(data)).targets for name, data in found.items()}
    for name in drawn:
        np.testing.assert_array_equal(ids[name], ids["ids"])
    assert found["white"].targets.class_names == ("background", "foreground")
    assert found["white"].targets.void is None


def test_void_is_no_class(photos):
    images, masks = scenes(8)
    masks[:, :4] = 255
    masks[3] = 255
    with pytest.warns(DataWarning, match=r"image 3: all of its mask is void"):
        found = load((images, masks), KIND, Masks(["sky", "road", "car"]))
    assert found.size == 7
    ids = PixelIds(found.targets.values)(rows(found)).targets
    assert (ids[:, :2] == -1).all()
    assert ids[:, 2:].min() == 0
    other = load((images, masks), KIND, Masks(void=None))
    assert other.targets.class_names == ("0", "1", "2", "255")


def test_bad_pairs_are_named(photos):
    (photos / "masks" / "0.png").unlink()
    Image.new("L", (9, 9)).save(photos / "masks" / "1.png")
    Image.new("L", (32, 32), 7).save(photos / "masks" / "2.png")
    (photos / "masks" / "3.png").write_bytes((photos / "masks" / "3.png").read_bytes()[:60])
    Image.new("L", (32, 32)).save(photos / "masks" / "nobody.png")
    with pytest.warns(DataWarning) as said:
        found = load(photos, KIND, Masks(["a", "b", "c"]))
    assert found.size == 4
    text = "\n".join(str(one.message) for one in said)
    assert "1 mask without a photo" in text
    assert "nobody.png" in text
    for line in (
        "0.jpg: no mask of this name",
        "1.jpg: the photo is 32 x 32 pixels high and wide, its mask 9 x 9",
        "2.jpg: its mask has the values 7, which no class has (0, 1, 2 have)",
        "truncated or corrupt",
    ):
        assert line in text
    (photos / "masks" / "nobody.png").unlink()
    with pytest.raises(ValueError, match="4 of 8 images cannot be used"):
        load(photos, KIND, Masks(["a", "b", "c"]), on_error="raise")


def test_masks_of_a_lossy_format_are_refused(photos):
    (photos / "masks" / "1.png").unlink()
    Image.new("L", (32, 32)).save(photos / "masks" / "1.jpg")
    with pytest.raises(
        ValueError, match=r"must be PNG, BMP, GIF or TIFF files: a lossy.*(\n.*)*1.jpg is a JPEG"
    ):
        load(photos, KIND, Masks())


def test_two_masks_of_one_name_are_refused(photos):
    Image.new("L", (32, 32)).save(photos / "masks" / "1.bmp")
    with pytest.raises(ValueError, match=r"Two masks for one photo.*(\n.*)*1.bmp and .*1.png"):
        load(photos, KIND, Masks())


def test_a_photo_turned_by_exif_needs_a_turned_mask(tmp_path):
    folder = tmp_path / "photos"
    images, masks = scenes(3)
    write(folder, images[:, :24], masks[:, :24])
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(folder / "images" / "0.jpg") as photo:
        photo.load()
    photo.save(folder / "images" / "0.jpg", exif=exif)
    with pytest.warns(
        DataWarning, match="its mask 24 x 32; a photo that EXIF turns needs a mask that is"
    ):
        load(folder, KIND, Masks())
    with Image.open(folder / "masks" / "0.png") as mask:
        turned = mask.transpose(Image.Transpose.ROTATE_270)
    turned.save(folder / "masks" / "0.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        assert load(folder, KIND, Masks()).size == 3


def test_what_is_no_mask_is_said():
    images, masks = scenes(4)
    for wrong, said in (
        (masks / 255.0, "no whole numbers"),
        (images, "no colours"),
        (masks.astype("int32") - 1, "values from -1"),
    ):
        with pytest.raises(ValueError, match=said):
            load((images, wrong), KIND, Masks(), on_error="raise")
    with pytest.raises(ValueError, match="nothing to tell apart"):
        load_pair((images, np.zeros_like(masks)), reading=Reading(KIND, Masks()))
    with pytest.raises(ValueError, match="2 class names for 3 values"):
        load((images, masks), KIND, Masks(["a", "b"], values=(0, 1, 2)))


def test_validation_may_lack_a_class_but_has_no_other(tmp_path):
    images, masks = scenes(8)
    reading = Reading(KIND, Masks())
    few = np.where(masks == 1, 0, masks)
    other = scenes(8, seed=1)[0]
    pair = load_pair((images, masks), (other, few), reading)
    assert pair.validation.targets.values == (0, 2)
    assert set(np.unique(rows(pair.validation))) == {0, 2}
    with pytest.raises(ValueError, match=r"validate on have the values 9, which .* have 0, 1, 2"):
        load_pair((images, masks), (other, np.where(masks == 1, 9, masks)), reading)


def test_missing_folders_are_named(tmp_path):
    images, masks = scenes(2)
    folder = write(tmp_path / "photos", images, masks)
    with pytest.raises(ValueError, match=r"No images with targets in .*masks: expected"):
        load(folder / "masks", KIND, Masks())
    (folder / "masks").rename(folder / "labels")
    with pytest.raises(ValueError, match=r"no folder .*masks. The masks of"):
        load(folder, KIND, Masks())


def test_mirrored_views_change_photos_and_masks_together():
    images, masks = scenes(12)
    images[..., 0] = masks  # each photo shows its own mask
    before = images.copy(), masks.copy()
    data = load((images, masks), Images(), Masks())
    request = Request(5, PixelIds((0, 1, 2)), shuffle=True, seed=1, transform=Mirrored())
    batches = data.requested(request)
    seen = {}
    for epoch in (0, 1):
        batches.epoch = epoch
        for index in range(len(batches)):
            x, y = batches[index]
            np.testing.assert_array_equal(x[..., 0], y)
            for row, image in zip(batches.rows(index), x, strict=True):
                seen[epoch, row] = not np.array_equal(image, images[row])
    assert 0 < sum(seen.values()) < len(seen) == 24
    assert any(seen[0, row] != seen[1, row] for row in range(12))
    np.testing.assert_array_equal(images, before[0])
    np.testing.assert_array_equal(masks, before[1])
    weights = np.arange(2 * 4 * 6, dtype="float32").reshape(2, 4, 6)
    keys, views = np.zeros(2, int), np.array([0, 1])
    one = Mirrored().targets(Encoded(weights, weights, moves=AsMaps()), keys, views, (4, 6, 3))
    np.testing.assert_array_equal(one.targets[1], weights[1, :, ::-1])
    np.testing.assert_array_equal(one.weights, one.targets)
    np.testing.assert_array_equal(one.targets[0], weights[0])


def test_masks_that_are_called_otherwise_are_listed_with_the_name_that_is_looked_for(tmp_path):
    folder = write(tmp_path, *scenes(2))
    for path in list((folder / "masks").rglob("*.png")):
        path.rename(path.with_name(f"{path.stem}_mask.png"))
    with pytest.raises(ValueError, match=r"would be .*0\.png\. Rename the masks:\n.*0_mask\.png"):
        load(folder, KIND, Masks())
