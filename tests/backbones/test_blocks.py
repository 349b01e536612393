import keras
import numpy as np
import pytest

from tests.spectra import SpectraClassifier, spectra
from transferlearn import backbones
from transferlearn.backbones import applications, blocks_between_cuts, blocks_by_name, graph
from transferlearn.backbones.blocks import live_tensors
from transferlearn.backbones.graph import walk

SMALLEST = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}
FEW = {
    "VGG16": [f"block{i}" for i in range(1, 6)],
    "ResNet50": [f"conv{i}" for i in range(1, 6)],
    "MobileNetV3Small": [
        "conv",
        "expanded_conv",
        *(f"expanded_conv_{i}" for i in range(1, 11)),
        "conv_1",
    ],
    "Xception": [f"block{i}" for i in range(1, 15)],
}
COUNTS = {
    "ConvNeXt": 5,
    "DenseNet": 5,
    "EfficientNetB": 9,
    "EfficientNetV2B": 8,
    "EfficientNetV2S": 8,
    "EfficientNetV2M": 9,
    "EfficientNetV2L": 9,
    "InceptionResNetV2": 7,
    "InceptionV3": 11,
    "MobileNet": 14,
    "MobileNetV2": 19,
    "MobileNetV3Large": 17,
    "MobileNetV3Small": 13,
    "NASNetLarge": 23,
    "NASNetMobile": 17,
    "ResNet": 5,
    "VGG": 5,
    "Xception": 14,
}


@pytest.fixture(scope="module")
def load():
    """Each of the few networks, loaded once."""
    size = {name: (SMALLEST.get(name, 32),) * 2 for name in FEW}
    loaded = {name: backbones.get(name, weights=None, image_size=size[name]) for name in FEW}
    return loaded.__getitem__


@pytest.fixture
def without_values(monkeypatch):
    """Networks are built with shapes and no weights, so that the largest cost nothing."""
    monkeypatch.setattr(graph, "copy_weights", lambda pairs: None)
    with keras.StatelessScope(initialize_variables=False):
        yield
    keras.utils.clear_session()  # forgets the variables that wait for a value


def members(model, blocks):
    """Block names to the names of their layers."""
    return {block.name: [model.layers[i].name for i in block.layers] for block in blocks}


def layers_of(backbone):
    return members(backbone.model, backbone.blocks)


def check_blocks(model, blocks):
    """Each layer is in one block, and in no first call reads a later one."""
    assert sorted(i for block in blocks for i in block.layers) == list(range(len(model.layers)))
    assert len({block.name for block in blocks}) == len(blocks)
    place = {id(model.layers[i]): p for p, block in enumerate(blocks) for i in block.layers}
    made_in, called = {}, set()
    for step in walk(model):
        read = max(made_in.get(id(tensor), 0) for tensor in step.inputs)
        own = place.get(id(step.operation), read)
        again = id(step.operation) in called
        assert again or own >= read, f"{step.operation.name} reads a later block"
        called.add(id(step.operation))
        own = max(own, read)
        made_in |= {id(tensor): own for tensor in step.outputs}


def all_have_weights(backbone):
    layers = backbone.model.layers
    return all(any(layers[i].weights for i in block.layers) for block in backbone.blocks)


@pytest.mark.full
@pytest.mark.parametrize("name", FEW)
def test_blocks_of_a_few_networks(name, load):
    backbone = load(name)
    assert [block.name for block in backbone.blocks] == FEW[name]
    check_blocks(backbone.model, backbone.blocks)
    assert all_have_weights(backbone)


@pytest.mark.full
@pytest.mark.parametrize("name", applications.Applications.names)
def test_blocks_of_every_network(name, without_values):
    size = SMALLEST.get(name, 32)
    backbone = backbones.get(name, weights=None, image_size=(size, size))
    check_blocks(backbone.model, backbone.blocks)
    assert all_have_weights(backbone)
    family = max((start for start in COUNTS if name.startswith(start)), key=len)
    assert len(backbone.blocks) == COUNTS[family]


def test_layers_of_vgg16(load):
    found = layers_of(load("VGG16"))
    assert found["block1"] == ["image", "block1_conv1", "block1_conv2", "block1_pool"]
    assert found["block5"] == [*(f"block5_conv{i}" for i in (1, 2, 3)), "block5_pool"]


def test_layers_of_resnet50(load):
    found = layers_of(load("ResNet50"))
    assert found["conv1"][0] == "image"
    assert found["conv1"][-1] == "pool1_pool"
    for block in ("conv2", "conv3", "conv4", "conv5"):
        assert all(name.startswith(block) for name in found[block])
        assert any(name.endswith("_out") for name in found[block])


def test_an_end_without_a_name_of_its_own_stays_in_its_block(load):
    mobile, xception = layers_of(load("MobileNetV3Small")), layers_of(load("Xception"))
    assert {"image", "rescaling", "conv", "conv_bn"} <= set(mobile["conv"])
    # The shortcut of a block of Xception has an automatic name, and so has its sum.
    assert [name for name in xception["block2"] if name.startswith("add")] == ["add"]
    assert any(name.startswith("conv2d") for name in xception["block2"])


@pytest.mark.parametrize(("name", "cuts"), [("VGG16", 18), ("ResNet50", 38)])
def test_cuts_of_a_single_tensor(name, cuts, load):
    # 19 and 39 by experiment, with the cut in front of the first layer.
    assert live_tensors(load(name).model).count(1) == cuts


def residual():
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Rescaling(2.0, name="scale")(image)
    x = keras.layers.Conv2D(4, 3, padding="same", name="stem")(x)
    x = keras.layers.ReLU(name="stem_relu")(x)
    y = keras.layers.Conv2D(4, 3, padding="same", name="branch_1")(x)
    y = keras.layers.Conv2D(4, 3, padding="same", name="branch_2")(y)
    x = keras.layers.Add(name="sum")([x, y])
    x = keras.layers.Conv2D(4, 3, name="last")(x)
    return keras.Model(image, keras.layers.ReLU(name="out")(x))


def test_blocks_by_the_graph():
    model = residual()
    blocks = blocks_between_cuts(model)
    check_blocks(model, blocks)
    assert members(model, blocks) == {
        "stem": ["image", "scale", "stem"],
        "sum": ["stem_relu", "branch_1", "branch_2", "sum"],
        "out": ["last", "out"],
    }


def test_live_tensors():
    assert live_tensors(residual()) == [1, 1, 1, 2, 2, 1, 1, 1]


def test_plain_ops_count_as_part_of_the_graph():
    image = keras.Input((4,), name="image")
    x = keras.layers.Dense(4, name="first")(image)
    y = keras.layers.Dense(4, name="second")(keras.ops.tanh(x))
    model = keras.Model(image, keras.layers.Dense(2, name="third")(x * y))
    blocks = blocks_between_cuts(model)
    check_blocks(model, blocks)
    assert [block.name for block in blocks] == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("unnamed", "expected"),
    [
        ("previous", {"stem": ["image", "scale", "stem", "stem_relu"], "top": ["last", "out"]}),
        ("next", {"stem": ["image", "scale", "stem"], "top": ["sum", "last", "out"]}),
    ],
)
def test_layers_without_a_rule(unnamed, expected):
    model = residual()
    rules = (("stem$", "stem"), ("branch_(.)", r"branch\1"), ("last", "top"))
    blocks = blocks_by_name(*rules, unnamed=unnamed)(model)
    check_blocks(model, blocks)
    found = members(model, blocks)
    assert list(found) == ["stem", "branch1", "branch2", "top"]
    assert {name: found[name] for name in expected} == expected


def test_the_first_rule_that_matches_counts():
    model = residual()
    blocks = blocks_by_name(("branch_2", "end"), ("branch", "middle"), (".*", "start"))(model)
    check_blocks(model, blocks)
    # What reads the branches cannot be in a block before them.
    assert members(model, blocks) == {
        "start": ["image", "scale", "stem", "stem_relu"],
        "middle": ["branch_1"],
        "end": ["branch_2", "sum", "last", "out"],
    }


def shared():
    """A layer that is called early and late, and layers between that read its first output."""
    image = keras.Input((4,), name="image")
    twice = keras.layers.Dense(4, name="a_twice")
    x = keras.layers.Dense(4, name="b_middle")(twice(image))
    x = keras.layers.Dense(4, name="c_end")(x)
    return keras.Model(image, twice(x))


@pytest.mark.parametrize("find", [blocks_between_cuts, blocks_by_name((r"(\w)_", r"\1"))])
def test_of_a_shared_layer_the_first_call_counts(find):
    model = shared()
    blocks = find(model)
    check_blocks(model, blocks)
    of = {model.layers[i].name: p for p, block in enumerate(blocks) for i in block.layers}
    assert [of[name] for name in ("a_twice", "b_middle", "c_end")] == [0, 1, 2]


def test_a_frozen_layer_that_is_called_again_stays_and_what_it_makes_is_stored():
    keras.utils.set_random_seed(0)
    fits = []
    for cache in (False, True):
        builder = SpectraClassifier(tied_spectra(), freeze="b_middle", seed=0, batch_size=8)
        fits.append(builder.fit(spectra(24), epochs=2, cache=cache, verbose=0).model)
    for one, other in zip(*(model.weights for model in fits), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    for name, stays in (("a_twice", True), ("b_middle", True), ("c_end", False)):
        kernels = [model.get_layer(name).kernel for model in (tied_spectra(), fits[1])]
        assert np.array_equal(*kernels) == stays, name


def test_right_behind_a_layer_that_is_called_again_nothing_is_stored():
    builder = SpectraClassifier(tied_spectra(), freeze="a_twice", seed=0, batch_size=8)
    fitted = builder.fit(spectra(24), epochs=2, verbose=0)
    assert fitted.phases[0].stored is None


def tied_spectra():
    """A network of spectra whose first layer is also its last."""
    keras.utils.set_random_seed(0)
    spectrum = keras.Input((32,))
    twice = keras.layers.Dense(32, activation="tanh", name="a_twice")
    x = keras.layers.Dense(32, activation="relu", name="b_middle")(twice(spectrum))
    return keras.Model(spectrum, twice(keras.layers.Dense(32, name="c_end")(x)))


def _tied(kind, **settings):
    """A language model of KerasHub's layers, whose embedding is tied to its outputs."""
    keras.utils.set_random_seed(0)
    hub = pytest.importorskip("keras_hub")
    settings = {"vocabulary_size": 32, "num_layers": 3, "hidden_dim": 16, **settings}
    made = getattr(hub.models, kind)(intermediate_dim=24, **settings)
    return keras.Model(made.input, made.token_embedding(made.output, reverse=True))


LLAMA = ("Llama3Backbone", {"num_query_heads": 4, "num_key_value_heads": 2})
GPT2 = ("GPT2Backbone", {"num_heads": 4, "max_sequence_length": 16})


@pytest.mark.parametrize(("kind", "settings"), [LLAMA, GPT2], ids=["Llama", "GPT-2"])
def test_a_tied_embedding_leaves_the_blocks_apart(kind, settings):
    model = _tied(kind, **settings)
    named = blocks_by_name((r"(transformer_layer_\d+)", r"\1"), (".*embed|token|padding", "input"))
    blocks = named(model)
    assert [block.name for block in blocks] == ["input", *_layers(range(3))]
    of = {model.layers[i].name: block.name for block in blocks for i in block.layers}
    assert of["token_embedding"] == "input"
    assert [of[name] for name in _layers(range(3))] == _layers(range(3))
    places = {layer.name: i for i, layer in enumerate(model.layers)}
    between = blocks_between_cuts(keras.Model(model.inputs, model.output))
    first = {i: number for number, block in enumerate(between) for i in block.layers}
    assert first[places["token_embedding"]] <= first[places["transformer_layer_0"]]


def _layers(numbers):
    return [f"transformer_layer_{i}" for i in numbers]
