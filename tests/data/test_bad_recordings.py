"""What is wrong or odd with recordings is said, with the file and the line of the table."""

import numpy as np
import pytest

from tests.sounds import RATE, tones, write
from transferlearn.data import Audio, Classes, DataWarning, load
from transferlearn.edge import AudioReader
from transferlearn.edge.recordings import Part, RecordingError, part_of, samples_of

soundfile = pytest.importorskip("soundfile")
pytestmark = pytest.mark.core
KIND = Audio(sample_rate=RATE)


def test_odd_rates_and_samples_are_named(tmp_path):
    folder = write(tmp_path, *tones(4))
    wave = tones(1)[0][0]
    soundfile.write(folder / "low" / "slow.wav", wave, RATE // 2 - 500)
    soundfile.write(folder / "low" / "half.wav", wave, RATE // 2)
    soundfile.write(folder / "low" / "units.wav", wave * 32767, RATE, subtype="FLOAT")
    with pytest.warns(DataWarning) as warned:
        assert load(folder, KIND, Classes()).count == 7
    said = {str(one.message).partition(",")[0]: str(one.message) for one in warned}
    assert said.keys() == {
        "Of less than half the rate that the network takes",
        "Far louder than [-1",
    }
    assert [name in "".join(said.values()) for name in ("slow.wav", "units.wav", "half.wav")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("sample", "said"), [(1e30, r"samples of 1e\+30"), (np.nan, "NaN")])
def test_samples_that_cannot_be_are_refused(channels, sample, said):
    waves = np.zeros((99, channels))
    waves[7, 0] = sample
    with pytest.raises(RecordingError, match=said):
        samples_of(Part(waves), RATE)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ("-1,2", "seconds from 0 on. Received: '-1,2'"),
        ("nan,2", "seconds from 0 on"),
        ("0,nan", "seconds from 0 on"),
        ("a", "seconds, such as 1.5"),
        ("2,2", "ends before it begins"),
    ],
)
def test_times_that_are_none(times, said):
    with pytest.raises(RecordingError, match=said):
        part_of(f"a.wav#t={times}")


def test_a_part_that_cannot_be_read_is_named_with_its_line(tmp_path):
    write(tmp_path, *tones(2, 1.0))
    (tmp_path / "t.csv").write_text(
        "path,label,start,end\nlow/0.wav,a,0,0.5\nhigh/1.wav,b,,\nlow/0.wav,a,0.8,0.2\n"
        "low/0.wav,a,7,8\ngone.wav,b,,\nlow/0.wav,a,0.5,2\n"
    )
    with pytest.warns(DataWarning) as warned:
        assert load(tmp_path / "t.csv", KIND, Classes()).count == 3
    skipped, odd = (str(one.message) for one in warned)
    assert "skipped 3 of 6" in skipped
    assert "low/0.wav#t=0.8,0.2 (line 4): it ends before it begins" in skipped
    assert "low/0.wav#t=7,8 (line 5): it ends before the part" in skipped
    assert "gone.wav (line 6): there is no such file" in skipped
    assert "before the end of the part" in odd
    assert "low/0.wav#t=0.5,2 (line 7)" in odd


@pytest.mark.parametrize("rate", [RATE, float(RATE), np.int64(RATE)])
def test_a_pair_of_samples_and_any_number_for_their_rate_is_one_recording(rate):
    pair = (tones(1)[0][0], rate)
    reader = AudioReader(RATE, 100)
    assert reader.is_one(pair)
    assert len(reader.read([pair]).seen) == 1
