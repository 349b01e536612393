"""Long recordings in windows with times: a fitted model, a runner, a shell and a picture."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

import transferlearn as tl
from tests.sounds import RATE, backbone, tones
from transferlearn.cli import main
from transferlearn.data import DataWarning
from transferlearn.edge.cutting import cut_as_read
from transferlearn.edge.hearing import spectrogram_of_blocks

soundfile = pytest.importorskip("soundfile")


@pytest.mark.core
@pytest.mark.parametrize("block", [1, 7, 100])
@pytest.mark.parametrize(
    ("count", "length", "step", "begins"),
    [
        (20, 8, 4, [0, 4, 8, 12]),
        (21, 8, 4, [0, 4, 8, 12, 13]),
        (23, 8, 8, [0, 8, 15]),
        (8, 8, 4, [0]),
        (9, 8, 4, [0, 1]),
    ],
)
def test_windows_are_those_of_the_whole_recording(block, count, length, step, begins):
    whole = np.arange(1, count + 1, dtype="float32")
    blocks = [whole[i : i + block] for i in range(0, count, block)]
    found = list(cut_as_read(blocks, length, step))
    assert [begin for begin, _ in found] == begins
    for begin, samples in found:
        np.testing.assert_array_equal(samples, whole[begin : begin + length])


@pytest.mark.core
def test_a_short_recording_is_one_window_and_an_endless_one_is_read_as_it_comes():
    ((begin, samples),) = cut_as_read([np.ones(3, "float32")], 8, 4)
    assert (begin, len(samples)) == (0, 3)
    endless = (np.full(5, i, "float32") for i in itertools.count())
    windows = list(itertools.islice(cut_as_read(endless, 8, 4), 1000))
    assert windows[-1][0] == 999 * 4
    assert next(endless)[0] == pytest.approx((999 * 4 + 8) / 5, abs=2)  # no block more than needed


@pytest.fixture(scope="module")
def fitted():
    waves, labels = tones(32)
    builder = tl.AudioClassifierBuilder(backbone(RATE // 2), sample_rate=RATE, seed=0)
    return builder.fit((list(waves), labels), schedule="probe", verbose=0)


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """Two seconds that are low, two that are high, and 1.3 that are low."""
    low, high = tones(2, 2.0, seed=3)[0]
    path = tmp_path_factory.mktemp("long") / "street.wav"
    soundfile.write(path, np.concatenate([low, high, low[: round(1.3 * RATE)]]), RATE, "FLOAT")
    return path


def test_each_window_is_answered_as_a_recording_of_its_own(fitted, street):
    found = fitted.predict(street, windows=1.0)
    times = [(window.start, window.end) for window in found]
    assert times == [(i / 2, i / 2 + 1) for i in range(9)] + [(4.3, 5.3)]
    names = [window.prediction.class_name for window in found]
    assert names[:3] == ["low"] * 3
    assert names[4:7] == ["high"] * 3
    assert names[8:] == ["low"] * 2
    assert found[4].prediction.path == f"{street}#t=2.0,3.0"
    for window in found:
        alone = fitted.predict(window.prediction.path).probabilities
        assert window.prediction.probabilities == pytest.approx(alone, abs=1e-6)
    part = fitted.predict(f"{street}#t=2,4", windows=1.0, hop=1.0)
    assert [(window.start, window.end) for window in part] == [(2, 3), (3, 4)]
    assert str(part[0]).startswith("2.00\t3.00\thigh\t")


def test_several_recordings_have_a_list_each_and_broken_ones_are_named(fitted, street, tmp_path):
    (tmp_path / "text.wav").write_text("no recording")
    low = tones(1)[0][0]
    with pytest.warns(DataWarning, match=r"Skipped 1 of 3 recordings:\n  .*text.wav cannot be rea"):
        found = fitted.predict([street, tmp_path / "text.wav", low[:1000]], windows=0.5, hop=0.5)
    assert [len(windows) for windows in found] == [11, 1]
    assert (found[1][0].start, found[1][0].end) == (0, 0.125)
    with pytest.raises(ValueError, match=r"text.wav cannot be read: it is no recording"):
        fitted.predict([street, tmp_path / "text.wav"], windows=1.0, on_error="raise")
    with pytest.raises(ValueError, match=r"text.wav cannot be read"):
        fitted.predict(tmp_path / "text.wav", windows=1.0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"windows": 0}, "windows is their length in seconds, from 0.01 to 600"),
        ({"windows": float("nan")}, "windows is a number"),
        ({"windows": 1.0, "hop": 2.0}, "hop is in seconds, from 0.01 to the length of a window, 1"),
        ({"windows": 1.0, "hop": 0}, "hop is in seconds"),
        ({"hop": 1.0}, "windows is a number"),
    ],
)
def test_windows_that_cannot_be(fitted, street, settings, said):
    with pytest.raises(ValueError, match=said):
        fitted.predict(street, **settings)


def test_a_runner_and_a_shell_say_the_same(fitted, street, tmp_path, capsys):
    pytest.importorskip("tf2onnx")
    wanted = fitted.predict(street, windows=0.8, hop=0.7)
    fitted.save(tmp_path / "save")
    tl.export(fitted, tmp_path / "export", (list(tones(4)[0]), tones(4)[1]))
    found = tl.edge.Runner(tmp_path / "export").predict([street], windows=0.8, hop=0.7)
    assert [len(windows) for windows in found] == [len(wanted)]
    for one, other in zip(found[0], wanted, strict=True):
        assert (one.start, one.end) == (other.start, other.end)
        expected = pytest.approx(other.prediction.probabilities, abs=1e-5)
        assert one.prediction.probabilities == expected
    options = [str(street), "--windows", "0.8", "--hop", "0.7"]
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "save"), *options, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [(one["path"], one["start"], one["end"]) for one in said] == [
        (str(street), window.start, window.end) for window in wanted
    ]
    assert [one["class_name"] for one in said] == [one.prediction.class_name for one in wanted]
    command = [sys.executable, "-m", "transferlearn.edge", tmp_path / "export", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[3].split("\t")[:4] == [str(street), "2.10", "2.90", "high"]
    (tmp_path / "text.wav").write_text("no recording")
    assert main(["predict", str(tmp_path / "save"), str(tmp_path), "--windows", "1"]) == 1


def test_models_of_other_kinds_have_no_windows():
    rows = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    reader = tl.edge.ArrayReader("x", 1)
    with pytest.raises(ValueError, match="windows cuts recordings into windows, and these are"):
        reader.in_windows(rows[0], 1.0, 0.5)


def test_windows_are_drawn_above_the_spectrogram(fitted, street):
    pytest.importorskip("matplotlib")
    said, heard = tl.plotting.show_windows(fitted, street, windows=0.5).axes
    high = next(line for line in said.lines if line.get_label() == "high")
    likely = high.get_xdata()[high.get_ydata() > 0.5]
    assert 2 <= likely.min() < 2.5
    assert 3.5 < likely.max() <= 4
    shown = heard.get_images()[0]
    assert shown.get_extent() == [0, 5.3, 0, 4]
    loudest = shown.get_array().argmax(axis=0) / 257 * 4  # kHz at each time
    assert np.abs(loudest[:110] - 0.4).max() < 0.1
    assert np.abs(loudest[130:230] - 1.5).max() < 0.2


@pytest.mark.core
def test_the_spectrogram_of_blocks_is_a_mean_over_time():
    wave = tones(2, 4.0)[0][1]
    blocks = [wave[i : i + 999] for i in range(0, len(wave), 999)]
    found = spectrogram_of_blocks(blocks, len(wave))
    assert found.shape == (257, 320)
    loudest = found.argmax(axis=0)
    assert np.ptp(loudest) <= 1
    assert found.max() == pytest.approx(0, abs=1e-6)
    assert (found[loudest[0]] > -3).all()
