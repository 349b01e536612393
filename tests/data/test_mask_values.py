"""Values that are no classes are told from those that are: smoothing, slips, missing names."""

import warnings

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.masks import scenes, write
from transferlearn.data import DataWarning, Images, Masks, load

pytestmark = pytest.mark.core
KIND = Images(image_size=(16, 16))


def smooth(mask, how):
    """Makes of a mask what other tools make of it."""
    image = Image.fromarray(mask)
    if how == "blurred":
        return np.asarray(image.filter(ImageFilter.GaussianBlur(1.5)))
    size = {"smaller": (21, 21), "larger": (150, 150)}[how]
    filters = Image.Resampling.LANCZOS if how == "smaller" else Image.Resampling.BILINEAR
    return np.array(image.resize(size, filters).resize(image.size if how == "smaller" else size, 0))


@pytest.mark.parametrize("how", ["blurred", "smaller", "larger"])
@pytest.mark.parametrize("names", [None, ["background", "foreground"]])
def test_masks_that_were_resized_smoothly_are_refused(tmp_path, how, names):
    images, masks = scenes(6)
    size = 150 if how == "larger" else 32
    images = images.repeat(5, axis=1).repeat(5, axis=2)[:, :size, :size]
    white = 255 * (masks == 2).astype("uint8")
    smoothed = [smooth(mask, how) for mask in white]
    with pytest.raises(ValueError, match=r"nowhere two pixels thick(.|\n)*nearest pixel, mask.res"):
        load((list(images), smoothed), KIND, Masks(names))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        mended = [np.where(mask > 127, np.uint8(255), np.uint8(0)) for mask in smoothed]
        found = load((list(images), mended), KIND, Masks(names))
    assert found.targets.class_names == ("background", "foreground")


def test_the_one_mask_that_was_resized_smoothly_is_named(tmp_path):
    images, masks = scenes(8)
    masks = np.array([0, 100, 200], "uint8")[masks]
    masks[5] = smooth(masks[5], "blurred")
    folder = write(tmp_path / "photos", images, masks)
    with pytest.raises(ValueError, match=r"The masks:\n  .*masks/more/5.png: [^\n]*$"):
        load(folder, KIND, Masks())


def test_names_for_all_values_are_obeyed():
    images, masks = scenes(6)
    masks = np.stack([smooth(255 * (mask == 2).astype("uint8"), "blurred") for mask in masks])
    named = load((images, masks), KIND, Masks([f"grey {i}" for i in range(256)], void=None))
    assert len(named.targets.class_names) == 256


@pytest.mark.parametrize("void", [255, None])
def test_many_classes_with_thin_void_between_them_are_classes(void):
    images, _ = scenes(6, size=64)
    ids = np.arange(16, dtype="uint8").reshape(4, 4).repeat(16, axis=0).repeat(16, axis=1)
    masks = np.stack([np.roll(ids, i, axis=0) for i in range(6)])
    masks[:, ::16] = masks[:, :, ::16] = 255
    masks[:, 3, 20:40] = 14  # a crack, one pixel thick
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        found = load((images, masks), KIND, Masks(void=void))
    assert found.targets.values == (*range(16), *([] if void else [255]))


def test_a_slip_becomes_a_class_with_a_warning_or_is_left_out(tmp_path):
    images, masks = scenes(8)
    masks[3, 4, 5:8] = 9
    folder = write(tmp_path / "photos", images, masks)
    names = 'class_names=["0", "1", "2"]'
    with pytest.warns(DataWarning) as said:
        found = load(folder, KIND, Masks())
    (message,) = (str(one.message) for one in said)
    assert names in message
    assert message.endswith("masks/3.png: 9 (3 pixels)")
    assert found.targets.values == (0, 1, 2, 9)
    with pytest.warns(DataWarning, match=r"3.jpg: its mask has the values 9, which no class has"):
        found = load(folder, KIND, Masks(["0", "1", "2"]))
    assert found.size == 7
    masks[3, :16, :16] = 9  # a rare class that can be seen
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        load((images, masks), KIND, Masks())


def test_white_masks_with_a_slip_do_not_become_void():
    images, masks = scenes(8)
    white = 255 * (masks == 2).astype("uint8")
    white[3, 4, 5:8] = 7
    with pytest.raises(ValueError, match=r"255 may be what is shown, or void(.|\n)*mask 3: 7 "):
        load((images, white), KIND, Masks())
    with pytest.warns(DataWarning, match="the values 7, which no class has"):
        found = load((images, white), KIND, Masks(["background", "foreground"]))
    assert found.targets.values == (0, 255)
    assert found.targets.void is None
    white[0] = 255
    with pytest.warns(DataWarning, match="all of its mask is void"):
        void = load((images, white), KIND, Masks([str(i) for i in range(8)]))
    assert void.targets.values == tuple(range(8))


@pytest.mark.parametrize(
    ("names", "shift", "fix"),
    [
        (["a", "b"], 0, r'3 in 8 of 8 masks.*class_names=\["a", "b", "2", "3"\]'),
        (["a", "b", "c"], 1, r'class_names=\["unused", "a", "b", "c"\]'),
        (["a", "b"], 20, "leave class_names out"),
    ],
)
def test_too_few_names_are_an_error(names, shift, fix):
    images, masks = scenes(8)
    masks += np.uint8(shift)
    if not shift:
        masks[:, :2, :2], masks[5, 9, 9] = 3, 8  # of which the last one is a slip
    with pytest.raises(ValueError, match=fix):
        load((images, masks), KIND, Masks(names))


def test_a_trained_model_gets_no_other_classes():
    images, masks = scenes(8)
    with pytest.raises(ValueError, match="A trained model gets no new classes"):
        load((images, masks), KIND, Masks(["a", "b"], values=(0, 1)))


def test_a_lossy_file_is_known_by_its_content(tmp_path):
    images, masks = scenes(4)
    folder = write(tmp_path / "photos", images, masks)
    Image.fromarray(masks[1]).save(folder / "masks" / "1.png", format="JPEG")
    with pytest.raises(
        ValueError, match=r"must be PNG, BMP, GIF or TIFF files(.|\n)*masks/1.png is a JPEG"
    ):
        load(folder, KIND, Masks())
    Image.fromarray(masks[1]).save(folder / "masks" / "1.png", format="BMP")
    assert load(folder, KIND, Masks()).size == 4
    (folder / "masks" / "1.png").write_bytes(b"")
    with pytest.warns(DataWarning, match=r"1.jpg: .*masks/1.png is no mask: empty"):
        load(folder, KIND, Masks())


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_turned_photo_whose_mask_may_be_turned_is_named(tmp_path, orientation):
    folder, kind = tmp_path / "photos", Images(image_size=(32, 32))
    images, masks = scenes(3)
    write(folder, images, masks)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(images[0]).save(folder / "images" / "0.jpg", exif=exif)
    if orientation == 1:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DataWarning)
            load(folder, kind, Masks())
        return
    with pytest.warns(DataWarning, match=r"EXIF turns 1 photo, and(.|\n)*images/0.jpg$"):
        plain = load(folder, kind, Masks())
    first = np.array([0])
    np.testing.assert_array_equal(plain.targets[first][0], masks[0])
    # The mask says by its own EXIF that it lies as the camera's pixels do.
    Image.fromarray(masks[0]).save(folder / "masks" / "0.png", exif=exif)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        turned = load(folder, kind, Masks())
    quarter_turns = {3: 2, 6: -1}[orientation]
    np.testing.assert_array_equal(turned.targets[first][0], np.rot90(masks[0], quarter_turns))
