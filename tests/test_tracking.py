"""Trackers see a training through their own Keras callbacks, and searches through Optuna's."""

from pathlib import Path

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone


@pytest.fixture(scope="module")
def builder():
    return tl.ImageClassifierBuilder(small_backbone(), seed=0)


@pytest.fixture(scope="module")
def labelled():
    return pixels(24, 32), np.arange(24) % 2


def fit(builder, labelled, callback):
    return builder.fit(
        labelled,
        epochs=2,
        schedule="one-phase",
        validation_split=0.25,
        callbacks=callback,
        verbose=0,
    )


def test_tensorboard_sees_every_epoch(builder, labelled, tmp_path):
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", exc_type=ImportError
    )
    fitted = fit(builder, labelled, keras.callbacks.TensorBoard(tmp_path))
    events = accumulators.EventAccumulator(
        str(tmp_path / "validation"), size_guidance={accumulators.TENSORS: 0}
    )
    events.Reload()
    steps = [event.step for event in events.Tensors("epoch_accuracy")]
    assert steps == fitted.history.epoch[-len(steps) :]
    assert len(steps) >= 2


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")
def test_mlflow_sees_every_epoch_and_every_trial(builder, labelled, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    integration = pytest.importorskip("optuna_integration")
    monkeypatch.chdir(tmp_path)
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(address)
    with mlflow.start_run() as run:
        fitted = fit(builder, labelled, mlflow.keras.MlflowCallback(log_every_epoch=True))
    seen = mlflow.MlflowClient().get_metric_history(run.info.run_id, "val_accuracy")
    assert [metric.step for metric in seen] == fitted.history.epoch[-len(seen) :]
    assert seen[-1].value == pytest.approx(fitted.history.history["val_accuracy"][-1])
    callback = integration.MLflowCallback(tracking_uri=address, metric_name="val_accuracy")
    found = tl.search(
        builder,
        {"learning_rate": [1e-3, 1e-2]},
        labelled,
        validation_split=0.25,
        trials=2,
        schedule="one-phase",
        epochs=2,
        verbose=0,
        optuna_callbacks=[callback],
    )
    runs = mlflow.search_runs(search_all_experiments=True)
    shown = sorted(runs["metrics.val_accuracy"][runs["params.learning_rate"].notna()])
    assert shown == pytest.approx(sorted(trial.score for trial in found.trials))


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")
def test_wandb_sees_every_epoch(builder, labelled, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    loggers = pytest.importorskip("wandb.integration.keras")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_SILENT", "true")
    with wandb.init(mode="offline", dir=tmp_path, project="tests") as run:
        fitted = fit(builder, labelled, loggers.WandbMetricsLogger())
        last = run.summary["epoch/val_accuracy"]
    assert last == pytest.approx(fitted.history.history["val_accuracy"][-1])
    assert [*Path(tmp_path).rglob("*.wandb")]
