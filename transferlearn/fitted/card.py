"""Writes a save's model card, `README.md`, in the form that the Hugging Face Hub reads."""

import string
from collections.abc import Sequence

from transferlearn.fitted.outline import Outline
from transferlearn.fitted.reliable_score import KnownScore
from transferlearn.fitted.trained import Trained
from transferlearn.tasks import Evaluation, outputs_in_words
from transferlearn.wording import counted

CARD = "README.md"
# The Hub shows a model under such a name, and knows no others.
_PIPELINES = {
    "image-classification",
    "text-classification",
    "audio-classification",
    "image-segmentation",
    "image-to-image",
    "object-detection",
    "token-classification",
    "text-generation",
    "automatic-speech-recognition",
}
_KNOWN_AS = {"recording-to-text": "automatic-speech-recognition"}
_NAMED = 100  # classes or numbers that the card names
_PLAIN = ",;.%'\"/?=-+!"  # punctuation that does nothing within a line
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def card_of(fitted: Trained, evaluation: Evaluation | None = None) -> str:
    """Writes the card: what the model is and was trained on, its scores, use, licence and limits.

    Names of classes and files come from strangers, so they are shown as they are, and never read as
    Markdown, HTML or YAML.

    Args:
        fitted: The model.
        evaluation: The evaluation on test data; `None`: the card has the score of the training.
    """
    kind, encoding, outline = fitted.kind, fitted.encoding, fitted.outline
    # Some names say what goes in by themselves.
    task = encoding.field if encoding.field in _PIPELINES else f"{kind.noun}-{encoding.field}"
    task = _KNOWN_AS.get(task, task)
    parts = [
        _front_matter(fitted, task, evaluation),
        f"# {_text(outline.backbone)}, fine-tuned for {_text(task.replace('-', ' '))}",
        f"It was fine-tuned with transferlearn, and is a plain Keras model. {_learnt(fitted)}",
        "## Pretrained weights",
        _licence(outline),
        "## Training data",
        _data(outline),
        "## Scores",
        _scores(fitted, evaluation),
        *_calibration(fitted),
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


def _front_matter(fitted: Trained, task: str, evaluation: Evaluation | None) -> str:
    """Writes the YAML between the two lines of dashes."""
    outline = fitted.outline
    if evaluation is None:
        mark = outline.data.get("fingerprint") or "unknown"
        score, data = fitted.known_score, f"data with fingerprint {mark}"
    else:
        score, data = _tested(evaluation, fitted.kind.noun), "test data"
    tags = ["keras", "transferlearn", "transfer-learning", task]
    lines = [f"license: {_yaml(outline.licence.lower())}", "library_name: keras", "tags:"]
    lines += [f"- {_yaml(tag)}" for tag in tags]
    if task in _PIPELINES:
        lines.append(f"pipeline_tag: {task}")
    if score is not None:
        lines += ["metrics:", f"- {_yaml(score.name)}", *_model_index(fitted, task, score, data)]
    return "\n".join(["---", *lines, "---"])


def _model_index(fitted: Trained, task: str, score: KnownScore, data: str) -> list[str]:
    """Writes the score as the Hub's tables of results take it."""
    return [
        "model-index:",
        f"- name: {_yaml(fitted.model.name)}",
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


def _learnt(fitted: Trained) -> str:
    """Describes what the model tells of an item."""
    return f"What it learnt: {_text(fitted.encoding.summary())}."


def _licence(outline: Outline) -> str:
    """Returns where the pretrained weights came from, and what is known of their licence."""
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
    """Describes how many items were trained on and held out, and shows what was learnt of them."""
    record, count = outline.data, outline.train_items
    trained = "an unknown number of items" if count is None else counted(count, "item")
    lines = [f"Trained on {trained}, validated on {outline.validation_items or 0:,}."]
    if record.get("skipped"):
        lines.append(
            f"Left out, since they could not be used: {counted(record['skipped'], 'item')}."
        )
    if record.get("fingerprint"):
        lines.append(f"Fingerprint of items and targets: `{record['fingerprint']}`.")
    table = record.get("targets") or []
    rest = len(table) - 1 - _NAMED
    more = [f"and {rest:,} more"] if rest > 0 else []
    return "\n\n".join([" ".join(lines), *([_table(table[: _NAMED + 1])] if table else []), *more])


def _tested(evaluation: Evaluation, noun: str) -> KnownScore | None:
    """Returns the score of an evaluation on test data; `None` where it has none."""
    score = evaluation.score
    if score is None or score.name not in evaluation.intervals:
        return None
    how = f"on {counted(len(evaluation.paths), f'test {noun}')}"
    return KnownScore(score.name, evaluation[score.name], evaluation.intervals[score.name], how)


def _scores(fitted: Trained, evaluation: Evaluation | None) -> str:
    """Shows the figures of a test, where there was one, and the score that training measured."""
    known, parts = fitted.known_score, []
    if evaluation is not None:
        items = counted(len(evaluation.paths), f"test {fitted.kind.noun}")
        parts += [f"On {items}, as whoever saved this model measured:"]
        parts += [_table(evaluation.overall_rows()), "In training:"]
    if known is None:
        parts.append("Nothing was held out, so training measured no score of this model.")
    else:
        low, high = known.interval
        head = ["figure", "value", "95% interval", "measured"]
        row = [known.name, f"{known.value:.4f}", f"{low:.4f} to {high:.4f}", known.how]
        parts.append(_table([head, row]))
    if evaluation is None:
        parts.append("There is no score on test data. Measure it: `fitted.evaluate(...)`.")
    return "\n\n".join(parts)


def _calibration(fitted: Trained) -> list[str]:
    """Returns how probabilities were calibrated, as a section; nothing where they were not."""
    if fitted.temperature == 1:
        return []
    found, lines = fitted.calibration, ["## Calibration"]
    lines.append(
        f"Within the model, the logits are divided by a temperature of {fitted.temperature:.4g}, "
        "so that probabilities say how often answers are right."
    )
    if found is not None:
        lines += [
            f"Measured on the {counted(found.items, 'item')} that it was found on:",
            _table(found.rows()),
        ]
    return lines


def _use(fitted: Trained) -> str:
    """Shows how to predict with this package, and with Keras alone."""
    feeds = [
        f"{name}, {spec.dtype} (batch{''.join(f', {size or chr(63)}' for size in spec.shape)})"
        for name, spec in fitted.kind.inputs().items()
    ]
    notes = " ".join(filter(None, (fitted.kind.fed, outputs_in_words(fitted.encoding))))
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
