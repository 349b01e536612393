"""Turns a GGUF file of a Llama into a folder as Hugging Face writes it, which KerasHub reads."""

import json
from pathlib import Path

import numpy as np

from transferlearn.fitted.places import folder_written_whole
from transferlearn.json_fields import Json

_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_SPECIAL = 3  # the type of tokens that no text is cut into


def write_as_hugging_face(file: Path, folder: Path) -> int:
    """Writes the network and the tokenizer of a GGUF file as Hugging Face does.

    Args:
        file: A Llama whose embeddings also make the logits; its weights may be quantized.
        folder: The folder, which is made: `config.json`, `tokenizer.json`,
            `tokenizer_config.json` and `model.safetensors` in float32.

    Returns:
        The number of weights.
    """
    import gguf
    from safetensors.numpy import save_file

    read = gguf.GGUFReader(file)
    facts = {name: field.contents() for name, field in read.fields.items()}
    config = _config_of(facts)
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    weights = {}
    for tensor in read.tensors:
        kernel = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        part = tensor.name.split(".")[-2]
        if part in heads:
            kernel = _unpermuted(kernel, heads[part])
        weights[_name_of(tensor.name)] = np.ascontiguousarray(kernel)
    files = {
        "config": config,
        "tokenizer": _tokenizer_of(facts),
        "tokenizer_config": _tokenizer_config_of(facts),
    }
    with folder_written_whole(folder) as draft:
        save_file(weights, str(draft / "model.safetensors"), {"format": "pt"})
        for name, content in files.items():
            (draft / f"{name}.json").write_text(json.dumps(content, indent=1), "utf-8")
    return sum(kernel.size for kernel in weights.values())


def _unpermuted(kernel: np.ndarray, heads: int) -> np.ndarray:
    """Returns a kernel of queries or keys with its rows as Hugging Face has them.

    llama.cpp puts the two halves of a head, which rotate together, beside each other.
    """
    rows, columns = kernel.shape
    pairs = kernel.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def _name_of(name: str) -> str:
    """Returns Hugging Face's name of a tensor."""
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{_LAYER[parts[2]]}.{parts[3]}"
    return f"{_OUTSIDE[parts[0]]}.{parts[1]}"


def _config_of(facts: Json) -> Json:
    """Returns `config.json`."""
    heads = facts["llama.attention.head_count"]
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": facts["llama.vocab_size"],
        "num_hidden_layers": facts["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": facts["llama.attention.head_count_kv"],
        "hidden_size": facts["llama.embedding_length"],
        "head_dim": facts["llama.embedding_length"] // heads,
        "intermediate_size": facts["llama.feed_forward_length"],
        "max_position_embeddings": facts["llama.context_length"],
        "rms_norm_eps": round(facts["llama.attention.layer_norm_rms_epsilon"], 8),
        "rope_theta": facts["llama.rope.freq_base"],
        "tie_word_embeddings": True,
        "hidden_act": "silu",
        "bos_token_id": facts["tokenizer.ggml.bos_token_id"],
        "eos_token_id": facts["tokenizer.ggml.eos_token_id"],
        "torch_dtype": "float32",
    }


def _tokenizer_of(facts: Json) -> Json:
    """Returns `tokenizer.json`: byte-level pairs, with each digit by itself."""
    tokens, kinds = facts["tokenizer.ggml.tokens"], facts["tokenizer.ggml.token_type"]
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    added = [
        {
            "id": i,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind == _SPECIAL
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                {**bytes_, "use_regex": True},
            ],
        },
        "post_processor": None,
        "decoder": {**bytes_, "add_prefix_space": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": facts["tokenizer.ggml.merges"],
        },
    }


def _tokenizer_config_of(facts: Json) -> Json:
    """Returns `tokenizer_config.json`."""
    tokens = facts["tokenizer.ggml.tokens"]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[facts["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[facts["tokenizer.ggml.eos_token_id"]],
        "pad_token": tokens[facts["tokenizer.ggml.padding_token_id"]],
        "model_max_length": facts["llama.context_length"],
        "chat_template": facts.get("tokenizer.chat_template"),
        "clean_up_tokenization_spaces": False,
    }
