"""Reads XML files that strangers may have written, tag by tag."""

from collections.abc import Mapping
from typing import IO
from xml.parsers import expat

_DEEPEST = 20  # tags within each other


class XmlError(ValueError):
    """Is raised for XML that is not read; says why, without the path of the file."""


class XmlReader:
    """Reads a file tag by tag; nothing outside the file is opened, and nothing is expanded.

    A subclass says what is done where a tag begins, where it ends, and with the text between.
    """

    def __init__(self) -> None:
        self.path: list[str] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self.add
        self._parser.StartDoctypeDeclHandler = self.doctype
        self._parser.EntityDeclHandler = _refuse_entity
        self._parser.SkippedEntityHandler = self.skipped

    @property
    def line(self) -> int:
        """Returns the number of the line that is read."""
        return self._parser.CurrentLineNumber

    def read(self, content: bytes | IO[bytes]) -> None:
        """Reads the content of a file, or an open file.

        Raises:
            XmlError: It is no XML, or more than this reader follows.
        """
        try:
            if isinstance(content, bytes):
                self._parser.Parse(content, True)
            else:
                self._parser.ParseFile(content)
        except expat.ExpatError as error:
            raise XmlError(f"no XML that can be read: {error}") from error

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """Is called where a tag begins; `path` ends with its name."""

    def end(self, name: str) -> None:
        """Is called where a tag ends; `path` ends with its name."""

    def add(self, text: str) -> None:
        """Is called with each piece of text."""

    def doctype(self, *_: object) -> None:
        """Is called for a DOCTYPE; by default refuses it."""
        raise XmlError("a DOCTYPE, which annotations do not need and which is not followed")

    def skipped(self, name: str, *_: object) -> None:
        """Is called in the place of an entity that nothing declares."""
        raise XmlError(f"line {self.line}: the entity &{name};, which nothing declares")

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(name)
        if len(self.path) > _DEEPEST:
            raise XmlError(f"more than {_DEEPEST} tags within each other")
        self.begin(name, attributes)

    def _end(self, name: str) -> None:
        self.end(name)
        self.path.pop()


def _refuse_entity(name: str, *_: object) -> None:
    raise XmlError(f"a declaration of the entity {name}, which is not followed")
