"""Defines what is written into `export.json` by its name and settings, and read back by them."""

import abc
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import ClassVar, Self

from transferlearn.json_fields import Json, check_fields


class Named(abc.ABC):
    """Is known by a name, and made again of its settings; subclasses are frozen dataclasses.

    Attributes:
        name: The name by which `export.json` knows the class, such as `"images"`.
    """

    name: ClassVar[str]

    def settings(self) -> Json:
        """Returns the settings, as values that JSON can hold."""
        return asdict(self)  # type: ignore[call-overload]  # subclasses are dataclasses

    def write(self, folder: Path) -> None:
        """Writes the files that are needed besides the settings; by default, it writes none."""

    @classmethod
    def load(cls, settings: Json, folder: Path) -> Self:
        """Makes the object that was written with these settings into this folder."""
        return cls(**{n: tuple(v) if isinstance(v, list) else v for n, v in settings.items()})

    @classmethod
    def named(cls, described: Json, folder: Path) -> Self:
        """Makes the object that `described` names, of a subclass that is known here.

        Raises:
            ValueError: No such subclass is known, or the settings do not fit it.
        """
        name, settings = described.get("name"), described.get("settings")
        if not isinstance(name, str) or not isinstance(settings, dict):
            raise ValueError(f"{described!r:.99} has no name and settings.")
        waiting: list[type[Self]] = [cls]
        while waiting:
            waiting += (member := waiting.pop()).__subclasses__()
            if vars(member).get("name") == name:
                try:
                    if is_dataclass(member):
                        check_fields(member, settings, whole=False)
                    return member.load(settings, folder)
                except (TypeError, KeyError, AttributeError, ValueError) as error:
                    raise ValueError(f"The settings of {name!r} are wrong: {error}.") from error
        raise ValueError(
            f"The export needs {name!r:.99}, which is not known here: first import "
            f"the module that defines it, a subclass of {cls.__name__}."
        )
