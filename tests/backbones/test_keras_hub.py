"""KerasHub's backbones: folders of Hugging Face and KerasHub, for texts and images."""

from dataclasses import replace

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

import transferlearn as tl
from tests import texts
from tests.networks import pixels
from tests.phase_words import cache_of

IDS = np.array([[2, 5, 11, 7, 3, 0, 0], [2, 8, 3, 0, 0, 0, 0]], "int32")


def test_a_folder_of_hugging_face_is_read_without_network(tmp_path):
    hub = texts.hugging_face_folder(tmp_path / "bert")
    backbone = tl.backbones.get_text(f"keras_hub:{tmp_path / 'bert'}", pooling="pooled")
    mask = (IDS != 0).astype("int32")
    given = {"token_ids": IDS, "padding_mask": mask, "segment_ids": np.zeros_like(IDS)}
    expected = hub(given, training=False)["pooled_output"]
    np.testing.assert_allclose(backbone.model(IDS, training=False), expected, atol=1e-5)
    assert backbone.most_tokens == texts.LENGTH
    assert "bert" in backbone.source


@pytest.mark.parametrize(
    ("settings", "same"),
    [
        ('"do_lower_case": true', True),
        ('"model_max_length": 512', True),
        ('"do_lower_case": true, "strip_accents": false', False),
    ],
)
def test_accents_go_as_hugging_face_has_it(tmp_path, settings, same):
    texts.hugging_face_folder(tmp_path / "bert")
    (tmp_path / "bert" / "tokenizer_config.json").write_text(f"{{{settings}}}")
    tokenizer = tl.backbones.get_tokenizer(f"keras_hub:{tmp_path / 'bert'}")
    accented, plain = tokenizer.tokenize(["très bén Film", "tres ben film"])
    assert np.array_equal(accented, plain) == same
    assert (tokenizer.start, tokenizer.end, tokenizer.padding, tokenizer.unknown) == (
        (2,),
        (3,),
        0,
        1,
    )


def test_damaged_settings_and_a_vocabulary_of_another_network_are_named(tmp_path):
    texts.hugging_face_folder(tmp_path / "bert")
    name = f"keras_hub:{tmp_path / 'bert'}"
    (tmp_path / "bert" / "tokenizer_config.json").unlink()
    assert tl.backbones.get_tokenizer(name).size == 78
    with (tmp_path / "bert" / "vocab.txt").open("a") as file:
        file.write("other\n")
    assert tl.backbones.get_tokenizer(name).size == 79
    with pytest.raises(ValueError, match="79 tokens, and an encoder of 78"):
        tl.backbones.get_text(name)
    vocabulary = tmp_path / "bert" / "vocab.txt"
    vocabulary.write_text(vocabulary.read_text() + "other\n")
    with pytest.raises(ValueError, match=r"vocab\.txt is damaged: .* must be unique"):
        tl.backbones.get_tokenizer(name)
    (tmp_path / "bert" / "tokenizer_config.json").write_text("{")
    with pytest.raises(ValueError, match=r"tokenizer_config\.json is damaged"):
        tl.backbones.get_tokenizer(name)


def test_random_weights(tmp_path):
    texts.hugging_face_folder(tmp_path / "bert")
    name = f"keras_hub:{tmp_path / 'bert'}"
    trained, random = (
        tl.TextClassifierBuilder(name, weights=weights, seed=0).build(2)
        for weights in ("pretrained", None)
    )
    assert not np.allclose(trained(IDS), random(IDS), atol=1e-3)
    assert all(layer.trainable for layer in random.layers)


def test_tokenizers_are_equal_where_their_settings_are(tmp_path):
    from transferlearn.backbones.keras_hub import HubTokenizer

    one, other = HubTokenizer(texts.tokenizer()), HubTokenizer(texts.tokenizer())
    assert one == other
    assert hash(one) == hash(other)
    texts.hugging_face_folder(tmp_path / "bert")
    assert one != tl.backbones.get_tokenizer(f"keras_hub:{tmp_path / 'bert'}")  # strips accents


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of a small ResNet, whose pixels are scaled in a way of its own."""
    import keras_hub

    keras.utils.set_random_seed(0)
    hub = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=(None, None, 3),
    )
    converter = keras_hub.layers.ResNetImageConverter(
        image_size=(32, 32), scale=[1 / 50, 1 / 60, 1 / 70], offset=[-2.0, -1.0, -3.0]
    )
    folder = tmp_path_factory.mktemp("presets") / "resnet"
    hub.save_to_preset(str(folder))
    keras_hub.models.ResNetImageClassifierPreprocessor(converter).save_to_preset(str(folder))
    return hub, f"keras_hub:{folder}"


def test_an_image_backbone_has_its_preprocessing_inside(images):
    hub, name = images
    x = pixels(4, 32).astype("float32")
    model = tl.ImageClassifierBuilder(name, image_size=(32, 32)).build(3)
    features = keras.Model(model.inputs[0], model.layers[-3].input)(x)
    scaled = x * np.array([1 / 50, 1 / 60, 1 / 70]) + np.array([-2.0, -1.0, -3.0])
    np.testing.assert_allclose(features, hub(scaled.astype("float32"), training=False), atol=1e-4)
    assert np.std(features) > 1e-3


def test_an_image_backbone_is_frozen_stored_saved_and_loaded(images, tmp_path):
    x, y = pixels(40, 32), np.arange(40) % 2
    builder = tl.ImageClassifierBuilder(images[1], image_size=(32, 32), seed=0)
    frozen = replace(builder, freeze=tl.freezing.TrainLastBlocks(1))
    fitted = frozen.fit((x, y), epochs=2, cache=True, verbose=0)
    assert "computed once" in cache_of(fitted.phases[0])
    fitted.save(tmp_path / "saved")
    loaded = tl.load(tmp_path / "saved")
    assert [p.probability for p in loaded.predict(x[:3])] == pytest.approx(
        [p.probability for p in fitted.predict(x[:3])], abs=1e-5
    )


def test_images_and_texts_are_told_apart(images, tmp_path):
    with pytest.raises(ValueError, match=r"takes no texts\. For images"):
        tl.TextClassifierBuilder(images[1]).build(2)
    texts.hugging_face_folder(tmp_path / "bert")
    with pytest.raises(ValueError, match=r"takes no images\. For texts"):
        tl.ImageClassifierBuilder(f"keras_hub:{tmp_path / 'bert'}").build(2)


def test_without_kerashub_the_extra_is_named(monkeypatch):
    def without(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("transferlearn.backbones.hub_presets.import_module", without)
    with pytest.raises(ImportError, match=r'pip install -e "\.\[hub\]"'):
        tl.TextClassifierBuilder("keras_hub:bert_base_en").build(2)
