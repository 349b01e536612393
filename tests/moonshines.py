"""A small Moonshine with random weights, as Hugging Face writes it."""

import json

import numpy as np

WIDTH, HEADS, LAYERS = 16, 2, 2


def state(seed=0):
    """The tensors of its encoder, by the names that Hugging Face gives them."""
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
    return {
        f"model.encoder.{name}": random.normal(0, 0.3, shape).astype("float32")
        for name, shape in shapes.items()
    }


def hugging_face(folder, tensors, **settings):
    """Writes a folder as Hugging Face does."""
    from safetensors.numpy import save_file

    folder.mkdir()
    save_file(tensors, folder / "model.safetensors")
    described = {"model_type": "moonshine", "encoder_num_attention_heads": HEADS}
    described |= {"encoder_hidden_act": "gelu", "pad_head_dim_to_multiple_of": 8}
    described["rope_parameters"] = {"partial_rotary_factor": 0.8, "rope_theta": 500.0}
    (folder / "config.json").write_text(json.dumps(described | settings))
    return f"keras_hub:{folder}"
