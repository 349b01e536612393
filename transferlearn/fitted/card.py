"""Writes a save's model card, `README.md`, in the form that the Hugging Face Hub reads."""

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from transferlearn.fitted.known_score import KnownScore
from transferlearn.fitted.outline import Outline

if TYPE_CHECKING:
    from transferlearn.fitted.model import FittedModel

CARD = "README.md"
# The Hub shows a model under such a name, and knows no others.
_PIPELINES = {"image-classification", "text-classification", "audio-classification"}
_NAMED = 100  # classes or numbers that the card names
_PLAIN = ",;.%'\"/?=-+!"  # punctuation that does nothing within a line
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def card_of(fitted: "FittedModel[Any]") -> str:
    """Writes the card: what the model is and was trained on, its scores, use, licence and limits.

    Names of classes and files come from strangers, so they are shown as they are, and never read as
    Markdown, HTML or YAML.
    """
    kind, encoding, outline = fitted.kind, fitted.encoding, fitted.outline
    task = f"{kind.noun}-{encoding.field}"
    parts = [
        _front_matter(fitted, task),
        f"# {_text(outline.backbone)}, fine-tuned for {_text(task.replace('-', ' '))}",
        f"It was fine-tuned with transferlearn, and is a plain Keras model. {_learnt(fitted)}",
        "## Pretrained weights",
        _licence(outline),
        "## Training data",
        _data(outline),
        "## Scores",
        _scores(fitted.known_score),
        "## Use",
        _use(fitted),
        "## Limits",
        _LIMITS.format(noun=kind.noun),
    ]
    return "\n\n".join(parts) + "\n"


_LIMITS = (
    "The score holds for {noun}s like those it was measured on. For {noun}s of another origin, "
    "measure again: `fitted.evaluate(...)`. What is rare in the training data is learnt least, and "
    "a model answers also where it should not know: look at its mistakes before you rely on it."
)


def _front_matter(fitted: "FittedModel[Any]", task: str) -> str:
    """Writes the YAML between the two lines of dashes."""
    licence, score = fitted.outline.licence.lower(), fitted.known_score
    tags = ["keras", "transferlearn", "transfer-learning", task]
    lines = [f"license: {_yaml(licence)}", "library_name: keras", "tags:"]
    lines += [f"- {_yaml(tag)}" for tag in tags]
    if task in _PIPELINES:
        lines.append(f"pipeline_tag: {task}")
    if score is not None:
        lines += ["metrics:", f"- {_yaml(score.name)}", *_model_index(fitted, task, score)]
    return "\n".join(["---", *lines, "---"])


def _model_index(fitted: "FittedModel[Any]", task: str, score: KnownScore) -> list[str]:
    """Writes the score as the Hub's tables of results take it."""
    name, fingerprint = fitted.model.name, fitted.outline.data.get("fingerprint")
    data = f"data with fingerprint {fingerprint}" if fingerprint else "the user's data"
    return [
        "model-index:",
        f"- name: {_yaml(name)}",
        "  results:",
        "  - task:",
        f"      type: {_yaml(task)}",
        "    dataset:",
        f"      name: {_yaml(data)}",
        "      type: custom",
        "    metrics:",
        f"    - type: {_yaml(score.name)}",
        f"      value: {score.value:.6g}",
        f"      name: {_yaml(f'{score.name} {score.how}')}",
    ]


def _learnt(fitted: "FittedModel[Any]") -> str:
    """Says what the model tells of an item."""
    return f"What it learnt: {_text(fitted.encoding.summary())}."


def _licence(outline: Outline) -> str:
    """Says where the pretrained weights came from, and what is known of their licence."""
    source = f"The network is {_text(outline.backbone)}; its weights: {_text(outline.source)}."
    if outline.licence == "unknown":
        return (
            f"{source} Their licence is not known here: look on the page where they were "
            "published, and write it into the front matter of this file before you publish it."
        )
    return (
        f"{source} Their licence is {_text(outline.licence)}, and stands in the front matter of "
        "this file. What may be done with this model depends on the training data, too."
    )


def _data(outline: Outline) -> str:
    """Says how many items were trained on and held out, and shows what was learnt of them."""
    record, count = outline.data, outline.train_items
    trained = "an unknown number of" if count is None else f"{count:,}"
    lines = [f"Trained on {trained} items, validated on {outline.validation_items or 0:,}."]
    if record.get("skipped"):
        lines.append(f"{record['skipped']:,} items could not be used, and were left out.")
    if record.get("fingerprint"):
        lines.append(f"Fingerprint of items and targets: `{record['fingerprint']}`.")
    table = record.get("targets") or []
    rest = len(table) - 1 - _NAMED
    more = [f"and {rest:,} more"] if rest > 0 else []
    return "\n\n".join([" ".join(lines), *([_table(table[: _NAMED + 1])] if table else []), *more])


def _scores(score: KnownScore | None) -> str:
    """Shows the score that training itself measured, with its interval."""
    if score is None:
        return (
            "Training held nothing out, so no score is known. Measure it: `fitted.evaluate(...)`."
        )
    low, high = score.interval
    head = ["figure", "value", "95% interval", "measured"]
    row = [score.name, f"{score.value:.4f}", f"{low:.4f} to {high:.4f}", score.how]
    return _table([head, row])


def _use(fitted: "FittedModel[Any]") -> str:
    """Shows how to predict with this package, and with Keras alone."""
    feeds = [
        f"{name}, {spec.dtype} (batch{''.join(f', {size or chr(63)}' for size in spec.shape)})"
        for name, spec in fitted.kind.inputs().items()
    ]
    notes = " ".join(filter(None, (fitted.kind.fed, fitted.encoding.gives())))
    return (
        "```python\nimport transferlearn as tl\n\n"
        'fitted = tl.load("this-folder")  # or "hf://user/name"\n'
        f"fitted.predict(...)  # {fitted.kind.noun}s as they come\n```\n\n"
        "Without transferlearn:\n\n"
        '```python\nimport keras\n\nmodel = keras.models.load_model("model.keras")\n```\n\n'
        f"Its input: {_text('; '.join(feeds))}. {_text(notes)}"
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Writes rows of cells, the head first, as a table in Markdown."""
    head, *body = ([_text(cell) for cell in row] for row in rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *body))


def _text(text: str) -> str:
    """Writes a text for Markdown so that it is shown as it is."""
    return "".join(map(_character, text)).replace("www.", "www\\.")  # which becomes a link


def _character(character: str) -> str:
    """Writes a character so that Markdown shows it, and does not obey it."""
    if character in _ENTITIES:
        return _ENTITIES[character]
    if not character.isprintable():  # a line break would end a table's row
        return "\\" + character.encode("unicode_escape", "surrogatepass").decode()
    plain = character not in string.punctuation or character in _PLAIN
    return character if plain else f"\\{character}"


def _yaml(text: str) -> str:
    """Writes a text for YAML, in quotation marks."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted) + '"'
