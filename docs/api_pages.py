"""Writes the pages of the API, in Markdown, from the docstrings of all public names."""

import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import transferlearn

_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Reference|Example):\s*(.*)$")
_LISTED = ("Args", "Attributes", "Raises")
_METHODS = (FunctionType, property, classmethod, staticmethod)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_ENTRY = re.compile(r"^(\*{0,2}[\w., ]+): (.*)$")


def write(folder: Path) -> None:
    """Writes a page for the package itself, and one for each public module."""
    folder.mkdir(exist_ok=True)
    modules = {"tl": transferlearn}
    for name in transferlearn.__all__:
        if inspect.ismodule(getattr(transferlearn, name)):
            modules[f"tl.{name}"] = getattr(transferlearn, name)
    for title, module in modules.items():
        parts = [f"# {title}", _first_lines(module.__doc__)]
        parts += [part for name in sorted(_names(module)) for part in _entry(title, module, name)]
        page = folder / f"{title}.md"
        page.write_text("\n\n".join(filter(None, parts)) + "\n", "utf-8")


def _names(module: Any) -> Iterator[str]:
    """Yields the public names of a module that are classes or functions."""
    for name in getattr(module, "__all__", None) or dir(module):
        found = getattr(module, name)
        is_ours = getattr(found, "__module__", "").startswith(transferlearn.__name__)
        if not name.startswith("_") and is_ours and callable(found):
            yield name


def _entry(title: str, module: Any, name: str) -> Iterator[str]:
    """Yields the parts of a page about a class or function, and of a class's own methods."""
    found = getattr(module, name)
    yield f"## {title}.{name}"
    yield _signature(f"{title}.{name}", found)
    yield _in_markdown(inspect.getdoc(found) or "")
    if not inspect.isclass(found):
        return
    for method, value in sorted(vars(found).items()):
        if method.startswith("_") or not isinstance(value, _METHODS):
            continue
        yield f"### {name}.{method}"
        if not isinstance(value, property):
            yield _signature(f"{name}.{method}", getattr(found, method))
        yield _in_markdown(inspect.getdoc(value) or "")


def _signature(name: str, found: Any) -> str:
    """Writes how something is called, as a block of code; empty where that is not known."""
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return ""
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    plain = [parameter for parameter in plain if parameter.name not in ("self", "cls")]
    written = str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    # Objects as defaults are written with their address.
    return f"```python\n{name}{_ADDRESS.sub('', written)}\n```"


def _first_lines(doc: str | None) -> str:
    return _in_markdown(inspect.cleandoc(doc or ""))


def _in_markdown(doc: str) -> str:
    """Turns the sections of a docstring, whose text is Markdown already, into Markdown."""
    parts, lines = [], doc.splitlines()
    while lines:
        found = _SECTION.match(lines[0])
        if found is None:
            parts.append(lines.pop(0))
            continue
        lines.pop(0)
        inside = []
        while lines and (lines[0].startswith("    ") or not lines[0].strip()):
            inside.append(lines.pop(0))
        block = textwrap.dedent("\n".join(inside)).strip("\n")
        parts += ["", f"**{found[1]}**", "", _section(found[1], found[2], block), ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).strip()


def _section(title: str, beside: str, block: str) -> str:
    """Writes what stands in a section: code of an example, a list of names, or a text."""
    if title == "Example" and "```" not in block:
        return f"```python\n{block}\n```"
    if title not in _LISTED:
        return "\n".join(filter(None, (beside, block)))
    return "\n".join(
        f"- `{entry[1]}`: {entry[2]}" if (entry := _ENTRY.match(line)) else f"  {line.strip()}"
        for line in block.splitlines()
        if line.strip()
    )
