"""A small real encoder-decoder, and pairs of number words to translate."""

import json

import keras
import numpy as np

from tests.language import Letters
from transferlearn import backbones

BEGIN = 2  # what the decoder reads before a text
_WORDS = [
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"],
]


def bart(layers=1, width=32, seed=0, vocabulary=256, longest=64):
    """A BART with random weights that are large enough for spread-out outputs."""
    import keras_hub

    keras.utils.set_random_seed(seed)
    made = keras_hub.models.BartBackbone(
        vocabulary_size=vocabulary,
        num_layers=layers,
        num_heads=4,
        hidden_dim=width,
        intermediate_dim=2 * width,
        max_sequence_length=longest,
        dropout=0.0,
    )
    random = np.random.default_rng(seed)
    for weight in made.trainable_weights:
        if len(weight.shape) > 1:
            weight.assign(random.normal(0, 0.2, weight.shape))
    return made


def with_logits(network):
    import keras_hub

    return keras_hub.models.BartSeq2SeqLM(network, preprocessor=None)


def backbone(**settings):
    """A BART of bytes as a backbone."""
    model = with_logits(bart(**settings))
    return backbones.from_seq2seq(model, Letters(), begin=(BEGIN,), most_tokens=64)


def pairs(count, seed=0):
    """Number words of one or two digits in two languages."""
    random = np.random.default_rng(seed)
    numbers = [random.integers(0, 9, random.integers(1, 3)) for _ in range(count)]
    return [tuple(" ".join(words[i] for i in digits) for words in _WORDS) for digits in numbers]


def folder_of(path):
    """Writes a BART with a tokenizer of bytes as a KerasHub preset."""
    import keras_hub

    tokenizer = keras_hub.models.BartTokenizer(vocabulary=_vocabulary(), merges=["w o"])
    bart(vocabulary=262).save_to_preset(str(path))
    keras_hub.models.BartSeq2SeqLMPreprocessor(tokenizer).save_to_preset(str(path))
    return str(path)


def hugging_face(path):
    """Writes a BART of bytes as a Hugging Face folder, and returns transformers' own."""
    import torch
    import transformers

    ends = {"forced_eos_token_id": None, "forced_bos_token_id": None}
    config = transformers.BartConfig(
        vocab_size=262,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        **ends,
    )
    torch.manual_seed(0)
    model = transformers.BartForConditionalGeneration(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.25)
    model.save_pretrained(path)
    (path / "vocab.json").write_text(json.dumps(_vocabulary()))
    (path / "merges.txt").write_text("#version: 0.2\nw o\n")
    return model


def _vocabulary():
    """A vocabulary of all bytes, as byte pairs are spelled."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [i for i in range(256) if i not in printable]
    letters = {i: chr(i) for i in printable} | {i: chr(256 + n) for n, i in enumerate(others)}
    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4}
    return vocabulary | {letters[i]: i + 5 for i in range(256)} | {"wo": 261}
