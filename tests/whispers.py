"""A small Whisper with random weights: its files in two formats, and its answers by NumPy alone."""

import json
import math
import struct

import numpy as np

WIDTH, HEADS, LAYERS, WORDS, POSITIONS = 16, 2, 2, 40, (50, 12)  # positions: 1 second; 12 tokens
RATE = 16_000  # Hz
SAID = ["low", "mid", "high"]
NAMES = ("endoftext", "startoftranscript", "en", "transcribe", "notimestamps", "nocaptions")
IDS = {name: 29 + i for i, name in enumerate(NAMES)}
_KINDS = {np.dtype("float32"): 0, np.dtype("int8"): 1, np.dtype("int16"): 2, np.dtype("float16"): 4}


def state(seed=0, positions=POSITIONS):
    """All tensors of a Whisper, by the names that Hugging Face gives them."""
    random = np.random.default_rng(seed)
    shapes = {
        "encoder.conv1": (WIDTH, 80, 3),
        "encoder.conv2": (WIDTH, WIDTH, 3),
        "decoder.embed_tokens": (WORDS, WIDTH),
    }
    for part, most in zip(("encoder", "decoder"), positions, strict=True):
        shapes |= {f"{part}.embed_positions": (most, WIDTH), f"{part}.layer_norm": (WIDTH,)}
        for i in range(LAYERS):
            place = f"{part}.layers.{i}"
            for attention in ("self_attn", "encoder_attn")[: 1 + (part == "decoder")]:
                shapes |= {f"{place}.{attention}.{x}_proj": (WIDTH, WIDTH) for x in "qkv"}
                shapes[f"{place}.{attention}.out_proj"] = (WIDTH, WIDTH)
                shapes[f"{place}.{attention}_layer_norm"] = (WIDTH,)
            shapes |= {f"{place}.fc1": (2 * WIDTH, WIDTH), f"{place}.fc2": (WIDTH, 2 * WIDTH)}
            shapes[f"{place}.final_layer_norm"] = (WIDTH,)
    made = {}
    for name, shape in shapes.items():
        made[f"{name}.weight"] = random.normal(0, 0.3, shape).astype("float32")
        if "embed" not in name and not name.endswith("k_proj"):
            made[f"{name}.bias"] = random.normal(0, 0.3, shape[0]).astype("float32")
    return made


def hugging_face(folder, tensors):
    """Writes a folder as Hugging Face does."""
    from safetensors.numpy import save_file

    folder.mkdir()
    save_file({f"model.{name}": x for name, x in tensors.items()}, folder / "model.safetensors")
    described = {"model_type": "whisper", "activation_function": "gelu"}
    described |= {"encoder_attention_heads": HEADS, "decoder_attention_heads": HEADS}
    (folder / "config.json").write_text(json.dumps(described))
    return f"keras_hub:{folder}"


def stacked(tensors):
    """The same tensors by the names that CTranslate2 gives them."""
    found = {"encoder/num_heads": np.int16(HEADS)}
    places = {"encoder.conv1": "encoder/conv1", "encoder.conv2": "encoder/conv2"}
    places["decoder.embed_tokens"] = "decoder/embeddings"
    for part in ("encoder", "decoder"):
        found[f"{part}/position_encodings/encodings"] = tensors[f"{part}.embed_positions.weight"]
        places[f"{part}.layer_norm"] = f"{part}/layer_norm"
        for i in range(LAYERS):
            own, their = f"{part}.layers.{i}.", f"{part}/layer_{i}/"
            places |= {own + "fc1": their + "ffn/linear_0", own + "fc2": their + "ffn/linear_1"}
            places[own + "final_layer_norm"] = their + "ffn/layer_norm"
            places[own + "self_attn_layer_norm"] = their + "self_attention/layer_norm"
            places[own + "self_attn.out_proj"] = their + "self_attention/linear_1"
            rows = [f"{own}self_attn.{x}_proj" for x in "qkv"]
            _stack(found, tensors, their + "self_attention/linear_0", rows)
            if part == "decoder":
                places[own + "encoder_attn_layer_norm"] = their + "attention/layer_norm"
                places[own + "encoder_attn.q_proj"] = their + "attention/linear_0"
                places[own + "encoder_attn.out_proj"] = their + "attention/linear_2"
                rows = [f"{own}encoder_attn.{x}_proj" for x in "kv"]
                _stack(found, tensors, their + "attention/linear_1", rows)
    for own, their in places.items():
        weight, bias = ("gamma", "beta") if "norm" in their else ("weight", "bias")
        found[f"{their}/{weight}"] = tensors[f"{own}.weight"]
        if f"{own}.bias" in tensors:
            found[f"{their}/{bias}"] = tensors[f"{own}.bias"]
    return found


def _stack(found, tensors, name, rows):
    biases = [tensors.get(f"{row}.bias", np.zeros(WIDTH, "float32")) for row in rows]
    found[f"{name}/weight"] = np.concatenate([tensors[f"{row}.weight"] for row in rows])
    found[f"{name}/bias"] = np.concatenate(biases)


def ctranslate2(tensors, spec="WhisperSpec", version=6, aliases=()):
    """The bytes of a `model.bin`."""

    def word(text):
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    parts = [struct.pack("<I", version), word(spec), struct.pack("<II", 3, len(tensors))]
    for name, x in tensors.items():
        parts += [word(name), struct.pack(f"<B{x.ndim}I", x.ndim, *x.shape)]
        parts += [struct.pack("<BI", _KINDS[x.dtype], x.nbytes), x.tobytes()]
    parts += [struct.pack("<I", len(aliases)), *(word(a) + word(b) for a, b in aliases)]
    return b"".join(parts)


def spectrogram(wave, mels=80):
    """Whisper's spectrogram of one row by NumPy's Fourier transform, `(frames, mels)`."""
    padded = np.pad(wave.astype("float64"), 200, mode="reflect")
    hann = np.sin(np.pi * np.arange(400) / 400) ** 2
    begins = range(0, len(wave), 160)
    power = np.stack([np.abs(np.fft.rfft(padded[i : i + 400] * hann)) ** 2 for i in begins])
    edges = np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), mels + 2)  # 8 kHz in Slaney's mel
    edges = np.where(edges < 15, edges * 200 / 3, 1000 * 6.4 ** ((edges - 15) / 27))
    hertz = np.arange(201) * 40.0
    filters = [
        np.interp(hertz, edges[i : i + 3], [0, 2 / (edges[i + 2] - edges[i]), 0])
        for i in range(mels)
    ]
    logarithms = np.log10(np.maximum(power @ np.array(filters).T, 1e-10))
    return (np.maximum(logarithms, logarithms.max() - 8) + 4) / 4


def _linear(x, tensors, name):
    return x @ tensors[f"{name}.weight"].T + tensors.get(f"{name}.bias", 0)


def _normed(x, tensors, name):
    spread = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    x = (x - x.mean(-1, keepdims=True)) / spread
    return x * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def _gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / np.sqrt(2)))


def _attention(x, memory, tensors, name, mask):
    heads = []
    for i in range(HEADS):
        own = slice(i * WIDTH // HEADS, (i + 1) * WIDTH // HEADS)
        q = _linear(x, tensors, f"{name}.q_proj")[:, own]
        k, v = (_linear(memory, tensors, f"{name}.{which}_proj")[:, own] for which in "kv")
        scores = np.where(mask, q @ k.T / np.sqrt(WIDTH // HEADS), -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        heads.append(shares / shares.sum(-1, keepdims=True) @ v)
    return _linear(np.concatenate(heads, 1), tensors, f"{name}.out_proj")


def _layers(x, tensors, part, memory=None):
    mask = True if memory is None else np.tri(len(x), dtype=bool)
    for i in range(LAYERS):
        own = f"{part}.layers.{i}."
        normed = _normed(x, tensors, own + "self_attn_layer_norm")
        x = x + _attention(normed, normed, tensors, own + "self_attn", mask)
        if memory is not None:
            normed = _normed(x, tensors, own + "encoder_attn_layer_norm")
            x = x + _attention(normed, memory, tensors, own + "encoder_attn", True)
        normed = _normed(x, tensors, own + "final_layer_norm")
        x = x + _linear(_gelu(_linear(normed, tensors, own + "fc1")), tensors, own + "fc2")
    return _normed(x, tensors, f"{part}.layer_norm")


def encoded(frames, tensors):
    """The encoder's states for a spectrogram, `(frames / 2, WIDTH)`."""

    def convolved(x, name, stride):
        padded, kernel = np.pad(x, ((1, 1), (0, 0))), tensors[f"{name}.weight"]
        places = range(0, len(x), stride)
        made = [np.einsum("tc,dct->d", padded[i : i + 3], kernel) for i in places]
        return _gelu(np.stack(made) + tensors[f"{name}.bias"])

    x = convolved(convolved(frames, "encoder.conv1", 1), "encoder.conv2", 2)
    return _layers(x + tensors["encoder.embed_positions.weight"][: len(x)], tensors, "encoder")


def decoded(ids, states, tensors):
    """The decoder's states for token ids, `(tokens, WIDTH)`."""
    x = tensors["decoder.embed_tokens.weight"][ids]
    x = x + tensors["decoder.embed_positions.weight"][: len(ids)]
    return _layers(x, tensors, "decoder", states)


def tone(word, seconds=0.5, seed=0):
    """A tone with a little noise, whose pitch is the word."""
    hertz = 300 * (1 + 2 * SAID.index(word))
    noise = np.random.default_rng(seed).normal(0, 0.01, round(seconds * RATE))
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(len(noise)) / RATE)
    return (wave + noise).astype("float32")


def folder_of(path, seed=0, positions=POSITIONS, *, languages=()):
    """A small Whisper in the folder of Hugging Face, with a tokenizer of letters.

    With languages it knows them and English, and translates.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    name = hugging_face(path, state(seed, positions))
    letters = {chr(97 + i): i for i in range(26)} | {"Ġ": 26, "H": 27, "!": 28}
    made = Tokenizer(models.BPE(vocab=letters, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    names = [*NAMES, *(["translate", *languages] if languages else ())]
    made.add_special_tokens([AddedToken(f"<|{name}|>", special=True) for name in names])
    made.save(str(path / "tokenizer.json"))
    settings = {"suppress_tokens": [0, 35], "begin_suppress_tokens": [25]}
    settings["is_multilingual"] = bool(languages)
    settings["lang_to_id"] = {f"<|{x}|>": made.token_to_id(f"<|{x}|>") for x in ("en", *languages)}
    (path / "generation_config.json").write_text(json.dumps(settings))
    return name
