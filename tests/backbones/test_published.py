"""`applications.json` against the installed Keras, without a download and without weights.

Accuracies are from https://keras.io/api/applications, MobileNetV3's from its docstring. Licences
are those that Keras's documentation (up to 2.3) states for the weights, and those of the
original repositories for the families that came later (EfficientNet, MobileNetV3, ConvNeXt).
"""

import json
from importlib import resources

import keras
import pytest

PUBLISHED = json.loads(
    resources.files("transferlearn.backbones").joinpath("applications.json").read_text("utf-8")
)
FUNCTIONS = {
    name: value
    for name, value in vars(keras.applications).items()
    if callable(value) and name[0].isupper()
}
FEW = {"VGG16", "EfficientNetV2B1", "ResNet50V2"}
NAMES = [
    name if name in FEW else pytest.param(name, marks=pytest.mark.full)
    for name in sorted(FUNCTIONS)
]


class AskedForError(Exception):
    pass


@pytest.fixture
def no_allocation():
    """Layers keep their shapes and get no values, so the largest networks cost nothing."""
    with keras.StatelessScope(initialize_variables=False):
        yield
    keras.utils.clear_session()  # forgets the variables that wait for a value


def test_every_function_has_its_facts_and_no_other():
    assert PUBLISHED.keys() == FUNCTIONS.keys()
    for name, facts in PUBLISHED.items():
        assert facts.keys() == {"top1", "parameters", "image_size", "file", "licence"}, name
        assert 65 < facts["top1"] < 90, name


@pytest.mark.parametrize(
    ("name", "top1", "licence"),
    [
        ("VGG16", 71.3, "CC-BY-4.0"),
        ("ResNet50", 74.9, "MIT"),
        ("ResNet50V2", 76.0, "BSD-3-Clause"),
        ("DenseNet121", 75.0, "BSD-3-Clause"),
        ("MobileNetV3Small", 68.1, "Apache-2.0"),
        ("ConvNeXtXLarge", 86.7, "MIT"),
    ],
)
def test_published_values(name, top1, licence):
    assert (PUBLISHED[name]["top1"], PUBLISHED[name]["licence"]) == (top1, licence)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("no_allocation")
def test_parameters_and_image_size_are_those_of_the_network(name):
    model = FUNCTIONS[name](weights=None)
    size = PUBLISHED[name]["image_size"]
    # 0.1: Keras's table cuts the digits of ConvNeXt off where it rounds the others.
    assert model.count_params() / 1e6 == pytest.approx(PUBLISHED[name]["parameters"], abs=0.1)
    assert model.input_shape[1:3] in {(size, size), (None, None)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("no_allocation")
def test_file_is_the_one_that_keras_asks_for(name, monkeypatch):
    def get_file(file, *_, **__):
        raise AskedForError(file)

    keras_files = FUNCTIONS["VGG16"].__globals__["file_utils"]
    monkeypatch.setattr(keras_files, "get_file", get_file)
    size = PUBLISHED[name]["image_size"]
    with pytest.raises(AskedForError) as asked:
        FUNCTIONS[name](include_top=False, weights="imagenet", input_shape=(size, size, 3))
    assert asked.value.args == (PUBLISHED[name]["file"],)
