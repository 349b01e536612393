from dataclasses import FrozenInstanceError

import pytest

from transferlearn.freezing import FreezeAll, FreezeFirst, FreezeNone, FreezeUpTo, TrainLastBlocks
from transferlearn.schedules import (
    FineTune,
    Job,
    OnePhase,
    Phase,
    PhaseResult,
    Schedule,
    as_schedule,
)

pytestmark = pytest.mark.core


def job(**changes):
    plain = {
        "blocks": (),
        "freeze": None,
        "pretrained": True,
        "epochs": 10,
        "learning_rate": 0.001,
        "items": 100,
        "results": [],
    }
    return Job(**plain | changes)


def phases(schedule, **changes):
    return list(schedule.phases(job(**changes)))


def test_one_phase_has_all_epochs_and_the_freeze_that_was_asked_for():
    asked = FreezeUpTo("block4")
    assert phases(OnePhase(), freeze=asked) == [Phase(freeze=asked, epochs=10)]
    assert phases(OnePhase(), freeze=asked)[0].learning_rate is None


@pytest.mark.parametrize(("pretrained", "freeze"), [(True, FreezeAll()), (False, FreezeNone())])
def test_one_phase_without_a_freeze_keeps_what_is_trained(pretrained, freeze):
    assert phases(OnePhase(), pretrained=pretrained) == [Phase(freeze=freeze, epochs=10)]


@pytest.mark.parametrize(
    ("epochs", "head_epochs", "expected"),
    [(10, None, [5, 5]), (7, None, [3, 4]), (2, None, [1, 1]), (3, None, [1, 2]), (10, 8, [8, 2])],
)
def test_fine_tuning_shares_out_the_epochs(epochs, head_epochs, expected):
    found = phases(FineTune(head_epochs=head_epochs), epochs=epochs)
    assert [phase.epochs for phase in found] == expected


def test_fine_tuning_starts_with_the_head_and_goes_on_at_a_smaller_rate():
    free = TrainLastBlocks(1)
    head, whole = phases(FineTune(rate_factor=0.1), freeze=free, learning_rate=0.5)
    assert (head.freeze, head.learning_rate) == (FreezeAll(), None)
    assert (whole.freeze, whole.learning_rate) == (free, pytest.approx(0.05))


def test_fine_tuning_without_a_freeze_frees_everything_at_a_hundredth_of_the_rate():
    second = phases(FineTune())[1]
    assert second.freeze == FreezeNone()
    assert second.learning_rate == pytest.approx(1e-5)


def test_fine_tuning_refuses_a_freeze_that_leaves_nothing():
    with pytest.raises(ValueError, match=r"leaves nothing to fine-tune.*TrainLastBlocks"):
        phases(FineTune(), freeze=FreezeAll())


@pytest.mark.parametrize(("epochs", "head_epochs"), [(1, None), (5, 5), (5, 6), (5, 0)])
def test_fine_tuning_needs_an_epoch_for_each_phase(epochs, head_epochs):
    with pytest.raises(ValueError, match=rf"Received: epochs={epochs}, head_epochs="):
        phases(FineTune(head_epochs=head_epochs), epochs=epochs)


@pytest.mark.parametrize("factor", [0, -0.1])
def test_a_rate_factor_is_above_zero(factor):
    with pytest.raises(ValueError, match="rate_factor must be above 0"):
        FineTune(rate_factor=factor)


@pytest.mark.parametrize("epochs", [0, -1, 1.5, True, "3"])
def test_a_phase_has_whole_epochs(epochs):
    with pytest.raises(ValueError, match=r"at least 1 epoch, whole. Received: epochs="):
        Phase(freeze=FreezeAll(), epochs=epochs)


def test_a_phase_takes_a_strategy_and_a_rate():
    with pytest.raises(TypeError, match=r"FreezeAll\(\). Received: freeze='all'"):
        Phase(freeze="all", epochs=1)
    for rate in (0, -1.0, float("nan"), float("inf"), True, "0.1"):
        with pytest.raises(ValueError, match=r"number above 0.*Received: learning_rate="):
            Phase(freeze=FreezeAll(), epochs=1, learning_rate=rate)


def test_a_phase_never_changes():
    with pytest.raises(FrozenInstanceError):
        Phase(freeze=FreezeAll(), epochs=1).epochs = 2


def test_a_schedule_sees_what_the_phase_before_reached():
    class WhileBad(Schedule):
        def phases(self, job):
            yield Phase(freeze=FreezeAll(), epochs=1)
            if job.results[-1].metrics["accuracy"] < 0.9:
                yield Phase(freeze=FreezeFirst(3), epochs=1)

    def follow(accuracy):
        planned = job()
        for phase in WhileBad().phases(planned):
            planned.results.append(
                PhaseResult(
                    epochs=phase.epochs,
                    learning_rate=0.1,
                    frozen_layers=(),
                    trainable_parameters=1,
                    seconds=1.0,
                    metrics={"accuracy": accuracy},
                )
            )
        return len(planned.results)

    assert follow(accuracy=0.5) == 2
    assert follow(accuracy=0.95) == 1


def test_schedules_have_names():
    mine = FineTune(rate_factor=0.5)
    assert as_schedule(None) == as_schedule("one-phase") == OnePhase()
    assert as_schedule("fine-tune") == FineTune()
    assert as_schedule(mine) is mine


def test_an_unknown_schedule_is_refused():
    with pytest.raises(
        ValueError, match=r"one-phase, fine-tune, probe. Received: schedule='finetune'"
    ):
        as_schedule("finetune")
    for wrong in (3, FineTune, Phase(freeze=FreezeAll(), epochs=1)):
        with pytest.raises(TypeError, match="Expected a Schedule object or a name"):
            as_schedule(wrong)
