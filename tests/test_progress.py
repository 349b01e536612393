"""What long work shows, and where."""

import io
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.progress import Work, display, stage, work, working

pytestmark = pytest.mark.core


@pytest.fixture
def folder(tmp_path):
    from PIL import Image

    for i, image in enumerate(pixels(24, 32)):
        file = tmp_path / "photos" / ("ant", "bee")[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    return tmp_path / "photos"


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets, in seconds."""
    made = SimpleNamespace(now=0.0)
    monkeypatch.setattr(work, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def test_the_rest_takes_as_long_as_the_steps_before_it(clock):
    shown = Work()
    shown.expect(10 * 2.0 + 100 * 6.0)  # ten items at 2 and a hundred steps at 6
    first = work.Stage("frozen layers", 10, "image", 2.0, _begun=0.0)
    shown.begin(first)
    assert shown.seconds_left() is None  # no step is timed yet
    clock.now = 30.0
    first.advance(2)  # has compiled the graph, which says nothing of other steps
    assert shown.seconds_left() is None
    clock.now = 32.0
    first.advance(4)  # half a second an image, so 0.25 seconds for a cost of 1
    assert shown.seconds_left() == pytest.approx(4 * 0.5 + 100 * 6 * 0.25)
    assert shown.share(shown.seconds_left()) == pytest.approx(32 / (32 + 152))
    clock.now = 34.0
    first.advance(4)
    shown.end(first, None)
    second = work.Stage("epoch 1 of 10", 100, cost=6.0, _begun=34.0)
    shown.begin(second)
    assert shown.seconds_left() == pytest.approx(150)
    clock.now = 40.0
    second.reach(1)
    clock.now = 42.0
    second.reach(3)  # a second for each, which is less than was expected
    assert shown.seconds_left() == pytest.approx(97)
    clock.now = 42.5
    assert shown.seconds_left() == pytest.approx(96.5)  # it counts down between steps
    shown.limit = lambda: 50.0 - clock.now
    assert shown.seconds_left() == pytest.approx(7.5)
    clock.now = 60.0
    shown.expect(10.0)
    assert shown.seconds_left() == pytest.approx(96)  # of the stage that could not be cut short


def test_a_stage_of_another_kind_says_nothing_of_the_others(clock):
    shown = Work()
    checking = work.Stage("checking", 10, "image", _begun=0.0)
    shown.begin(checking)
    clock.now = 1.0
    checking.advance(5)
    clock.now = 2.0
    checking.advance(2)
    assert shown.seconds_left() is None  # what comes after it is not known
    shown.expect(100.0)
    assert shown.seconds_left() is None  # nor how long that takes
    shown.expect(0.0)
    assert shown.seconds_left() == pytest.approx(1.5)


def test_a_stage_before_anything_is_expected_says_nothing_of_what_comes(clock):
    shown = Work()
    shown.expect(None)
    before = work.Stage("predicting", 20, "text", 1.0, _begun=0.0)  # a cost of 1 is a text here
    shown.begin(before)
    for clock.now in (1.0, 2.0):
        before.advance(10)
    shown.end(before, None)
    shown.expect(3e8)  # operations
    shown.begin(work.Stage("compiling", 3, cost=1e8, _begun=2.0))
    assert shown.seconds_left() is None


def test_a_log_has_a_line_each_ten_seconds_and_the_last_result(clock):
    shown, written = Work(), io.StringIO()
    shown.shows = True
    log = display.Log(shown, written)
    log.show()
    assert written.getvalue() == "preparing, 0:00 so far\n"  # no stage has begun
    shown.part = "Phase 2 of 2"
    shown.expect(0.0)
    epochs = work.Stage("epoch 3 of 9", 9, _begun=0.0)
    shown.begin(epochs)
    epochs.reach(1)
    clock.now = 10.0
    epochs.reach(3)
    epochs.logs = {"loss": 0.25, "map": np.zeros(3)}
    log.show()
    shown.result("Epoch 3 of 9: loss 0.2500")
    log.show()
    log.show()
    assert written.getvalue().splitlines()[1:] == [
        "Phase 2 of 2, epoch 3 of 9, 25%, 0:30 left, loss 0.2500",
        "Phase 2 of 2, epoch 3 of 9, 25%, 0:30 left; Epoch 3 of 9: loss 0.2500",
        "Phase 2 of 2, epoch 3 of 9, 25%, 0:30 left, loss 0.2500",
    ]


def test_a_bar_is_drawn_over_itself_below_what_is_printed(clock, monkeypatch):
    shown, screen = Work(), io.StringIO()
    shown.expect(0.0)
    monkeypatch.setattr(sys, "stdout", screen)
    with display.Bar(shown, screen) as bar:
        epochs = work.Stage("epoch 1 of 4", 4, _begun=0.0)
        shown.begin(epochs)
        bar.show()
        assert screen.getvalue() == ""  # what ends at once needs no bar
        epochs.reach(1)
        clock.now = 10.0
        epochs.reach(2)
        bar.show()
        assert sys.stdout is not screen
        print("a line", end="")
        bar.show()  # not into the middle of it
        print(" of somebody else")
        bar.show()
    assert sys.stdout is screen
    drawn = "epoch 1 of 4  ########................  33%, 0:20 left"
    assert screen.getvalue().replace(f"\r{' ' * len(drawn)}\r", "|") == (
        f"\r{drawn}|a line of somebody else\n\r{drawn}|"
    )


def test_what_is_called_within_work_is_a_part_of_it():
    with working(0, expected=None) as outer, stage("frozen layers"):
        with working("auto") as inner, stage("checking") as checking:
            inner.expect(5.0)  # of a part, it does not count
            assert outer.stage is checking
        assert outer.stage.words == "frozen layers"
        assert outer.seconds_left() is None
    assert outer.stage is None


def test_verbose_0_prints_nothing_at_all(folder, monkeypatch, capfd):
    monkeypatch.setattr(display.Log, "_every", 0.01)
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    capfd.readouterr()
    builder.fit(folder, epochs=2, verbose=0)
    builder.prepare(builder.load((pixels(12, 32), np.arange(12) % 2))).run(verbose=0)
    tl.suggest(folder, [builder], depths=(0,), verbose=0)
    tl.find_learning_rate(builder, folder, steps=20, verbose=0)
    assert capfd.readouterr() == ("", "")
    builder.fit(folder, epochs=3, verbose=2)
    told = capfd.readouterr().out
    assert [line[:13] for line in told.splitlines() if line.startswith("Epoch ")] == [
        f"Epoch {epoch} of 3:" for epoch in (1, 2, 3)
    ]
    assert "Phase 1 of 2, " in told
    assert "24 images and 24 of them mirrored" in told
    assert "nothing is stored" in told or "24 images, two views each" in told


@pytest.mark.full
def test_in_a_pipe_no_bar_is_redrawn(folder, tmp_path):
    script = (
        "import sys, transferlearn as tl\n"
        "from tests.networks import small_backbone\n"
        "builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)\n"
        "fitted = builder.fit(sys.argv[1], epochs=2)\n"
        "tl.find_learning_rate(builder, sys.argv[1], steps=20)\n"
        "tl.suggest(sys.argv[1], [builder], depths=(0,))\n"
        "fitted.predict([*map(str, __import__('pathlib').Path(sys.argv[1]).rglob('*.png'))] * 30)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, check=True
    )
    assert b"Epoch 2 of 2" in run.stdout
    assert b"\x08" not in run.stdout
    assert b"\r" not in run.stdout
    assert b"\r" not in run.stderr
