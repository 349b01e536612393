"""Small real language models, with a tokenizer of bytes, and texts to go on with."""

import keras
import numpy as np

from transferlearn import backbones
from transferlearn.data import Tokenizer


class Letters(Tokenizer):
    """Takes each byte as a token; 1 ends a text."""

    start, end, padding, unknown, size = (), (1,), 0, None, 256

    def tokenize(self, texts):
        return [np.frombuffer(text.encode(), np.uint8).astype("int32") for text in texts]

    def text(self, ids):
        return bytes(int(i) for i in ids).decode("utf-8", "replace")

    def save(self, folder):
        folder.mkdir()

    @classmethod
    def load(cls, folder):
        return cls()

    def __eq__(self, other):
        return isinstance(other, Letters)

    def __hash__(self):
        return hash(Letters)


def llama(layers=3, width=32, seed=0):
    """A Llama with random weights that are large enough for spread-out outputs."""
    import keras_hub

    keras.utils.set_random_seed(seed)
    made = keras_hub.models.Llama3Backbone(
        vocabulary_size=256,
        num_layers=layers,
        num_query_heads=4,
        num_key_value_heads=2,
        hidden_dim=width,
        intermediate_dim=2 * width,
        tie_word_embeddings=True,
        layer_norm_epsilon=1e-5,
    )
    return _spread(made, seed)


def gpt2(layers=3, width=32, seed=0, vocabulary=256):
    """A GPT-2 with such weights."""
    import keras_hub

    keras.utils.set_random_seed(seed)
    made = keras_hub.models.GPT2Backbone(
        vocabulary_size=vocabulary,
        num_layers=layers,
        num_heads=4,
        hidden_dim=width,
        intermediate_dim=2 * width,
        max_sequence_length=128,
    )
    return _spread(made, seed)


def _spread(made, seed):
    random = np.random.default_rng(seed)
    for weight in made.trainable_weights:
        if len(weight.shape) > 1:
            weight.assign(random.normal(0, 0.15, weight.shape))
    return made


def backbone(make=llama, **settings):
    """A language model as a backbone."""
    return backbones.from_encoder(make(**settings), Letters(), pooling="next")


def stories(count, seed=0):
    """Texts of a few words that follow a rule."""
    random = np.random.default_rng(seed)
    names, verbs = ["Anna", "Tom", "Mia"], ["sings", "reads", "sleeps"]
    return [
        " ".join(
            f"{names[n]} {verbs[n]} at {random.integers(10)}." for n in random.integers(0, 3, 6)
        )
        for _ in range(count)
    ]


def _vocabulary():
    """All bytes as GPT-2 writes them, an end of texts, and one pair."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [i for i in range(256) if i not in printable]
    letters = {i: chr(i) for i in printable} | {i: chr(256 + n) for n, i in enumerate(others)}
    return {letters[i]: i for i in range(256)} | {"<|endoftext|>": 256, "at": 257}


def gguf_of(file, heads=4, groups=2, width=32, layers=2):
    """Writes a small Llama as llama.cpp does; returns its weights as Hugging Face has them."""
    from gguf import GGUFWriter

    random, wide = np.random.default_rng(0), width // heads * groups
    vocabulary = _vocabulary()
    writer = GGUFWriter(file, "llama")
    for name, value in {
        "vocab_size": len(vocabulary),
        "block_count": layers,
        "head_count": heads,
        "head_count_kv": groups,
        "embedding_length": width,
        "feed_forward_length": 2 * width,
        "context_length": 512,
        "layer_norm_rms_eps": 1e-5,
        "rope_freq_base": 1e4,
    }.items():
        getattr(writer, f"add_{name}")(value)
    writer.add_token_list(list(vocabulary))
    writer.add_token_types([3 if id_ == 256 else 1 for id_ in vocabulary.values()])
    writer.add_token_merges(["a t"])
    for name in ("bos", "eos", "pad"):
        getattr(writer, f"add_{name}_token_id")(256)
    weights = {}

    def add(theirs, ours, *shape, heads=None):
        made = random.normal(0, 0.15, shape) if len(shape) > 1 else random.uniform(0.5, 1, shape)
        made = weights[f"{ours}.weight"] = made.astype("float32")
        if heads:  # as llama.cpp's convert_hf_to_gguf.py has it
            halves = made.reshape(heads, 2, shape[0] // heads // 2, width)
            made = np.ascontiguousarray(halves.swapaxes(1, 2).reshape(shape))
        writer.add_tensor(f"{theirs}.weight", made)

    add("token_embd", "model.embed_tokens", len(vocabulary), width)
    add("output_norm", "model.norm", width)
    for i in range(layers):
        theirs, ours = f"blk.{i}", f"model.layers.{i}"
        add(f"{theirs}.attn_norm", f"{ours}.input_layernorm", width)
        add(f"{theirs}.ffn_norm", f"{ours}.post_attention_layernorm", width)
        add(f"{theirs}.attn_q", f"{ours}.self_attn.q_proj", width, width, heads=heads)
        add(f"{theirs}.attn_k", f"{ours}.self_attn.k_proj", wide, width, heads=groups)
        add(f"{theirs}.attn_v", f"{ours}.self_attn.v_proj", wide, width)
        add(f"{theirs}.attn_output", f"{ours}.self_attn.o_proj", width, width)
        add(f"{theirs}.ffn_gate", f"{ours}.mlp.gate_proj", 2 * width, width)
        add(f"{theirs}.ffn_up", f"{ours}.mlp.up_proj", 2 * width, width)
        add(f"{theirs}.ffn_down", f"{ours}.mlp.down_proj", width, 2 * width)
    for step in ("header", "kv_data", "tensors"):
        getattr(writer, f"write_{step}_to_file")()
    writer.close()
    return weights


def folder_of(path):
    """Writes a GPT-2 with a tokenizer of bytes as a KerasHub preset."""
    import keras_hub

    vocabulary = _vocabulary()
    tokenizer = keras_hub.models.GPT2Tokenizer(vocabulary=vocabulary, merges=["a t"])
    gpt2(vocabulary=258).save_to_preset(str(path))
    keras_hub.models.GPT2CausalLMPreprocessor(tokenizer).save_to_preset(str(path))
    return str(path)
