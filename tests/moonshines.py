"""A small Moonshine with random weights, as Hugging Face writes it."""

import json

import numpy as np

WIDTH, HEADS, LAYERS, WORDS = 16, 2, 2, 40


def state(seed=0, *, decoder=False):
    """Its tensors, by the names that Hugging Face gives them: the encoder's, or all."""
    random = np.random.default_rng(seed)
    shapes = {
        "conv1.weight": (WIDTH, 1, 127),
        "conv2.weight": (2 * WIDTH, WIDTH, 7),
        "conv2.bias": (2 * WIDTH,),
        "conv3.weight": (WIDTH, 2 * WIDTH, 3),
        "conv3.bias": (WIDTH,),
        "groupnorm.weight": (WIDTH,),
        "groupnorm.bias": (WIDTH,),
        "layer_norm.weight": (WIDTH,),
    }
    for i in range(LAYERS):
        shapes |= {f"layers.{i}.self_attn.{x}_proj.weight": (WIDTH, WIDTH) for x in "qkvo"}
        shapes[f"layers.{i}.mlp.fc1.weight"] = (3 * WIDTH, WIDTH)
        shapes[f"layers.{i}.mlp.fc1.bias"] = (3 * WIDTH,)
        shapes[f"layers.{i}.mlp.fc2.weight"] = (WIDTH, 3 * WIDTH)
        shapes[f"layers.{i}.mlp.fc2.bias"] = (WIDTH,)
        for norm in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"layers.{i}.{norm}.weight"] = (WIDTH,)
    shapes = {f"encoder.{name}": shape for name, shape in shapes.items()}
    if decoder:
        shapes |= {"decoder.embed_tokens.weight": (WORDS, WIDTH), "decoder.norm.weight": (WIDTH,)}
    for i in range(LAYERS if decoder else 0):
        place = f"decoder.layers.{i}."
        for attention in ("self_attn", "encoder_attn"):
            shapes |= {f"{place}{attention}.{x}_proj.weight": (WIDTH, WIDTH) for x in "qkvo"}
        shapes |= {
            f"{place}mlp.fc1.weight": (6 * WIDTH, WIDTH),
            f"{place}mlp.fc1.bias": (6 * WIDTH,),
        }
        shapes |= {f"{place}mlp.fc2.weight": (WIDTH, 3 * WIDTH), f"{place}mlp.fc2.bias": (WIDTH,)}
        for norm in ("input_layernorm", "post_attention_layernorm", "final_layernorm"):
            shapes[f"{place}{norm}.weight"] = (WIDTH,)
    return {
        f"model.{name}": random.normal(0, 0.3, shape).astype("float32")
        for name, shape in shapes.items()
    }


def hugging_face(folder, tensors, **settings):
    """Writes a folder as Hugging Face does."""
    from safetensors.numpy import save_file

    folder.mkdir()
    save_file(tensors, folder / "model.safetensors")
    described = {"model_type": "moonshine", "encoder_num_attention_heads": HEADS}
    described |= {"encoder_hidden_act": "gelu", "pad_head_dim_to_multiple_of": 8}
    described |= {"decoder_num_attention_heads": HEADS, "decoder_hidden_act": "silu"}
    described["rope_parameters"] = {"partial_rotary_factor": 0.8, "rope_theta": 500.0}
    (folder / "config.json").write_text(json.dumps(described | settings))
    return f"keras_hub:{folder}"


def folder_of(folder, seed=0):
    """A whole Moonshine in the folder of Hugging Face, with a tokenizer of letters."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    name = hugging_face(folder, state(seed, decoder=True), max_position_embeddings=12)
    letters = {chr(97 + i): 3 + i for i in range(26)} | {"Ġ": 29}
    special = ["<unk>", "<s>", "</s>"]
    made = Tokenizer(models.BPE(vocab=letters | {x: i for i, x in enumerate(special)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(one, special=True) for one in special])
    made.save(str(folder / "tokenizer.json"))
    return name
