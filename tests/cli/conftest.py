"""What several tests of the command line use."""

import pytest
from PIL import Image

from tests.networks import Small, pixels
from transferlearn.backbones import registry


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for i, image in enumerate(pixels(24, 64, seed=5)):
        file = folder / ("ant", "bee")[i % 2] / f"{i}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(file)
    return folder


@pytest.fixture
def small(sources):
    """What `--backbone Small` needs."""
    registry.register(Small())
