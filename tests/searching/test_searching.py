"""Searches: what is tried, shared, pruned, resumed after a kill, and found."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import optuna
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.data import Images
from transferlearn.data.contents import ItemContents
from transferlearn.searching import entrance, trials
from transferlearn.searching import study as studies
from transferlearn.training import limit

ROOT = Path(__file__).parents[2]


def labelled(count=30, seed=1):
    return pixels(count, 32, seed=seed), np.arange(count) % 3


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@dataclass(frozen=True)
class Curve(tl.ImageClassifierBuilder):
    """Has a learning curve instead of a training: `height` times the share of four epochs."""

    height: float = 0.5
    broken: str = ""

    def fit(self, train, validation_data=None, *, epochs=4, schedule=None, callbacks=(), **_):
        if self.broken:
            raise ValueError(self.broken)
        for epoch in range(epochs):
            reached = self.height * (epoch + 1) / 4
            for callback in callbacks:
                callback.on_epoch_begin(epoch)
                callback.on_epoch_end(epoch, {"val_accuracy": reached, "val_loss": 1 - reached})
        return SimpleNamespace(epoch=epochs)


@pytest.fixture
def curve(backbone, monkeypatch):
    monkeypatch.setattr(trials, "gc", SimpleNamespace(collect=lambda: None))  # nothing to collect
    return Curve(backbone)


def states(found):
    return [trial.state for trial in sorted(found.trials, key=lambda trial: trial.number)]


@pytest.mark.full
def test_the_best_builder_repeats_its_score_and_trials_share_what_is_computed(
    backbone, monkeypatch, tmp_path
):
    computed, loaded = [], []
    read, load_one = ItemContents.read, Images.open
    monkeypatch.setattr(
        ItemContents, "read", lambda s, rows, n: (computed.extend(rows), read(s, rows, n))[1]
    )
    monkeypatch.setattr(Images, "open", lambda *a, **k: (loaded.append(1), load_one(*a, **k))[1])
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", batch_size=10)
    space = {
        "head": [tl.heads.PooledDense(), tl.heads.FlattenDense((4,), dropout=0.1)],
        "learning_rate": tl.Range(1e-3, 1e-1, log=True),
        "epochs": tl.Range(2, 3),
    }
    found = tl.search(builder, space, labelled(), trials=2, cache=True, seed=2, verbose=0)
    assert loaded == [1]
    assert len(computed) == 30
    assert len({str(trial.parameters["head"]) for trial in found.trials}) == 2
    again = found.builder.fit(labelled(), verbose=0, **found.fit_options)
    reached = again.history.history["val_accuracy"]
    assert reached[-1] == found.score
    assert len(reached) == found.trials[0].epoch == found.trials[0].parameters["epochs"]
    assert [t.score for t in found.trials] == sorted((t.score for t in found.trials), reverse=True)
    found.plot(tmp_path / "search.png")
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        found.plot(tmp_path / "nowhere" / "search.png")
    assert [path.name for path in tmp_path.iterdir()] == ["search.png"]


@pytest.mark.full
@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_score_is_of_the_weights_that_fit_ends_with(backbone, keep):
    builder = tl.ImageClassifierBuilder(backbone, learning_rate=0.3, freeze="all")
    options = {"epochs": 8, "schedule": tl.OnePhase(keep=keep), "metric": "val_loss"}
    found = tl.search(builder, {"batch_size": [5]}, labelled(), trials=1, verbose=0, **options)
    fitted = found.builder.fit(labelled(), verbose=0, **found.fit_options)
    reached = fitted.history.history["val_loss"]
    assert min(reached) < reached[-1]
    epoch = 8 if keep == "last" else fitted.phases[0].kept_epoch
    assert found.trials[0].epoch == fitted.epoch == epoch
    assert found.score == reached[epoch - 1]


def test_a_search_can_be_repeated_and_another_seed_is_another(curve):
    def search(seed):
        found = tl.search(
            curve, {"height": tl.Range(0.1, 0.9)}, labelled(), trials=12, seed=seed, verbose=0
        )
        return [trial.parameters for trial in found.trials]

    assert search(0) == search(0) != search(1)
    assert len({trial["height"] for trial in search(0)}) == 12


class Ticks(keras.callbacks.Callback):
    """Lets a second pass with each step."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def on_train_batch_end(self, batch, logs=None):
        self._clock[0] += 1.0


def test_a_search_ends_in_time_and_goes_on_later(backbone, monkeypatch, tmp_path, capsys):
    clock = [0.0]
    monkeypatch.setattr(limit, "monotonic", lambda: clock[0])
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", batch_size=9)
    space = {"learning_rate": [0.1, 0.01, 0.001, 0.0001]}

    def search(seconds):
        clock[0] = 0.0
        return tl.search(
            builder, space, labelled(), trials=4, time_limit=seconds, storage=tmp_path / "study.db",
            schedule="one-phase", epochs=3, cache=False, callbacks=Ticks(clock), verbose=1,
        )  # fmt: skip

    first = search(7)  # a trial has three epochs of three steps
    assert states(first) == ["stopped"]
    assert first.trials[0].reason == "without 1.33 of 3 epochs of phase 1"
    assert first.score == first.trials[0].score
    assert "Left out by the time limit: 4 of 4 trials." in capsys.readouterr().out
    second = search(26)
    assert states(second) == ["stopped", "complete", "complete", "stopped"]
    assert second.trials[0].state == "complete"
    assert "time_limit" not in second.fit_options
    last = search(None)
    assert states(last) == ["stopped", "complete", "complete", "stopped", "complete", "complete"]
    tried = [t.parameters["learning_rate"] for t in last.trials if t.state == "complete"]
    assert sorted(tried) == sorted(space["learning_rate"])


def test_no_trial_begins_that_would_not_end_in_time(curve, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(limit, "monotonic", lambda: clock[0])

    def spend(study, trial):
        clock[0] += 100 - trial.duration.total_seconds() / 2

    options = {"trials": 8, "time_limit": 100 / 0.97, "optuna_callbacks": [spend], "verbose": 0}
    monkeypatch.setattr(Curve, "fit", complete(Curve.fit))
    found = tl.search(curve, {"height": tl.Range(0.1, 0.9)}, labelled(), **options)
    assert states(found) == ["complete"]


def complete(fit):
    """A fit with results of phases, from which nothing is left out."""

    def with_phases(*args, **options):
        return SimpleNamespace(
            epoch=fit(*args, **options).epoch, phases=[SimpleNamespace(left_out="")]
        )

    return with_phases


def test_the_table_is_aligned_and_begins_with_the_best(curve):
    space = {"height": [0.2, 0.8], "optimizer": ["adam", keras.optimizers.SGD(0.5)]}
    found = tl.search(curve, space, labelled(), trials=8, verbose=0)
    head, best, *_ = lines = str(found).splitlines()
    assert head.split() == [
        "trial", "height", "optimizer", "val_accuracy", "epoch", "seconds", "state"
    ]  # fmt: skip
    assert best.split()[1] == "0.8"
    assert best.split()[-1] == "complete"
    assert found.score == 0.8
    assert head.index("state") == best.index("complete") == lines[-1].index("complete")
    assert {trial.parameters["optimizer"] for trial in found.trials} == {
        "adam",
        "SGD(learning_rate=0.5)",
    }
    assert found.builder.height == 0.8


def test_what_was_tried_before_is_not_trained_again(curve, monkeypatch):
    fits = []
    monkeypatch.setattr(
        Curve, "fit", lambda self, *a, fit=Curve.fit, **k: (fits.append(1), fit(self, *a, **k))[1]
    )
    found = tl.search(curve, {"height": [0.2, 0.8]}, labelled(), trials=9, verbose=0)
    assert len(fits) == 2
    assert len(found.trials) == 9
    assert sorted({trial.score for trial in found.trials}) == [0.2, 0.8]


def test_callbacks_of_optuna_are_called_with_each_trial_that_ended(curve):
    ended = []
    space = {"height": [0.2, 0.8], "broken": ["", "broken"]}
    callbacks = [lambda study, trial: ended.append((study.study_name, trial))]
    found = tl.search(curve, space, labelled(), trials=4, verbose=0, optuna_callbacks=callbacks)
    assert [trial.number for _, trial in ended] == [0, 1, 2, 3]
    assert all(trial.state.is_finished() for _, trial in ended)
    assert {trial.value for _, trial in ended} == {trial.score for trial in found.trials}
    assert "0.8000" in found._repr_html_()


def test_few_combinations_are_all_tried(curve):
    space = {"height": [0.2, 0.4, 0.8], "epochs": [2, 4]}
    found = tl.search(curve, space, labelled(), trials=6, verbose=0)
    tried = {(trial.parameters["height"], trial.parameters["epochs"]) for trial in found.trials}
    assert len(tried) == 6
    assert len(tl.search(curve, space, labelled(), trials=5, verbose=0).trials) == 5


def test_trials_below_the_median_are_pruned(curve):
    found = tl.search(curve, {"height": tl.Range(0.1, 0.9)}, labelled(), trials=20, verbose=0)
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    complete = [trial for trial in found.trials if trial.state == "complete"]
    assert pruned
    assert max(t.parameters["height"] for t in pruned) < max(t.score for t in complete)
    # None is stopped after its first epoch, and none that has no epoch left.
    assert {trial.epoch for trial in pruned} <= {2, 3}
    assert found.trials[0].epoch == 4


def test_pruning_ends_a_training_at_once(backbone, monkeypatch):
    monkeypatch.setattr(
        optuna.pruners, "MedianPruner", lambda **_: optuna.pruners.ThresholdPruner(lower=2.0)
    )
    seen = []
    counting = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    with pytest.raises(ValueError, match="No trial of 1 succeeded"):
        tl.search(
            tl.ImageClassifierBuilder(backbone),
            {"batch_size": [8]},
            labelled(),
            trials=1,
            epochs=4,
            schedule="fine-tune",
            callbacks=counting,
            verbose=0,
        )
    assert seen == [0]


def test_a_combination_whose_process_ended_is_tried_again(curve, monkeypatch, tmp_path):
    fit = Curve.fit

    def interrupted(self, *args, **options):
        if self.height == 0.4:
            raise KeyboardInterrupt
        return fit(self, *args, **options)

    def search():
        space, storage = {"height": [0.2, 0.4, 0.5, 0.6, 0.7, 0.8]}, tmp_path / "study.db"
        return tl.search(curve, space, labelled(), trials=6, storage=storage, verbose=0)

    monkeypatch.setattr(Curve, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search()
    monkeypatch.setattr(Curve, "fit", fit)
    finished = [trial for trial in search().trials if trial.state != "failed"]
    tried = sorted(trial.parameters["height"] for trial in finished)
    assert tried == [0.2, 0.4, 0.5, 0.6, 0.7, 0.8]


@pytest.mark.parametrize(
    ("metric", "smaller"), [("val_loss", 1), ("val_rmse", 1), ("val_mae", 1), ("val_accuracy", 0)]
)
def test_losses_and_errors_are_to_be_small(metric, smaller):
    assert bool(entrance._SMALLER_IS_BETTER.search(metric.replace("_", " "))) == smaller


def test_losses_are_minimised(curve):
    found = tl.search(
        curve, {"height": [0.2, 0.8]}, labelled(), trials=6, metric="val_loss", verbose=0
    )
    assert found.score == pytest.approx(0.2)
    assert found.builder.height == 0.8


def test_a_trial_that_cannot_be_is_noted_and_the_others_go_on(curve, capsys):
    space = {"views": [1, 2], "height": tl.Range(0.1, 0.9)}  # views=2 without augmentation
    found = tl.search(curve, space, labelled(), trials=24)
    failed = [trial for trial in found.trials if trial.state == "failed"]
    assert 0 < len(failed) <= 10  # Optuna turns away from them
    assert all(trial.parameters["views"] == 2 for trial in failed)
    assert "Without an augmentation" in failed[0].reason
    assert found.builder.views == 1
    assert len(found.trials) == 24
    assert "failed: Without an augmentation" in str(found)
    assert "failed: Without an augmentation" in capsys.readouterr().out


def test_a_builder_that_fails_by_itself_ends_the_search(curve, tmp_path):
    builder = replace(curve, broken="no such layer")
    with pytest.raises(ValueError, match=r"^no such layer"):
        tl.search(builder, {"height": [0.1, 0.2]}, labelled(), storage=tmp_path / "s", verbose=0)
    with pytest.raises(ValueError, match=r"No trial of 2 succeeded\. The first: broken too"):
        tl.search(curve, {"broken": ["broken too"]}, labelled(), trials=2, verbose=0)


def test_an_unknown_metric_is_refused_and_can_be_corrected(curve, tmp_path):
    def search(metric):
        return tl.search(
            curve,
            {"height": [0.2, 0.8]},
            labelled(),
            trials=2,
            storage=tmp_path / "study.db",
            metric=metric,
            verbose=0,
        )

    with pytest.raises(
        ValueError, match=r"^Expected one of val_accuracy, val_loss\. Received: metric=val_acc"
    ):
        search("val_acc")
    assert search("val_accuracy").score == 0.8


@pytest.mark.parametrize(
    ("space", "error", "message"),
    [
        ({"heads": [1]}, ValueError, "Closest: head"),
        ({"seed": [1, 2]}, ValueError, "Received: 'seed'"),
        ({"height": []}, ValueError, "at least one value"),
        ({"batch_size": [16, 16]}, ValueError, "written alike"),
        ({"height": [float("nan"), 0.5]}, ValueError, "none of them NaN"),
        ({"batch_size": 16}, TypeError, "list of values or a tl.Range"),
        ({"head": ["pooled"]}, TypeError, "head is an object"),
        ({}, TypeError, "from names to what to try"),
        ({"epochs": [2]}, ValueError, "epochs is searched"),
    ],
)
def test_spaces_that_cannot_be_are_refused(curve, space, error, message):
    with pytest.raises(error, match=message):
        tl.search(curve, space, labelled(), epochs=3)


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (0, float("inf")), (True, 2), ("1", 2)])
def test_ranges_go_from_a_number_to_a_larger_one(ends):
    with pytest.raises(ValueError, match="to a larger one"):
        tl.Range(*ends)
    with pytest.raises(ValueError, match="begins above 0"):
        tl.Range(0, 1, log=True)


def test_ranges_between_whole_numbers_hold_whole_numbers(curve):
    space = {"epochs": tl.Range(np.int64(2), 4), "height": tl.Range(0, 0.5)}
    found = tl.search(curve, space, labelled(), trials=6, verbose=0)
    tried = [trial.parameters for trial in found.trials]
    assert {type(t["epochs"]) for t in tried} == {int}
    assert {type(t["height"]) for t in tried} == {float}


def test_options_and_data_without_a_use_are_refused(curve):
    space = {"height": [0.2, 0.8]}
    with pytest.raises(TypeError, match="epoch"):
        tl.search(tl.ImageClassifierBuilder(curve.backbone), {"freeze": ["all"]}, (), epoch=3)
    with pytest.raises(ValueError, match="held-out"):
        tl.search(
            tl.ImageClassifierBuilder(curve.backbone),
            {"freeze": ["all"]},
            labelled(),
            validation_split=0,
        )
    with pytest.raises(ValueError, match="trials is a whole number"):
        tl.search(curve, space, labelled(), trials=0)


def test_a_storage_goes_on_and_refuses_another_search(curve, tmp_path, backbone):
    storage = tmp_path / "new" / "study.db"
    space = {"height": tl.Range(0.1, 0.9)}

    def search(builder=curve, space=space, data=None, trials=3, **options):
        return tl.search(
            builder, space, data or labelled(), trials=trials, storage=storage, verbose=0, **options
        )

    first = search()
    assert [t.parameters for t in search().trials] == [t.parameters for t in first.trials]
    assert len(search(trials=5).trials) == 5
    in_memory = tl.search(curve, space, labelled(), trials=5, verbose=0)
    assert [t.parameters for t in search().trials] == [t.parameters for t in in_memory.trials]
    for other in (
        {"space": {"height": tl.Range(0.1, 0.8)}},
        {"builder": Curve(backbone, batch_size=16)},
        {"builder": Curve(small_backbone(1))},
        {"data": labelled(seed=2)},
        {"metric": "val_loss"},
        {"seed": 1},
        {"epochs": 3},
        {"callbacks": keras.callbacks.EarlyStopping(restore_best_weights=True)},
    ):
        with pytest.raises(ValueError, match=r"results of another search: .* was .* and is "):
            search(**other)


def test_a_file_that_is_no_database_is_refused(curve, tmp_path):
    (tmp_path / "notes.txt").write_text("x" * 1000)
    with pytest.raises(OSError, match=r"notes.txt.*not a database"):
        tl.search(curve, {"height": [0.2]}, labelled(), storage=tmp_path / "notes.txt")


def test_no_more_trials_are_finished_than_asked_for(curve, monkeypatch):
    ask = optuna.Study.ask

    def another_process_is_faster(study):
        theirs, ours = ask(study), ask(study)
        theirs.suggest_float("height", 0.1, 0.9)
        theirs.report(0.7, 0)
        study.tell(theirs, 0.7)
        return ours

    monkeypatch.setattr(optuna.Study, "ask", another_process_is_faster)
    found = tl.search(curve, {"height": tl.Range(0.1, 0.9)}, labelled(), trials=1, verbose=0)
    assert [(trial.number, trial.score) for trial in found.trials] == [(0, 0.7)]


def test_a_trial_that_was_taken_for_dead_is_made_up_for(curve, monkeypatch, capsys):
    report = optuna.Trial.report

    def too_late(trial, value, step):
        if trial.number == 1 and step == 2:
            trial.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        report(trial, value, step)

    monkeypatch.setattr(optuna.Trial, "report", too_late)
    found = tl.search(curve, {"height": tl.Range(0.1, 0.9)}, labelled(), trials=3)
    assert states(found) == ["complete", "failed", "complete", "complete"]
    assert "took it for dead" in capsys.readouterr().out


def test_only_processes_without_signs_of_life_are_taken_for_dead(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(studies.time, "monotonic", lambda: now[0])
    study = optuna.create_study()
    dead, living, mine = study.ask(), study.ask(), study.ask()
    abandoned = studies.Abandoned(study)
    for beat in range(4):
        now[0] += 70
        living.set_user_attr("beat", beat)
        running = [t for t in study.trials if t.state == optuna.trial.TrialState.RUNNING]
        abandoned.fail([t for t in running if t.number != mine.number])
        expected = ["FAIL" if beat > 0 else "RUNNING", "RUNNING", "RUNNING"]
        assert [trial.state.name for trial in study.trials] == expected
    assert dead.number == 0


def test_running_trials_give_signs_of_life(monkeypatch):
    monkeypatch.setattr(studies, "_BEAT", 0.01)
    study = optuna.create_study()
    with studies.alive(study.ask()):
        for _ in range(1000):
            time.sleep(0.01)
            if study.trials[0].user_attrs.get("beat", 0) > 3:
                break
    assert study.trials[0].user_attrs["beat"] > 3


SEARCH = """
import os, signal, sys
import keras
import transferlearn as tl
from tests.networks import small_backbone
from tests.searching.test_searching import labelled
from transferlearn.searching import study

study._BEAT, study.PATIENCE = 0.5, 10.0


class Dies(keras.callbacks.Callback):
    trials = 0

    def on_epoch_end(self, epoch, logs=None):
        Dies.trials += epoch == 0
        if {dies} and Dies.trials == 2 and epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)


def search(**more):
    return tl.search(
        tl.ImageClassifierBuilder(small_backbone(), batch_size=10),
        {{"learning_rate": tl.Range(1e-3, 1e-1, log=True)}},
        labelled(),
        epochs=2,
        storage={storage!r},
        **more,
    )

if {here}:
    print("begun", flush=True)
    print(search(trials={trials}, callbacks=Dies()))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9")
@pytest.mark.full
def test_a_killed_search_goes_on_with_two_processes_at_once(tmp_path, monkeypatch):
    storage = tmp_path / "study.db"
    monkeypatch.setattr(studies, "_BEAT", 0.5)
    monkeypatch.setattr(studies, "PATIENCE", 10.0)

    def script(**settings):
        return SEARCH.format(storage=str(storage), **settings)

    def start(code):
        return subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )

    killed = start(script(dies=True, here=True, trials=6))
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    names = optuna.get_all_study_names(f"sqlite:///{storage}")
    left = optuna.load_study(study_name=names[0], storage=f"sqlite:///{storage}").trials
    assert [trial.state.name for trial in left] == ["COMPLETE", "RUNNING"]

    other = start(script(dies=False, here=True, trials=6))
    assert other.stdout.readline() == "begun\n"
    scope = {}
    exec(script(dies=False, here=False, trials=6), scope)
    found = scope["search"](trials=6, verbose=0)
    output, _ = other.communicate()
    assert other.returncode == 0
    assert states(found)[:2] == ["complete", "failed"]
    assert found.trials[-1].reason == "its process ended"
    assert states(found).count("complete") + states(found).count("pruned") == 6
    assert len(found.trials) == 7
    assert str(found) in output
    theirs = sum(line.startswith("Trial ") for line in output.splitlines())
    assert 1 <= theirs <= 4
