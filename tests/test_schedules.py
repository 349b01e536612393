from dataclasses import FrozenInstanceError
from functools import partial

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.backbones import Block
from transferlearn.freezing import FreezeAll, FreezeFirst, FreezeNone, FreezeUpTo, TrainLastBlocks
from transferlearn.schedules import (
    Auto,
    AutoForNumbers,
    FineTune,
    GradualUnfreezing,
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
        "blocks": tuple(Block(name, (i,)) for i, name in enumerate("abcdefg")),
        "freeze": None,
        "pretrained": True,
        "epochs": 10,
        "learning_rate": 0.001,
        "rate_given": False,
        "steps_of_one_size": True,
        "items": 100,
        "results": [],
    }
    return Job(**plain | changes)


def follow(schedule, *, accuracy=0.5, solved=False, kept_epoch=None, losses=None, **changes):
    """The phases, each of which reaches an accuracy and runs all its epochs, or is solved."""
    planned, found = job(**changes), []
    for phase in schedule.phases(planned):
        found.append(phase)
        result = PhaseResult(
            epochs=1 if solved and phase.fit == "solve" else phase.epochs,
            learning_rate=0.1,
            frozen_layers=(),
            trainable_parameters=1,
            seconds=1.0,
            metrics={"accuracy": accuracy, **(losses or {})},
            kept_epoch=kept_epoch,
        )
        planned.results.append(result)
    return found


def test_one_phase_has_all_epochs_and_the_freeze_that_was_asked_for():
    asked = FreezeUpTo("block4")
    assert follow(OnePhase(), freeze=asked) == [Phase(freeze=asked, epochs=10)]
    assert follow(OnePhase(), freeze=asked)[0].learning_rate is None


@pytest.mark.parametrize(("pretrained", "freeze"), [(True, FreezeAll()), (False, FreezeNone())])
def test_one_phase_without_a_freeze_keeps_what_is_trained(pretrained, freeze):
    assert follow(OnePhase(), pretrained=pretrained) == [Phase(freeze=freeze, epochs=10)]


@pytest.mark.parametrize(
    ("epochs", "head_epochs", "expected"),
    [(10, None, [5, 5]), (7, None, [3, 4]), (2, None, [1, 1]), (3, None, [1, 2]), (10, 8, [8, 2])],
)
def test_fine_tuning_shares_out_the_epochs(epochs, head_epochs, expected):
    head, rest = follow(FineTune(head_epochs=head_epochs), epochs=epochs)
    assert [head.epochs, rest.epochs] == expected
    assert head.fit == ("solve" if head_epochs is None else "gradient")


def test_a_solved_head_leaves_its_epochs_to_the_rest():
    assert follow(FineTune(), epochs=10, solved=True)[1].epochs == 9
    gradual = follow(GradualUnfreezing(blocks=2), epochs=10, solved=True)
    assert [phase.epochs for phase in gradual[1:]] == [5, 4]


def test_gradual_unfreezing_frees_a_block_more_in_each_phase():
    head, *rest = follow(GradualUnfreezing(rate_factor=0.5), epochs=7)
    assert (head.freeze, head.epochs) == (FreezeAll(), 3)
    assert [phase.freeze for phase in rest] == [TrainLastBlocks(n) for n in (1, 2, 3)]
    assert [phase.epochs for phase in rest] == [2, 1, 1]
    assert {phase.learning_rate for phase in rest} == {0.0005}


def test_gradual_unfreezing_with_few_epochs_leaves_out_the_last_blocks():
    assert [x.freeze for x in follow(GradualUnfreezing(blocks=3), epochs=2)[1:]] == [
        TrainLastBlocks(1)
    ]


def test_gradual_unfreezing_keeps_frozen_what_the_builder_freezes():
    asked = FreezeUpTo("f")
    found = follow(GradualUnfreezing(blocks=2), freeze=asked)[1:]
    assert [phase.freeze for phase in found] == [TrainLastBlocks(n) | asked for n in (1, 2)]


@pytest.mark.parametrize("blocks", [8, -1, 1.5])
def test_gradual_unfreezing_has_blocks_that_there_are(blocks):
    with pytest.raises(ValueError, match=rf"blocks={blocks}"):
        follow(GradualUnfreezing(blocks=blocks))


@pytest.mark.parametrize("schedule", [OnePhase, FineTune, GradualUnfreezing])
def test_layer_decay_names_blocks_that_there_are(schedule):
    follow(schedule(layer_decay={"g": 0.1}))
    with pytest.raises(ValueError, match=r"a, b, c, d, e, f, g. Received: layer_decay for \['h'\]"):
        follow(schedule(layer_decay={"g": 0.1, "h": 0.1}))


def test_fine_tuning_starts_with_the_head_and_goes_on_at_a_smaller_rate():
    free = TrainLastBlocks(1)
    head, whole = follow(FineTune(rate_factor=0.1), freeze=free, learning_rate=0.5)
    assert (head.freeze, head.learning_rate) == (FreezeAll(), None)
    assert (whole.freeze, whole.learning_rate) == (free, pytest.approx(0.05))


def test_fine_tuning_without_a_freeze_frees_everything():
    assert follow(FineTune())[1].freeze == FreezeNone()


def test_fine_tuning_refuses_a_freeze_that_leaves_nothing():
    with pytest.raises(ValueError, match=r"leaves nothing to fine-tune.*TrainLastBlocks"):
        follow(FineTune(), freeze=FreezeAll())


@pytest.mark.parametrize(("epochs", "head_epochs"), [(1, None), (5, 5), (5, 6), (5, 0)])
def test_fine_tuning_needs_an_epoch_for_each_phase(epochs, head_epochs):
    with pytest.raises(ValueError, match=rf"Received: epochs={epochs}, head_epochs="):
        follow(FineTune(head_epochs=head_epochs), epochs=epochs)


@pytest.mark.parametrize("factor", [0, -0.1])
def test_a_rate_factor_is_above_zero(factor):
    with pytest.raises(ValueError, match="rate_factor is a number above 0"):
        FineTune(rate_factor=factor)


@pytest.mark.parametrize("epochs", [0, -1, 1.5, True, "3"])
def test_a_phase_has_whole_epochs(epochs):
    with pytest.raises(
        ValueError, match=r"epochs is a whole number of at least 1. Received: epochs="
    ):
        Phase(freeze=FreezeAll(), epochs=epochs)


def test_a_phase_takes_a_strategy_and_a_rate():
    with pytest.raises(TypeError, match=r"FreezeAll\(\). Received: freeze='all'"):
        Phase(freeze="all", epochs=1)
    for rate in (0, -1.0, float("nan"), float("inf"), True, "0.1"):
        with pytest.raises(ValueError, match=r"number above 0.*Received: learning_rate="):
            Phase(freeze=FreezeAll(), epochs=1, learning_rate=rate)


@pytest.mark.parametrize(
    "wrong",
    [
        {"layer_decay": -0.1},
        {"layer_decay": "0.9"},
        {"layer_decay": {"block1": float("nan")}},
        {"weight_decay": -1},
        {"weight_decay": True},
        {"patience": 0},
        {"patience": 1.5},
        {"warm_up": "0.1"},
    ],
)
@pytest.mark.parametrize("made", [OnePhase, FineTune, partial(Phase, freeze=FreezeAll(), epochs=1)])
def test_a_pace_that_cannot_be(made, wrong):
    with pytest.raises(ValueError, match=rf"Received: {next(iter(wrong))}="):
        made(**wrong)


def test_a_phase_never_changes():
    with pytest.raises(FrozenInstanceError):
        Phase(freeze=FreezeAll(), epochs=1).epochs = 2


def test_a_schedule_sees_what_the_phase_before_reached():
    class WhileBad(Schedule):
        def phases(self, job):
            yield Phase(freeze=FreezeAll(), epochs=1)
            if job.results[-1].metrics["accuracy"] < 0.9:
                yield Phase(freeze=FreezeFirst(3), epochs=1)

    assert len(follow(WhileBad(), accuracy=0.5)) == 2
    assert len(follow(WhileBad(), accuracy=0.95)) == 1


def test_schedules_have_names():
    mine = FineTune(rate_factor=0.5)
    assert as_schedule("one-phase") == OnePhase()
    assert as_schedule("fine-tune") == FineTune()
    assert as_schedule("auto") == Auto()
    assert as_schedule(mine) is mine


def test_who_says_what_is_frozen_gets_one_phase_and_others_the_default():
    def chosen(builder, schedule=None):
        return builder.prepare(DATA, schedule=schedule).schedule

    backbone = small_backbone()
    assert chosen(tl.ImageClassifierBuilder(backbone)) == Auto()
    assert chosen(tl.ImageClassifierBuilder(backbone, freeze="all")) == OnePhase()
    assert chosen(tl.ImageClassifierBuilder(backbone, freeze="all"), "auto") == Auto()
    assert chosen(tl.ImageRegressorBuilder(backbone)) == AutoForNumbers()
    assert chosen(tl.ImageRegressorBuilder(backbone), Auto()) == Auto()


DATA = pixels(12, 32), np.arange(12) % 2


@pytest.mark.parametrize(
    ("items", "epochs"), [(50, 41), (100, 33), (400, 9), (20_000, 4), (None, 9)]
)
def test_few_numbers_are_seen_more_often(items, epochs):
    assert AutoForNumbers().default_epochs(items) == epochs


def test_an_unknown_schedule_is_refused():
    with pytest.raises(
        ValueError,
        match=r"auto, one-phase, probe, fine-tune, gradual. Received: schedule='finetune'",
    ):
        as_schedule("finetune")
    for wrong in (3, FineTune, Phase(freeze=FreezeAll(), epochs=1)):
        with pytest.raises(TypeError, match="Expected a Schedule object or a name"):
            as_schedule(wrong)
