"""Language models become folders of Hugging Face, which answer with equal logits."""

import json

import numpy as np
import pytest

pytest.importorskip("keras_hub")
pytest.importorskip("safetensors")

import keras
import keras_hub as hub

import transferlearn as tl
from tests import language
from transferlearn import backbones
from transferlearn.backbones.keras_hub import HubTokenizer
from transferlearn.cli import main

LLAMA = ("begin_of_text", "end_of_text", "start_header_id", "end_header_id", "eot_id")
TEXTS = ["Anna sings at 4.", "Where é is, 😀 is."]


def tokenizer(family):
    """Pairs of bytes with three special tokens."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [i for i in range(256) if i not in printable]
    letters = {i: chr(i) for i in printable} | {i: chr(256 + n) for n, i in enumerate(others)}
    names = {"Llama3": tuple(f"<|{name}|>" for name in LLAMA), "GPT2": ("<|endoftext|>",)}
    vocabulary = {letters[i]: i for i in range(256)} | {"at": 256}
    vocabulary |= {name: 257 + i for i, name in enumerate(names[family])}
    made = getattr(hub.models, f"{family}Tokenizer")
    return HubTokenizer(made(vocabulary=vocabulary, merges=["a t"]))


def network(family, tied=True):
    """A network with weights that are far from those of another."""
    keras.utils.set_random_seed(1)
    settings = {"vocabulary_size": 257 + len(LLAMA), "num_layers": 2, "hidden_dim": 32}
    if family == "GPT2":
        made = hub.models.GPT2Backbone(
            **settings, num_heads=4, intermediate_dim=128, max_sequence_length=64
        )
    else:
        made = hub.models.Llama3Backbone(
            **settings,
            num_query_heads=4,
            num_key_value_heads=2,
            intermediate_dim=48,
            rope_max_wavelength=5000,
            layer_norm_epsilon=1e-4,
            tie_word_embeddings=tied,
        )
    random = np.random.default_rng(0)
    for weight in made.weights:
        weight.assign(weight + random.normal(0, 0.15, weight.shape))
    return made


@pytest.fixture(scope="module")
def fitted():
    """A Llama with low-rank updates."""
    backbone = backbones.from_encoder(network("Llama3"), tokenizer("Llama3"), pooling="next")
    builder = tl.CausalLMBuilder(
        backbone,
        sequence_length=32,
        freeze=tl.freezing.LowRank(2),
        learning_rate=0.1,
        sampling=tl.edge.Sampling(max_new_tokens=9, temperature=0.5),
    )
    return builder.fit(language.stories(4), epochs=1, verbose=0)


def logits(fitted, ids):
    return keras.ops.convert_to_numpy(fitted.model(ids))


def read(folder, ids):
    """What this package reads of a folder."""
    model = backbones.get_text(f"keras_hub:{folder}", pooling="next")
    np.testing.assert_array_equal(
        np.concatenate(model.tokenizer.tokenize(TEXTS)),
        np.concatenate(tokenizer("GPT2" if folder.name == "gpt2" else "Llama3").tokenize(TEXTS)),
    )
    return keras.ops.convert_to_numpy(model.model(ids))


def test_a_llama_with_updates_is_read_as_it_was(fitted, tmp_path):
    ids = np.arange(40, 60, dtype="int32")[None]
    expected = logits(fitted, ids)
    made = tl.export(fitted, tmp_path / "llama", format="huggingface")
    assert made.difference < 1e-4
    np.testing.assert_allclose(read(tmp_path / "llama", ids), expected, atol=1e-4)
    assert len(fitted.adapters) == 4  # it is not changed itself
    config = json.loads((tmp_path / "llama" / "config.json").read_text())
    assert config["rms_norm_eps"] == 1e-4
    settings = json.loads((tmp_path / "llama" / "generation_config.json").read_text())
    assert (settings["max_new_tokens"], settings["temperature"]) == (9, 0.5)
    assert settings["eos_token_id"] == 258
    tl.export(fitted, tmp_path / "llama", format="huggingface")  # in its place
    (tmp_path / "llama" / "mine.txt").touch()
    with pytest.raises(OSError, match=r"mine\.txt"):
        tl.export(fitted, tmp_path / "llama", format="huggingface")


@pytest.mark.full
@pytest.mark.parametrize("family", ["GPT2", "Llama3"])
def test_transformers_has_equal_logits(family, tmp_path, monkeypatch):
    made = network(family, tied=False)
    backbone = backbones.from_encoder(made, tokenizer(family), pooling="next")
    builder = tl.CausalLMBuilder(backbone, sequence_length=32)
    fitted = builder.fit(language.stories(4), epochs=1, verbose=0)
    fitted.save(tmp_path / "save")
    folder = tmp_path / family.lower()
    assert not main(
        ["export", str(tmp_path / "save"), str(folder), "--format", "huggingface", "--json"]
    )
    ids = np.arange(40, 60, dtype="int32")[None]
    np.testing.assert_allclose(read(folder, ids), logits(fitted, ids), atol=1e-4)
    monkeypatch.setenv("USE_HUB_KERNELS", "0")  # transformers 5.25 asks for another package
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    there = transformers.AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        found = there(torch.tensor(ids.astype("int64"))).logits.numpy()
    np.testing.assert_allclose(found, logits(fitted, ids), atol=1e-3)
    tokens = transformers.AutoTokenizer.from_pretrained(folder)
    own = tokenizer(family).tokenize(TEXTS)
    assert [tokens(text)["input_ids"] for text in TEXTS] == [ids.tolist() for ids in own]
    messages = [{"role": "user", "content": "Hello"}]
    prompt = tokens.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert prompt == fitted.kind.tokenizer.chat_template.prompt(messages)


def test_other_models_are_refused_by_name(tmp_path, fitted):
    keras.utils.set_random_seed(0)
    bloom = hub.models.BloomBackbone(
        vocabulary_size=259, num_layers=2, num_heads=2, hidden_dim=16, intermediate_dim=32
    )
    backbone = backbones.from_encoder(bloom, tokenizer("GPT2"), pooling="next")
    other = tl.CausalLMBuilder(backbone, sequence_length=32).fit(
        language.stories(4), epochs=1, verbose=0
    )
    with pytest.raises(ValueError, match=r"BloomDecoder.*like Llama and GPT-2"):
        tl.export(other, tmp_path / "bloom", format="huggingface")
    letters = tl.CausalLMBuilder(language.backbone(layers=1), sequence_length=32)
    spelled = letters.fit(language.stories(4), epochs=1, verbose=0)
    with pytest.raises(ValueError, match=r"Letters has no tokenizer\.json"):
        tl.export(spelled, tmp_path / "letters", format="huggingface")
    assert not list(tmp_path.iterdir())
