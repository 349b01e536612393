"""Lets a trained language model and the pretrained network go on with the same prompts."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from transferlearn import data
from transferlearn.data.messages import notice
from transferlearn.data.sequences.corpus import PADDING, CorpusDataset
from transferlearn.edge.written import as_text
from transferlearn.fitted import FittedModel
from transferlearn.fitted.untrained import untrained
from transferlearn.types import Source


def corpus_of(fitted: FittedModel, source: Source | CorpusDataset) -> CorpusDataset:
    """Reads texts as a language model's training did; gives a dataset of them as it is.

    Raises:
        TypeError: The model is no language model.
    """
    if isinstance(source, CorpusDataset):
        return source
    if isinstance(fitted.kind, data.Corpus):
        found = data.load(source, fitted.kind, fitted.encoding.target)
        assert isinstance(found, CorpusDataset)
        return found
    raise TypeError(
        f"A model of {fitted.encoding.name} does not go on with texts, as one of "
        "tl.CausalLMBuilder does."
    )


def pretrained_of(fitted: FittedModel) -> keras.Model | None:
    """Returns the pretrained network; `None`, with a warning, where it cannot be loaded."""
    try:
        return untrained(fitted)
    except (ValueError, OSError, ImportError) as error:
        notice(f"The pretrained network {fitted.outline.backbone} cannot be loaded here: {error}")
        return None


def written_behind(
    fitted: FittedModel, model: keras.Model, prompts: Sequence[np.ndarray], tokens: int
) -> list[str]:
    """Returns what a network finds likeliest behind prompts, of so many tokens at most.

    Args:
        fitted: The model whose tokenizer it has.
        model: Its network, or the pretrained one.
        prompts: The tokens of each prompt, int32 `(tokens,)`.
        tokens: The most tokens that are written.
    """
    options: dict[str, Any] = {"temperature": 0.0, "stop": (), "max_new_tokens": tokens}
    answerer = fitted.encoding.answerer(model, fitted.kind, **options)
    batch = np.full((len(prompts), max(map(len, prompts))), PADDING, np.int32)
    for row, prompt in zip(batch, prompts, strict=True):
        row[: len(prompt)] = prompt
    return [as_text(row) for row in answerer(batch)]


def text_of(fitted: FittedModel, ids: np.ndarray) -> str:
    """Returns the text that tokens stand for."""
    assert isinstance(fitted.kind, data.Corpus)
    return fitted.kind.tokenizer.text(ids.tolist())
