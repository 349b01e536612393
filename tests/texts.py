"""Small real encoders for texts, with their tokenizers, and texts to tell apart."""

import json

import keras
import numpy as np

from transferlearn.data import Characters

_WORDS = ["good", "fine", "great", "bad", "poor", "awful", "film", "plot", "actor", "scene"]
_WORDS += ["the", "was", "is", "very", "not"]
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LENGTH = 64


def tokenizer():
    """BERT's, with a vocabulary of a few words and all letters."""
    import keras_hub

    letters = [c for letter in "abcdefghijklmnopqrstuvwxyz.,!" for c in (letter, f"##{letter}")]
    return keras_hub.models.BertTokenizer(vocabulary=[*_SPECIAL, *_WORDS, *letters], lowercase=True)


def encoder(layers=3, width=32, seed=0):
    """A BERT with random weights that are large enough for spread-out outputs."""
    import keras_hub

    keras.utils.set_random_seed(seed)
    hub = keras_hub.models.BertBackbone(
        vocabulary_size=len(tokenizer().get_vocabulary()),
        num_layers=layers,
        num_heads=2,
        hidden_dim=width,
        intermediate_dim=2 * width,
        max_sequence_length=LENGTH,
    )
    random = np.random.default_rng(seed)
    for weight in hub.trainable_weights:
        if len(weight.shape) > 1:
            spread = 1.0 if "token_embedding" in weight.path else 0.05
            weight.assign(random.normal(0, spread, weight.shape))
    return hub


def reviews(count, seed=0):
    """Texts of a few words, and whether they praise: `(texts, labels)`."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for i in range(count):
        label = ("bad", "good")[i % 2]
        words = _WORDS[:3] if label == "good" else _WORDS[3:6]
        filling = random.choice(_WORDS[6:14], random.integers(2, 9))
        place = random.integers(len(filling))
        texts.append(" ".join([*filling[:place], random.choice(words), *filling[place:]]))
        labels.append(label)
    return texts, labels


def folder_of(path, seed=0, layers=3):
    """Writes an encoder with its tokenizer as a KerasHub preset."""
    import keras_hub

    preprocessor = keras_hub.models.BertTextClassifierPreprocessor(tokenizer(), sequence_length=32)
    encoder(layers, seed=seed).save_to_preset(str(path))
    preprocessor.save_to_preset(str(path))
    return str(path)


def hugging_face_folder(path, seed=0):
    """Writes an encoder as Hugging Face does, and gives it."""
    from safetensors.numpy import save_file

    hub = encoder(seed=seed)
    path.mkdir()
    (path / "config.json").write_text(
        json.dumps(
            {
                "model_type": "bert",
                "vocab_size": hub.vocabulary_size,
                "num_hidden_layers": hub.num_layers,
                "num_attention_heads": hub.num_heads,
                "hidden_size": hub.hidden_dim,
                "intermediate_size": hub.intermediate_dim,
                "max_position_embeddings": hub.max_sequence_length,
            }
        )
    )
    (path / "vocab.txt").write_text("\n".join(tokenizer().get_vocabulary()) + "\n", "utf-8")
    (path / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True})
    )
    tensors = {name: np.ascontiguousarray(value) for name, value in _in_torch(hub).items()}
    save_file(tensors, str(path / "model.safetensors"))
    return hub


def _in_torch(hub):
    def value(variable):
        return np.array(variable)

    def dense(name, layer, width):
        kernel, bias = value(layer.kernel), value(layer.bias)
        return {f"{name}.weight": kernel.reshape(width, -1).T, f"{name}.bias": bias.ravel()}

    def norm(name, layer):
        return {f"{name}.weight": value(layer.gamma), f"{name}.bias": value(layer.beta)}

    names = {"word": "token_embedding", "token_type": "segment_embedding"}
    found = {
        f"embeddings.{name}_embeddings.weight": value(hub.get_layer(layer).embeddings)
        for name, layer in names.items()
    }
    position = hub.get_layer("position_embedding").position_embeddings
    found["embeddings.position_embeddings.weight"] = value(position)
    found |= norm("embeddings.LayerNorm", hub.get_layer("embeddings_layer_norm"))
    found |= dense("pooler.dense", hub.get_layer("pooled_dense"), hub.hidden_dim)
    for i in range(hub.num_layers):
        layer, prefix = hub.get_layer(f"transformer_layer_{i}"), f"encoder.layer.{i}"
        attention = layer._self_attention_layer
        for part in ("query", "key", "value"):
            own = getattr(attention, f"{part}_dense")
            found |= dense(f"{prefix}.attention.self.{part}", own, hub.hidden_dim)
        output = f"{prefix}.attention.output"
        found |= dense(f"{output}.dense", attention.output_dense, hub.hidden_dim)
        found |= norm(f"{output}.LayerNorm", layer._self_attention_layer_norm)
        inner = layer._feedforward_intermediate_dense
        found |= dense(f"{prefix}.intermediate.dense", inner, hub.hidden_dim)
        outer = layer._feedforward_output_dense
        found |= dense(f"{prefix}.output.dense", outer, hub.intermediate_dim)
        found |= norm(f"{prefix}.output.LayerNorm", layer._feedforward_layer_norm)
    return found


class Unportable(Characters):
    """A tokenizer for which Keras must be there."""

    def tokenize(self, texts):
        return [np.array([ord(letter) for letter in text], np.int32) for text in texts]

    def for_edge(self):
        return None
