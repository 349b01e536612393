"""Checks what builders and their methods are given."""

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any, Concatenate, ParamSpec, TypeVar

import keras

from transferlearn.backbones import Backbone
from transferlearn.heads import Decoder, Head
from transferlearn.schedules import OnePhase, Schedule

P = ParamSpec("P")
R = TypeVar("R")
B = TypeVar("B")
# What the same thing is called elsewhere, where the names are not alike.
_ELSEWHERE = {
    "lr": "learning_rate",
    "base_model": "backbone",
    "input_shape": "image_size",
    "input_size": "image_size",
    "max_length": "sequence_length",
    "dropout": "head",
    "trainable": "freeze",
}


def check_settings(builder: type[Any], given: Iterable[str]) -> None:
    """Raises `TypeError` where a name is no setting of a builder, and names the closest one."""
    known = [field.name for field in fields(builder) if field.init]
    for name in given:
        if name in known:
            continue
        if name in inspect.signature(builder.fit).parameters:
            raise TypeError(
                f"{name} is an argument of fit: builder.fit(data, {name}=...). "
                f"{builder.__name__} has no such setting."
            )
        near = [_ELSEWHERE[name]] if name in _ELSEWHERE else []
        near += difflib.get_close_matches(name, known, 2)
        hint = f"Closest: {', '.join(dict.fromkeys(near))}. " if near else ""
        raise TypeError(
            f"{builder.__name__} has no setting {name!r}. {hint}All: {', '.join(known)}."
        )


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


def check_callbacks(callbacks: Sequence[keras.callbacks.Callback], schedule: Schedule) -> None:
    """Refuses Keras's `BackupAndRestore` where there can be several phases."""
    backups = [x for x in callbacks if isinstance(x, keras.callbacks.BackupAndRestore)]
    if backups and not isinstance(schedule, OnePhase):
        raise ValueError(
            "BackupAndRestore knows no phases: it would go on in a wrong one, with other items "
            "held out. Leave it out, and pass resume, which goes on exactly: "
            "fit(..., resume='runs/name')"
        )
