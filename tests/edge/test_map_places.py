"""Where masks and pictures may be written."""

import numpy as np
import pytest
from PIL import Image

from transferlearn.edge import PictureReader, Seen

pytestmark = pytest.mark.core


def made(count):
    """A picture for each of so many photos."""
    values = np.full((count, 4, 4, 3), 90.0, "float32")
    paths = [f"photos/{i}.jpg" for i in range(count)]
    return PictureReader().read({"pictures": values}, [Seen(path, (8, 8)) for path in paths])


def test_one_photo_goes_into_one_file(tmp_path):
    place = tmp_path / "new" / "one.png"
    PictureReader().write_predictions(made(1), place)
    with Image.open(place) as written:
        assert written.size == (8, 8)
    with pytest.raises(OSError, match="is there already"):
        PictureReader().write_predictions(made(1), place)


@pytest.mark.parametrize(
    ("name", "count", "said"),
    [("all.png", 2, "one file, for 2 photos"), ("one.jpg", 1, "no PNG"), ("one.tif", 3, "no PNG")],
)
def test_a_folder_is_not_called_as_a_file(tmp_path, name, count, said):
    with pytest.raises(ValueError, match=f"{name} is called as .*{said}; pictures go into"):
        PictureReader().write_predictions(made(count), tmp_path / name)
    assert not (tmp_path / name).exists()
    PictureReader().write_predictions(made(count), tmp_path / "v1.2")
    assert len(list((tmp_path / "v1.2").iterdir())) == count
