"""Checks of what is given to a builder."""

from typing import Any

import keras

from transferlearn.backbones import Backbone
from transferlearn.heads import Decoder, Head


def check_parts(head: Any, backbone: Any) -> None:
    """Raises `TypeError` for what is no head and no backbone."""
    if not isinstance(head, (Head, Decoder)):
        raise TypeError(
            f"head is an object such as tl.heads.PooledDense(). Received: head={head!r}"
        )
    if not isinstance(backbone, (str, keras.Model, Backbone)):
        raise TypeError(
            "backbone is a name such as 'VGG16', a functional keras.Model, or a Backbone. "
            f"Received: backbone={backbone!r}"
        )
