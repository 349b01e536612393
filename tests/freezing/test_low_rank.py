"""Low-rank updates: what they compute and leave as it is, and their way to PEFT and back."""

import json

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub")

import transferlearn as tl
from tests import language
from tests.language import stories
from transferlearn.freezing import LowRank, TrainLastBlocks, updates_of

IDS = np.arange(40, 60, dtype="int32")[None]
ALL = ("query", "key", "value", "attention_output", "feedforward_intermediate_dense")


@pytest.fixture(scope="module")
def backbone():
    return language.backbone()


@pytest.fixture(scope="module")
def fitted(backbone):
    return train(builder(backbone), cache=True)


@pytest.fixture(scope="module")
def networks(backbone):
    """A network with updates, and one without."""
    updated, plain = (builder(backbone, freeze=x).build() for x in (LowRank(2), "none"))
    drawn(updated)
    return updated, plain


def builder(backbone, **settings):
    given = {"sequence_length": 32, "learning_rate": 1e-2, "seed": 0}
    given["freeze"] = TrainLastBlocks(2) | LowRank(2)
    return tl.CausalLMBuilder(backbone, **{**given, **settings})


def train(made, **options):
    return made.fit(stories(12), epochs=1, verbose=0, **options)


def logits(model):
    return keras.ops.convert_to_numpy(model(IDS, training=False))


def drawn(model, seed=0):
    """Gives the updates of a network random numbers, so that they change what it gives."""
    random = np.random.default_rng(seed)
    for _, part in updates_of(model.layers):
        for weight in (part.lora_a, part.lora_b):
            weight.assign(random.normal(0, 0.2, weight.shape))


def test_updates_alone_are_trained_in_the_free_blocks_and_stored_equals_live(fitted, backbone):
    shapes = {tuple(weight.shape) for weight in fitted.model.trainable_weights}
    assert shapes == {(32, 2), (2, 32), (2, 16)}
    assert len(fitted.adapters) == 4
    assert fitted.phases[-1].stored is not None
    for layer in backbone.model.layers:
        kept = [w for w in fitted.model.get_layer(layer.name).weights if "lora" not in w.name]
        for old, now in zip(layer.weights, kept, strict=True):
            np.testing.assert_array_equal(old, now)
    assert all(np.abs(weight).max() > 0 for weight in fitted.model.trainable_weights)
    live = train(builder(backbone), cache=False)
    for one, other in zip(fitted.model.weights, live.model.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    "make", [pytest.param(language.llama, marks=pytest.mark.full), language.gpt2]
)
def test_merging_changes_the_weights_and_not_the_answers(make):
    plain = builder(language.backbone(make), freeze="none").build()
    model = builder(language.backbone(make), freeze=LowRank(3, targets=ALL)).build()
    np.testing.assert_allclose(logits(model), logits(plain), atol=1e-6)  # B is 0
    assert len(updates_of(model.layers)) == 5 * 3
    drawn(model)
    before = logits(model)
    assert np.abs(before - logits(plain)).max() > 0.1
    tl.freezing.merge_updates(model.layers)
    np.testing.assert_allclose(logits(model), before, atol=1e-4)
    assert [w.shape for w in model.weights] == [w.shape for w in plain.weights]


def test_a_save_holds_merged_weights_and_adapters_are_saved_alone(fitted, backbone, tmp_path):
    fitted.save(tmp_path / "model")
    again = tl.load(tmp_path / "model")
    np.testing.assert_allclose(logits(again.model), logits(fitted.model), atol=1e-5)
    assert not len(again.adapters)
    with pytest.raises(ValueError, match=r"no low-rank updates.*freeze=tl.freezing.LowRank"):
        again.adapters.save(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    fitted.adapters.save(tmp_path / "adapters")
    config = json.loads((tmp_path / "adapters" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["peft_type"]) == (2, 4, "LORA")
    assert (config["target_modules"], config["layers_to_transform"]) == (
        ["q_proj", "v_proj"],
        [1, 2],
    )
    other = builder(backbone, freeze="none").build()
    tl.freezing.read_updates(other.layers, tmp_path / "adapters")
    np.testing.assert_allclose(logits(other), logits(fitted.model), atol=1e-6)
    fitted.adapters.merge()
    assert not len(fitted.adapters)
    np.testing.assert_allclose(logits(fitted.model), logits(other), atol=1e-5)
    fitted.adapters.load(tmp_path / "adapters")  # once more, on top of what was merged
    assert len(fitted.adapters) == 4
    assert np.abs(logits(fitted.model) - logits(other)).max() > 1e-3


def test_adapters_of_another_network_are_refused(tmp_path):
    model = builder(language.backbone(), freeze=LowRank(2)).build()
    tl.freezing.write_updates(model.layers, tmp_path, "tiny")
    for other, words in (
        (language.backbone(width=16), "proj.lora_A.weight has the shape"),
        (language.backbone(layers=2), "has no .*layers"),
        (language.backbone(language.gpt2), "the network has no .*proj"),
    ):
        plain = builder(other, freeze="none").build()
        before, names = logits(plain), [weight.path for weight in plain.weights]
        with pytest.raises(ValueError, match=f"is of another network: .*{words}"):
            tl.freezing.read_updates(plain.layers, tmp_path)
        np.testing.assert_array_equal(logits(plain), before)
        assert [weight.path for weight in plain.weights] == names
    config = tmp_path / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "use_dora": True}))
    with pytest.raises(ValueError, match="use_dora is True, and only False can be read"):
        tl.freezing.read_updates(model.layers, tmp_path)
    with pytest.raises(OSError, match=r"no adapter_config\.json"):
        tl.freezing.read_updates(model.layers, tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"r": 10**8}, r"has the shape|have the rank 100000000, and the network's 2"),
        ({"lora_alpha": 1e39}, "too large for float32"),
        ({"lora_alpha": 10**400}, "alpha is a number above 0"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights is 'pissa', which changes the network"),
        ({"layer_replication": [[0, 3]]}, "layer_replication is"),
        ("[" * 200_000, "cannot be used: maximum recursion"),
        ("[]", "it is no object"),
        (np.float32("nan"), "holds NaN, or too large a number"),
        (np.float64(3e38), "holds NaN, or too large a number"),
        (np.complex64(1), "is no matrix of a low-rank update"),
    ],
)
def test_a_strangers_adapters_make_nothing_of_their_size(change, words, networks, tmp_path):
    from safetensors.numpy import load_file, save_file

    tl.freezing.write_updates(networks[0].layers, tmp_path, "tiny")
    config, file = tmp_path / "adapter_config.json", tmp_path / "adapter_model.safetensors"
    if isinstance(change, dict):
        config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    elif isinstance(change, str):
        config.write_text(change)
    else:
        save_file(
            {name: (x * change).astype(type(change)) for name, x in load_file(file).items()}, file
        )
    for network in networks:
        before = [(weight.path, np.array(weight)) for weight in network.weights]
        with pytest.raises(ValueError, match=words):
            tl.freezing.read_updates(network.layers, tmp_path)
        for (path, value), weight in zip(before, network.weights, strict=True):
            assert path == weight.path
            np.testing.assert_array_equal(value, weight)


def test_what_cannot_be_updated_is_said(backbone):
    with pytest.raises(ValueError, match=r"No layer that is free has qurey .*query, value"):
        builder(backbone, freeze=LowRank(2, targets="qurey")).build()
    with pytest.raises(ValueError, match="No layer that is free has query or value"):
        builder(backbone, freeze=TrainLastBlocks(0) | LowRank(2)).build()
    for settings in ({"rank": 0}, {"alpha": 0}, {"targets": ()}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            LowRank(**settings)


@pytest.mark.full
def test_a_run_that_is_killed_goes_on(backbone):
    tl.testing.check_resume(builder(backbone), stories(24), epochs=2, validation_split=0.25)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")  # those of PEFT
def test_peft_reads_what_is_written_and_is_read(tmp_path):
    peft, torch = pytest.importorskip("peft"), pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    import keras_hub

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "vocab_size": 256}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    config = transformers.LlamaConfig(**sizes, **heads, rms_norm_eps=1e-6)  # as KerasHub's
    hub = transformers.LlamaForCausalLM(config)
    hub.save_pretrained(tmp_path / "llama")
    network = keras_hub.models.Backbone.from_preset(str(tmp_path / "llama"))
    backbone = tl.backbones.from_encoder(network, language.Letters(), pooling="next")

    def theirs(model):
        with torch.no_grad():
            return model(torch.tensor(IDS.astype("int64"))).logits.numpy()

    ours = builder(backbone, freeze=LowRank(4, 4, targets=ALL)).build()
    np.testing.assert_allclose(logits(ours), theirs(hub), atol=1e-4)
    drawn(ours)
    tl.freezing.write_updates(ours.layers, tmp_path, "llama")
    again = peft.PeftModel.from_pretrained(hub, tmp_path)
    np.testing.assert_allclose(theirs(again), logits(ours), atol=1e-4)
    again.save_pretrained(tmp_path / "back")
    other = builder(backbone, freeze="none").build()
    tl.freezing.read_updates(other.layers, tmp_path / "back")
    np.testing.assert_allclose(logits(other), logits(ours), atol=1e-5)
