"""Marks how a text that was written differs from the right one, word by word."""

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup


def difference(right: str, written: str) -> "Markup":
    """Returns the right text, its missing words struck out and those added underlined, as HTML."""
    from markupsafe import Markup

    words, others = right.split(), written.split()
    parts = []
    for tag, i, j, k, m in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        same, gone, new = words[i:j] if tag == "equal" else [], words[i:j], others[k:m]
        marked = [("{}", same)] if same else [("<del>{}</del>", gone), ("<ins>{}</ins>", new)]
        parts += [Markup(form).format(" ".join(run)) for form, run in marked if run]
    return Markup(" ").join(parts)
