import keras
import numpy as np
import pytest

from tests.networks import small_backbone, small_model
from transferlearn import backbones
from transferlearn.backbones import Backbone, BackboneSource, Facts

pytestmark = pytest.mark.core


class Tiny(BackboneSource):
    names = ("Tiny", "Tinier")

    def load(self, name, *, weights, image_size):
        return backbones.from_model(small_model(), name=name)


class Taken(Tiny):
    names = ("Fresh", "VGG16", "ResNet50")


class Forgotten(Tiny):
    names = "Tiny"


def test_a_source_of_ones_own(sources):
    backbones.register(Tiny())
    assert backbones.names()[-2:] == ("Tiny", "Tinier")
    assert backbones.facts("Tinier") == Facts(name="Tinier")
    assert backbones.default_image_size("Tiny") == (224, 224)
    loaded = backbones.get("Tinier", image_size=(32, 32))
    assert isinstance(loaded, Backbone)
    assert loaded.name == "Tinier"
    assert "Tinier" in str(backbones.table())


def test_a_source_is_told_what_was_asked_for(sources):
    asked = {}

    class Curious(Tiny):
        def load(self, name, **options):
            asked.update(options)
            return super().load(name, **options)

        def facts(self, name):
            return Facts(name=name, image_size=(48, 64))

    backbones.register(Curious())
    backbones.get("Tiny", weights=None)
    assert asked == {"weights": None, "image_size": (48, 64)}
    backbones.get("Tiny", image_size=(32, 32))
    assert asked == {"weights": "imagenet", "image_size": (32, 32)}


def test_a_source_that_gives_something_else_is_named(sources):
    class Forgetful(Tiny):
        def load(self, name, **options):
            super().load(name, **options)

    backbones.register(Forgetful())
    with pytest.raises(TypeError, match="Forgetful"):
        backbones.get("Tiny", weights=None)


def test_duplicates_are_refused_and_nothing_is_registered(sources):
    before = backbones.names()
    with pytest.raises(ValueError, match="Already registered: VGG16, ResNet50"):
        backbones.register(Taken())
    assert backbones.names() == before
    backbones.register(Tiny())
    with pytest.raises(ValueError, match="Already registered: Tiny, Tinier"):
        backbones.register(Tiny())


@pytest.mark.parametrize("wrong", [Tiny, small_model, "Tiny"])
def test_what_is_no_source_is_refused(wrong, sources):
    with pytest.raises(TypeError, match="Expected a BackboneSource object"):
        backbones.register(wrong)


def test_one_string_is_no_list_of_names(sources):
    with pytest.raises(TypeError, match=r"names = \('Tiny',\)"):
        backbones.register(Forgotten())
    assert "T" not in backbones.names()


def test_a_source_must_load():
    with pytest.raises(TypeError, match="load"):
        type("Lazy", (BackboneSource,), {"names": ("Lazy",)})()


@pytest.mark.parametrize(
    ("wrong", "closest"),
    [("ResNet", "ResNet50"), ("vgg16", "VGG16"), ("EfficientNetLite", "EfficientNetLite0")],
)
def test_an_unknown_name_gets_the_closest(wrong, closest):
    for ask in (backbones.get, backbones.facts, backbones.default_image_size):
        with pytest.raises(ValueError, match=rf"backbone='{wrong}'. Closest: .*{closest}\b"):
            ask(wrong)


def test_a_name_like_no_other():
    with pytest.raises(ValueError, match=r"Closest: none. All names: transferlearn backbones"):
        backbones.get("####")


def test_a_backbone_is_given_back():
    backbone = small_backbone()
    assert backbones.get(backbone) is backbone
    assert backbones.get(backbone, weights=None) is backbone
    with pytest.raises(ValueError, match=r"has its weights already. Received: weights='a.h5'"):
        backbones.get(backbone, weights="a.h5")


def test_a_model_is_copied_and_takes_raw_pixels():
    model = small_model()
    backbone = backbones.get(model)
    image = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    assert backbone.model is not model
    np.testing.assert_array_equal(backbone.prepare(image)[0], image)
    np.testing.assert_array_equal(backbone.model(image), model(image))
    assert backbone.pretrained
    assert not backbones.get(model, weights=None).pretrained
    assert backbone.name == "small"


@pytest.mark.parametrize(
    ("shape", "expected"), [((48, 64, 3), (48, 64)), ((None, None, 3), (224, 224))]
)
def test_the_image_size_of_a_model(shape, expected):
    image = keras.Input(shape)
    model = keras.Model(image, keras.layers.Conv2D(2, 3)(image))
    assert backbones.default_image_size(model) == expected
    assert backbones.default_image_size(backbones.from_model(model)) == expected


def test_the_image_size_of_a_name():
    assert backbones.default_image_size("NASNetLarge") == (331, 331)
    assert backbones.default_image_size("EfficientNetLite0") == (224, 224)


def test_a_preprocessing_layer_is_made_anew_for_each_model():
    layer = keras.layers.Rescaling(1 / 255, name="mine")
    backbone = backbones.from_model(small_model(), preprocessing=layer)
    image = keras.Input((32, 32, 3))
    made = [backbone.prepare(image)[0]._keras_history.operation for _ in range(2)]
    assert len({id(layer), *map(id, made)}) == 3
    assert [(x.name, x.scale) for x in made] == [("preprocessing", 1 / 255)] * 2
    assert layer.name == "mine"


def test_the_table():
    table = backbones.table()
    assert [facts.name for facts in table] == list(backbones.names())
    assert len(table) == len(backbones.names())
    lines = str(table).splitlines()
    head = ["name", "parameters", "image", "size", "preprocessing", "top-1", "licence"]
    assert lines[0].split() == head
    assert lines[1].split()[:5] == ["EfficientNetLite0", "4.7M", "224x224", "tf", "74.9"]
    assert "works offline" in lines[1]
    rows = {line.split()[0]: line.split() for line in lines[1:-1]}
    assert rows.keys() == set(backbones.names())
    assert rows["VGG16"][1:5] == ["138.4M", "224x224", "caffe", "71.3"]
    assert rows["ResNet50"][1:5] == ["25.6M", "224x224", "caffe", "74.9"]
    assert rows["NASNetLarge"][2] == "331x331"
    assert rows["DenseNet121"][3] == "torch"
    assert rows["ConvNeXtTiny"][3] == "none"
    starts = {line.index(row[2]) for line, row in zip(lines[1:-1], rows.values(), strict=True)}
    assert len(starts) == 1
    assert "keras.io/api/applications" in lines[-1]
    assert repr(table) == str(table)


def test_the_table_has_room_for_what_is_not_known(sources):
    backbones.register(Tiny())
    line = next(line for line in str(backbones.table()).splitlines() if line.startswith("Tinier"))
    assert line.split() == ["Tinier", "-", "224x224", "none", "-", "unknown"]
