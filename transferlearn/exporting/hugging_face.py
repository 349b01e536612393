"""Writes language models as folders of Hugging Face, and checks that they are read as they were."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from transferlearn import backbones
from transferlearn.checks import refuse_address
from transferlearn.data import Corpus, Tokenizer
from transferlearn.exporting.hugging_face_names import array, network_of
from transferlearn.extras import require
from transferlearn.fitted import FittedModel
from transferlearn.fitted.places import check_place, folder_written_whole
from transferlearn.json_fields import Json
from transferlearn.tasks.language.encoding import NextTokenEncoding

NAME = "huggingface"
_CONFIG, _WEIGHTS = "config.json", "model.safetensors"
_FILES = (
    *(_CONFIG, _WEIGHTS, "generation_config.json", "tokenizer.json", "tokenizer_config.json"),
    *("vocab.json", "merges.txt"),
)
_MOST = 1e-3  # that logits may differ
_TOKENS = 32  # of each text that is compared


@dataclass(frozen=True)
class HuggingFaceExport:
    """Holds what was written, and how it compares; printed, it is a sentence.

    Attributes:
        path: The folder.
        difference: The largest difference of logits where KerasHub reads the folder.
    """

    path: Path
    difference: float

    @property
    def facts(self) -> Json:
        """Returns what the command line prints as JSON."""
        return {"path": str(self.path), "difference": self.difference}

    def __str__(self) -> str:
        return (
            f"{self.path}: {NAME}. Read anew, its logits differ by at most {self.difference:.2g}.\n"
            "Python opens it by\n"
            f"  transformers.AutoModelForCausalLM.from_pretrained({str(self.path)!r})"
        )

    __repr__ = __str__


def write_hugging_face(fitted: FittedModel, path: str | Path) -> HuggingFaceExport:
    """Writes a language model as a folder that transformers reads; low-rank updates are merged.

    Args:
        fitted: A language model like Llama or GPT-2.
        path: The folder that is made; one that was written so is replaced.

    Raises:
        TypeError: The model is no language model.
        ValueError: It is of another family, or is read otherwise; nothing was written.
        OSError: `path` holds something else, or cannot be written.
    """
    require("A folder of Hugging Face", "hub", "safetensors")
    from safetensors.numpy import save_file

    refuse_address("path", path)
    path, kind, encoding = Path(path).resolve(), fitted.kind, fitted.encoding
    if not isinstance(kind, Corpus) or not isinstance(encoding, NextTokenEncoding):
        raise TypeError(
            f"A model of {encoding.name} cannot be written for Hugging Face: language models can."
        )
    sampling = encoding.sampling
    config, weights = network_of(fitted.model, kind)
    check_place(path, _CONFIG, "a folder of Hugging Face", _not_ours)
    known = {name: ids[0] for name, ids in _special(kind.tokenizer).items()}
    config |= {f"{name}_token_id": i for name, i in known.items() if name != "pad"}
    drawn = {"do_sample": True, "temperature": sampling.temperature} if sampling.temperature else {}
    chosen = {name: asdict(sampling)[name] for name in ("max_new_tokens", "top_k", "top_p")}
    settings = {n: value for n, value in (chosen | drawn).items() if value is not None}
    tokens = {f"{name}_token_id": i for name, i in known.items()}
    with folder_written_whole(path) as draft:
        _write(draft / _CONFIG, config)
        _write(draft / "generation_config.json", {**tokens, **settings})
        _write_tokenizer(draft, kind.tokenizer, config)
        save_file(weights, str(draft / _WEIGHTS), {"format": "pt"})
        difference = _difference(fitted, draft)
        if not difference <= _MOST:
            raise ValueError(
                f"Read anew, the folder's logits differ by {difference:.2g}, and by at most "
                f"{_MOST:g} they may. Nothing was written."
            )
    return HuggingFaceExport(path, difference)


def _special(tokenizer: Tokenizer) -> dict[str, tuple[int, ...]]:
    """Returns the ids of the tokens that begin, end and fill up texts, where there are some."""
    found = {"bos": tokenizer.start, "eos": tokenizer.end, "pad": tokenizer.end}
    return {name: ids for name, ids in found.items() if ids}


def _write_tokenizer(folder: Path, tokenizer: Tokenizer, config: Json) -> None:
    """Writes the tokenizer's files, with the chat template."""
    content = tokenizer.as_json()
    if content is None:
        raise ValueError(
            f"{type(tokenizer).__name__} has no tokenizer.json, without which no other program can "
            "read the texts. Pairs of bytes, as GPT-2 and Llama have them, can be written."
        )
    described = json.loads(content)
    _write(folder / "tokenizer.json", described)
    if config["model_type"] == "gpt2":  # which KerasHub reads from these
        _write(folder / "vocab.json", described["model"]["vocab"])
        merges = [m if isinstance(m, str) else " ".join(m) for m in described["model"]["merges"]]
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]), "utf-8")
    special = _special(tokenizer).items()
    settings = {f"{name}_token": tokenizer.spelled(ids)[0] for name, ids in special}
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            **settings,
            "model_max_length": config.get("max_position_embeddings", config.get("n_positions")),
            "chat_template": tokenizer.chat_template.source,
            "add_bos_token": False,  # as in training
            "clean_up_tokenization_spaces": False,
        },
    )


def _write(file: Path, content: Json) -> None:
    """Writes JSON."""
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")


def _difference(fitted: FittedModel, folder: Path) -> float:
    """Returns how far logits differ where KerasHub reads the folder."""
    again = backbones.get_text(f"keras_hub:{folder}", pooling="next").model
    tokens = min(_TOKENS, fitted.kind.context or _TOKENS) if isinstance(fitted.kind, Corpus) else 0
    ids = np.random.default_rng(0).integers(0, again.output.shape[-1], (2, tokens))
    one, other = (array(model(ids.astype("int32"))) for model in (fitted.model, again))
    return float(np.abs(one.astype("float64") - other).max())


def _not_ours(path: Path) -> list[str]:
    """Lists the files in a folder that would be lost."""
    return [file.name for file in path.iterdir() if file.name not in _FILES]
