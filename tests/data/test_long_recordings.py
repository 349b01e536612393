"""Long recordings are read in parts, and are heard as they would be in one piece."""

import gc
import tracemalloc

import numpy as np
import pytest

from tests.sounds import RATE, tones, write
from transferlearn.data import Audio, Classes, load
from transferlearn.data.audio import hearing
from transferlearn.data.audio import windows as of_training
from transferlearn.edge import AudioReader, cutting
from transferlearn.edge.recordings import Part, samples_of

soundfile = pytest.importorskip("soundfile")
pytestmark = pytest.mark.core
KIND = Audio(sample_rate=RATE, seconds=0.5)


@pytest.fixture
def short_memory(monkeypatch):
    """More than a second is a long recording."""
    for module in (cutting, of_training):
        monkeypatch.setattr(module, "LONG", RATE)


@pytest.fixture
def recordings(tmp_path):
    """Two long ones, at another rate, and two short ones."""
    long, labels = tones(2, 9.0, rate=11_025)
    folder = write(tmp_path, long, labels, rate=11_025, ending=".flac")
    return write(folder, *tones(2, 0.7))


def rows_of(data):
    return data.items.start(np.arange(data.size))()


def test_a_long_recording_is_cut_as_a_short_one_is(recordings, request):
    files = sorted(str(file) for file in recordings.rglob("*.*"))
    whole = load(recordings, KIND, Classes())
    expected, read = rows_of(whole), AudioReader(RATE, RATE // 2).read(files)
    request.getfixturevalue("short_memory")
    parts = load(recordings, KIND, Classes())
    assert parts.content_hashes() == whole.content_hashes()
    np.testing.assert_array_equal(rows_of(parts), expected)
    np.testing.assert_array_equal(parts.items.start(np.array([40, 3]))(), expected[[40, 3]])
    assert parts.items.held_bytes < whole.items.held_bytes / 5
    again = AudioReader(RATE, RATE // 2).read(files)
    np.testing.assert_array_equal(again.arrays["audio"], read.arrays["audio"])
    np.testing.assert_array_equal(again.item_of, read.item_of)
    assert again.seen == read.seen
    counted = [len(rows.item_of) for rows in AudioReader(RATE, RATE // 2).read_in_parts(files)]
    assert counted == [32, 32, len(read.item_of) - 64]
    del parts, whole
    gc.collect()  # closes the temporary file, or there would be a warning


def test_each_long_recording_is_read_once_for_all_its_windows(
    recordings, short_memory, monkeypatch
):
    data = load(recordings, KIND, Classes())
    opened = []
    monkeypatch.setattr(
        of_training,
        "blocks_of",
        lambda part, rate: opened.append(part) or iter([samples_of(part, rate)]),
    )
    for _ in range(2):
        rows_of(data)
    assert len(opened) == 2


def test_a_row_as_long_as_the_recording_is_filled_up(short_memory):
    wave = tones(1, 3.0)[0][0]
    (row,) = AudioReader(RATE, 4 * RATE).read([wave]).arrays["audio"]
    np.testing.assert_array_equal(row[: 3 * RATE], wave)
    assert not row[3 * RATE :].any()


@pytest.mark.parametrize("long", [True, False])
def test_a_file_that_changed_since_it_was_checked_is_named(recordings, request, long):
    if long:
        request.getfixturevalue("short_memory")
    data = load(recordings, KIND, Classes())
    (first, *_) = sorted(recordings.rglob("*.flac"))
    soundfile.write(first, np.ones(300), RATE)
    with pytest.raises(
        OSError, match=r"flac \(it had .* samples, and has 300\), which was readable"
    ):
        rows_of(data)


def test_hours_take_little_memory(tmp_path):
    soundfile.write(tmp_path / "long.flac", np.zeros(10 * 60 * RATE, "int16"), RATE)
    item = str(tmp_path / "long.flac")
    tracemalloc.start()
    try:
        heard = hearing.hear(RATE, item)
        rows = sum(len(part.item_of) for part in AudioReader(RATE, RATE).read_in_parts([item]))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert heard.samples == 10 * 60 * RATE
    assert heard.odd == ("Silent from beginning to end",)
    assert rows == 2 * 10 * 60 - 1
    assert most < 15e6  # of 19 MB of samples


def test_clipping_is_heard_across_blocks():
    wave = np.clip(2 * np.sin(np.arange(40 * RATE) / 20), -1, 1).astype("float32")
    assert hearing.hear(RATE, wave).odd == (hearing.ODD[3],)
    assert not hearing.hear(RATE, np.append(wave / 2, [1.0])).odd
    assert hearing.hear(RATE, wave).samples == len(samples_of(Part(wave), RATE))
