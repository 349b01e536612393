"""Checks what builders and their methods are given."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Concatenate, ParamSpec, TypeVar

import keras

from transferlearn.backbones import Backbone
from transferlearn.heads import Decoder, Head

P = ParamSpec("P")
R = TypeVar("R")
B = TypeVar("B")


def check_parts(head: object, backbone: object) -> None:
    """Raises `TypeError` unless the head and the backbone have types that builders take."""
    if not isinstance(head, (Head, Decoder)):
        raise TypeError(
            f"head is an object such as tl.heads.PooledDense(). Received: head={head!r}"
        )
    if not isinstance(backbone, (str, keras.Model, Backbone)):
        raise TypeError(
            "backbone is a name such as 'VGG16', a functional keras.Model, or a Backbone. "
            f"Received: backbone={backbone!r}"
        )


def refuses_settings(
    method: Callable[Concatenate[B, P], R],
) -> Callable[Concatenate[B, P], R]:
    """Makes a method of builders say of a setting that it belongs to the builder."""
    known = inspect.signature(method).parameters

    @functools.wraps(method)
    def checked(self: B, *args: P.args, **kwargs: P.kwargs) -> R:
        of_builder = {field.name for field in fields(self)}  # type: ignore[arg-type]
        for name in kwargs.keys() & of_builder - known.keys():
            raise TypeError(
                f"{name} is a setting of the builder: {type(self).__name__}(..., {name}=...). "
                f"Received: {method.__name__}({name}={kwargs[name]!r:.80})"
            )
        return method(self, *args, **kwargs)

    return checked
