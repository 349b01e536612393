"""Reads TMX files, in which translation memories are exchanged."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from transferlearn.data.messages import notice
from transferlearn.data.texts.reading import Unreadable
from transferlearn.data.xml_tags import XmlError, XmlReader

_UNIT, _VARIANT, _SEGMENT = "tu", "tuv", "seg"
_CODES = {"bpt", "ept", "it", "ph", "ut"}  # hold marks of a layout, and no words


class _Unit(dict[str, str]):
    """Holds the text of each language of a unit, and the line on which the unit begins."""

    line: int


class _Reader(XmlReader):
    """Collects the units of a file."""

    def __init__(self) -> None:
        super().__init__()
        self.units: list[_Unit] = []
        self.source = ""
        self._language = ""
        self._text: list[str] = []

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """Notes where a unit and a language begin."""
        if name == "header":
            self.source = attributes.get("srclang", "")
        elif name == _UNIT:
            self.units.append(_Unit())
            self.units[-1].line = self.line
        elif name == _VARIANT:
            self._language = attributes.get("xml:lang", attributes.get("lang", ""))
        elif name == _SEGMENT:
            self._text = []

    def end(self, name: str) -> None:
        """Keeps the text of a language; the first of several."""
        if name == _SEGMENT and self.units:
            self.units[-1].setdefault(self._language, "".join(self._text))

    def add(self, text: str) -> None:
        """Collects the words of a text, without marks of a layout."""
        if _SEGMENT in self.path and _CODES.isdisjoint(self.path):
            self._text.append(text)

    def doctype(self, *given: object) -> None:
        """Takes a DOCTYPE, which most of these files have; the file that it names is not read."""


def read_tmx(
    path: Path, languages: Sequence[str] | None
) -> Iterator[tuple[str, str, str | Unreadable]]:
    """Yields the place, the text and its translation of each unit of a TMX file.

    Args:
        path: The file.
        languages: The codes of the language to read and of that to write, such as `("en", "de")`;
            `None`: the file holds two.

    Raises:
        ValueError: The file is no XML, or which languages are meant is not clear.
    """
    reader = _Reader()
    try:
        with path.open("rb") as file:
            reader.read(file)
    except XmlError as error:
        raise ValueError(f"{path}: {error}.") from error
    known = sorted({language for unit in reader.units for language in unit})
    source, target = _chosen(path, known, reader.source, languages)
    for unit in reader.units:
        place = f"line {unit.line}"
        first, second = _of(unit, source), _of(unit, target)
        if first is None or second is None:
            lost = source if first is None else target
            yield place, "", Unreadable(f"no text of the language {lost}")
        else:
            yield place, first, second


def _chosen(
    path: Path, known: Sequence[str], source: str, languages: Sequence[str] | None
) -> tuple[str, str]:
    """Returns the codes of both languages, of those that a file holds."""
    if languages is not None:
        for code in languages:
            if not any(_fits(one, code) for one in known):
                raise ValueError(f"{path} has no text of the language {code!r}. {_named(known)}")
        first, second = languages
        return first, second
    first = next((one for one in known if source and _fits(one, source)), known[0] if known else "")
    others = [one for one in known if one != first]
    if len(others) != 1:
        raise ValueError(
            f"{path} does not say which language is translated into which. {_named(known)} Pass "
            'languages=("en", "de"); on the command line: --languages en,de'
        )
    notice(
        f"{path}: {first} is read, and {others[0]} is written. The other way round: "
        f"languages={(others[0], first)!r}; on the command line: --languages {others[0]},{first}"
    )
    return first, others[0]


def _named(known: Sequence[str]) -> str:
    """Names the languages of a file."""
    return f"Its languages: {', '.join(known) or 'none'}."


def _of(unit: _Unit, code: str) -> str | None:
    """Returns the text of a language; that of `en-GB` counts as one of `en`, where it is alone."""
    exact = [text for language, text in unit.items() if language.lower() == code.lower()]
    near = [text for language, text in unit.items() if _fits(language, code)]
    return next(iter([*exact, *near]), None)


def _fits(language: str, code: str) -> bool:
    """Returns whether a language is that of a code, or a variety of it."""
    one, other = language.lower(), code.lower()
    return one == other or one.startswith((f"{other}-", f"{other}_"))
