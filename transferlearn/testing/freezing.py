"""Checks that a freezing strategy answers for each layer, and changes none."""

from transferlearn.backbones import Backbone
from transferlearn.freezing import FreezeNone, FreezeStrategy, Layers
from transferlearn.testing.requiring import (
    require,
    require_object,
    require_settings,
    small_backbone,
)


def check_freezing(strategy: FreezeStrategy, backbone: Backbone | None = None) -> None:
    """Checks a freezing strategy: one answer a layer, always the same, and nothing changed.

    Args:
        strategy: The strategy to check.
        backbone: A backbone that the strategy fits; by default a small network of four blocks.

    Raises:
        AssertionError: Something is wrong; the message says what, and what was expected.

    Example:
        tl.testing.check_freezing(FreezeAttention(), tl.backbones.get("VGG16", weights=None))
    """
    require_object(strategy, FreezeStrategy, "tl.freezing.FreezeStrategy")
    require_settings(strategy)
    layers = Layers.of(backbone or small_backbone())
    trainable = [layer.trainable for layer in layers]
    mask = strategy.frozen(layers)
    require(
        len(mask) == len(layers),
        f"frozen(layers) must say of each of the {len(layers)} layers whether it is frozen. "
        f"Received: {len(mask)} answers.",
    )
    odd = [answer for answer in mask if answer not in (True, False)]
    require(not odd, f"frozen(layers) answers True or False. Received: {odd[:1]}")
    require(
        [layer.trainable for layer in layers] == trainable,
        "frozen(layers) changed layer.trainable: it must only say what is frozen.",
    )
    require(
        list(strategy.frozen(layers)) == list(mask),
        "Asked twice, frozen(layers) gave different answers: it must depend on the layers alone.",
    )
    require(
        layers.frozen_by(strategy | FreezeNone()) == list(mask),
        "strategy | FreezeNone() freezes other layers than the strategy does: leave __or__ alone.",
    )
