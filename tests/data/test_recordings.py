"""Recordings: files of all sorts, arrays, parts, windows and what is wrong with some."""

import io
import os
import re
import struct
import warnings

import numpy as np
import pytest

from tests.sounds import RATE, tones, write
from transferlearn.data import Audio, ChangedAudio, Classes, DataWarning, load, load_pair
from transferlearn.data.loading import Reading
from transferlearn.edge.cutting import cut, windows
from transferlearn.edge.recordings import Part, RecordingError, part_of, samples_of

soundfile = pytest.importorskip("soundfile")
pytestmark = pytest.mark.core
KIND = Audio(sample_rate=RATE)


def tone(rate, hertz=440, seconds=1.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize("ending", [".wav", ".flac", ".ogg", ".aiff", ".mp3"])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_files_of_any_rate_and_number_of_channels_are_one_tone(tmp_path, ending, rate):
    wave = tone(rate)
    stereo = np.stack([wave * 1.5, wave * 0.5], axis=1).astype("float32")
    soundfile.write(tmp_path / f"a{ending}", stereo, rate)
    found = samples_of(Part(str(tmp_path / f"a{ending}")), 16000)
    wanted = tone(16000)
    assert abs(len(found) - len(wanted)) < 3000  # MP3 pads
    middle = slice(4000, 12000)
    # The same tone, whatever its phase: all power lies at 440 Hz.
    power = np.square(np.abs(np.fft.rfft(found[middle] * np.hanning(8000))))
    assert abs(power.argmax() * 2 - 440) <= 2
    assert np.std(found[middle]) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


def test_opus_is_read(tmp_path):
    soundfile.write(tmp_path / "a.opus", tone(48000), 48000, format="OGG", subtype="OPUS")
    samples = samples_of(Part(str(tmp_path / "a.opus")), RATE)
    assert len(samples) == RATE
    assert np.abs(np.fft.rfft(samples)).argmax() == 440


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script for a shell")
def test_other_files_are_read_by_ffmpeg_where_it_is_installed(tmp_path, monkeypatch):
    item, programs = Part(str(tmp_path / "a.m4a")), tmp_path / "programs"
    programs.mkdir()
    with pytest.raises(RecordingError, match="there is no such file"):
        samples_of(item, RATE)
    (tmp_path / "a.m4a").write_bytes(b"of another format")
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(RecordingError, match="ffmpeg, which is not installed: get it at"):
        samples_of(item, RATE)
    # A stand-in, which writes what it was asked for and a WAV file.
    soundfile.write(tmp_path / "a.wav", tone(44100), 44100)
    program = programs / "ffmpeg"
    asked, made = tmp_path / "asked", tmp_path / "a.wav"
    program.write_text(f'#!/bin/sh\necho "$@" > {asked}\nexec /bin/cat {made}\n')
    program.chmod(0o755)
    np.testing.assert_array_equal(samples_of(item, RATE), samples_of(Part(str(made)), RATE))
    assert f"-protocol_whitelist file -i file:{tmp_path / 'a.m4a'} -map 0:a:0" in asked.read_text()
    program.write_text("#!/bin/sh\necho moov atom not found >&2\nexit 1\n")
    with pytest.raises(RecordingError, match="finds no sound in it: moov atom not found"):
        samples_of(item, RATE)


def test_bytes_arrays_and_pairs_are_read_as_the_file_is(tmp_path):
    wave = tone(44100).astype("float32")
    soundfile.write(tmp_path / "a.wav", wave, 44100, subtype="FLOAT")
    content = (tmp_path / "a.wav").read_bytes()
    found = samples_of(Part(str(tmp_path / "a.wav")), RATE)
    np.testing.assert_array_equal(samples_of(Part(content), RATE), found)
    np.testing.assert_allclose(samples_of(Part((wave, 44100)), RATE), found, atol=1e-5)
    whole = np.round(wave * 2**15).clip(-(2**15), 2**15 - 1).astype("int16")
    np.testing.assert_allclose(samples_of(Part((whole, 44100)), RATE), found, atol=1e-4)
    np.testing.assert_array_equal(samples_of(Part(wave), 44100), wave)


def test_a_part_is_cut_out_where_it_is_said(tmp_path):
    ramp = np.linspace(-1, 1, 8 * RATE).astype("float32")
    soundfile.write(tmp_path / "ramp.wav", ramp, RATE, subtype="FLOAT")
    name = f"{tmp_path}/ramp.wav#t=2,3.5"
    np.testing.assert_array_equal(
        samples_of(part_of(name), RATE), ramp[2 * RATE : round(3.5 * RATE)]
    )
    np.testing.assert_array_equal(
        samples_of(part_of(f"{tmp_path}/ramp.wav#t=7"), RATE), ramp[7 * RATE :]
    )


def test_a_table_names_parts_and_they_stay_together(tmp_path):
    for name in "abcdef":
        soundfile.write(tmp_path / f"{name}.wav", tones(1, 4.0, seed=ord(name))[0][0], RATE)
    lines = [
        f"{name}.wav,{start},{start + 1},{'low' if start < 2 else 'high'}"
        for name in "abcdef"
        for start in range(4)
    ]
    (tmp_path / "t.csv").write_text("path,start,end,label\n" + "\n".join(lines))
    reading = Reading(kind=KIND, target=Classes())
    train, held_out = load_pair(tmp_path / "t.csv", None, reading, validation_split=0.3, seed=0)
    assert train.shape == (RATE,)
    assert train.count + held_out.count == 24
    files = [{part_of(name).source for name in part.names} for part in (train, held_out)]
    assert not files[0] & files[1]


def test_windows_cover_a_recording_and_overlap_by_half():
    assert windows(7, 8).tolist() == [0]
    assert windows(16, 8).tolist() == [0, 4, 8]
    wave = np.arange(1, 20, dtype="float32")
    rows = cut(wave, 8)
    assert rows.shape == (4, 8)
    assert rows[0, 0] == 1
    assert rows[-1, -1] == 19
    np.testing.assert_array_equal(cut(wave, 24)[0], [*wave, *[0] * 5])


def test_rows_of_a_long_recording_weigh_as_much_as_one(tmp_path):
    waves, labels = tones(6, 1.0)
    long = [*waves[:5], np.tile(waves[5], 4)]
    folder = write(tmp_path, long, labels)
    data = load(folder, Audio(sample_rate=RATE, seconds=1.0), Classes())
    assert (data.count, data.size) == (6, 12)
    sums = np.bincount(data.item_of, weights=data.sample_weight)
    np.testing.assert_allclose(sums, 1)
    assert data.of_items(np.ones((12, 2))).shape == (6, 2)
    some = data.of(np.array([2, 4]))  # the long one, which has seven rows, and another
    np.testing.assert_array_equal(some.of_items(np.arange(8.0)[:, None]), [[3], [7]])
    assert len(set(data.content_hashes())) == 12


def liar(path):
    """A header that promises 4 GB."""
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 2**32 - 1, b"WAVE", b"fmt ", 16, 1, 1,
                         RATE, 2 * RATE, 2, 16, b"data", 2**32 - 40)  # fmt: skip
    path.write_bytes(header + np.zeros(100, "<i2").tobytes())


BAD = {
    "text.wav": lambda path: path.write_text("no recording"),
    "empty.wav": lambda path: path.write_bytes(b""),
    "nothing.wav": lambda path: soundfile.write(path, np.zeros(0), RATE),
    "nan.wav": lambda path: soundfile.write(path, np.full(99, np.nan), RATE, subtype="FLOAT"),
}


def test_bad_files_are_named_and_left_out(tmp_path):
    folder = write(tmp_path, *tones(4))
    for name, make in BAD.items():
        make(folder / "low" / name)
    with pytest.warns(DataWarning, match="4 of 8") as said:
        data = load(folder, KIND, Classes())
    text = str(said[0].message)
    assert all(name in text for name in BAD)
    assert "it is no recording, or is damaged" in text
    assert "NaN" in text
    assert data.count == 4


def test_odd_ones_are_read(tmp_path):
    liar(tmp_path / "liar.wav")
    assert samples_of(Part(str(tmp_path / "liar.wav")), RATE).size <= 100
    soundfile.write(tmp_path / "eight.wav", np.tile(tone(RATE)[:, None], 8), RATE)
    assert samples_of(Part(str(tmp_path / "eight.wav")), RATE).shape == (RATE,)
    soundfile.write(tmp_path / "one.wav", np.ones(1), RATE)
    assert samples_of(Part(str(tmp_path / "one.wav")), 2 * RATE).size == 2
    mp3 = io.BytesIO()
    soundfile.write(mp3, tone(RATE), RATE, format="MP3")
    half = mp3.getvalue()[: len(mp3.getvalue()) // 2]
    assert 0 < samples_of(Part(half), RATE).size < RATE


def test_silence_is_read_and_said(tmp_path):
    folder = write(tmp_path, [*tones(2)[0], np.zeros(400), np.zeros(500)], ["a", "b", "a", "b"])
    with pytest.warns(DataWarning, match="Silent from beginning to end"):
        assert load(folder, KIND, Classes()).count == 4


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("a.wav#t=3,1", "ends before it begins"),
        ("a.wav#t=x", "are seconds"),
        ("missing.wav", "no such file"),
        (np.zeros((2, 99)), "channels are the second axis"),
        (np.zeros((2, 2, 2)), "floats or signed integers"),
        ((np.zeros(99), 7), "its rate is 7 Hz"),
    ],
)
def test_what_cannot_be_read_says_why(item, said):
    with pytest.raises(RecordingError, match=said):
        samples_of(part_of(item), RATE)


def test_settings_that_cannot_be():
    for settings in ({"sample_rate": 10}, {"sample_rate": 10**7}, {"seconds": 0.0}):
        with pytest.raises(ValueError, match=r"sample_rate|seconds"):
            Audio(**settings)


def test_views_follow_from_content_and_number_alone():
    waves, _ = tones(3)
    changed = ChangedAudio(views=2, noise=0.2, mask=0.2)
    keys = np.array([7, 8, 9])
    first = changed.items(waves, keys, np.zeros(3, int))
    again = changed.items(waves[::-1], keys[::-1], np.zeros(3, int))[::-1]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, changed.items(waves, keys, np.ones(3, int)))
    still = ChangedAudio(gain=0, shift=0).items(waves, keys, np.zeros(3, int))
    np.testing.assert_array_equal(still, waves)
    louder = ChangedAudio(gain=6, shift=0).items(waves, keys, np.arange(3))
    gains = 20 * np.log10(louder.std(axis=1) / waves.std(axis=1))
    assert np.abs(gains).max() <= 6.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="shift"):
            ChangedAudio(shift=2)


def test_noise_comes_from_the_recordings_of_a_folder(tmp_path):
    waves, _ = tones(3)
    waves[:, -1000:] = 0  # as a row is filled up
    keys, views = np.array([7, 8, 9]), np.zeros(3, int)
    hum = np.sin(2 * np.pi * 100 * np.arange(3 * RATE) / RATE).astype("float32")
    soundfile.write(tmp_path / "hum.wav", hum, RATE)
    settings = {"gain": 0, "shift": 0, "noise": tmp_path, "sample_rate": RATE}
    changed = ChangedAudio(noise_level=0.5, **settings)
    added = changed.items(waves, keys, views) - waves
    np.testing.assert_array_equal(added[:, -1000:], 0)
    added = added[:, :-1000]
    share = added.std(axis=1) / waves[:, :-1000].std(axis=1)
    assert share.max() < 0.51
    assert len(np.unique(share)) == 3
    spectrum = np.abs(np.fft.rfft(added))
    hertz = np.fft.rfftfreq(added.shape[1], 1 / RATE)
    np.testing.assert_allclose(hertz[spectrum.argmax(axis=1)], 100, atol=2)
    np.testing.assert_array_equal(
        changed.items(waves, keys, views)[:, :-1000] - waves[:, :-1000], added
    )
    # Stored views are known by what the folder holds, and a short noise is repeated.
    before = changed.name
    soundfile.write(tmp_path / "hum.wav", hum[:800], RATE)
    assert changed.name != before
    assert (changed.items(waves, keys, views) - waves)[:, 2000:2800].std(axis=1).all()
    (tmp_path / "broken.wav").write_text("no recording")
    with pytest.raises(ValueError, match=r"The noise .*broken.wav cannot be read: it is no rec"):
        ChangedAudio(**settings)
    with pytest.raises(ValueError, match=r"path of a folder of recordings\. Received: .*gone"):
        ChangedAudio(noise=tmp_path / "gone")


def test_a_band_of_frequencies_is_left_out():
    noise = np.random.default_rng(0).normal(0, 0.1, (8, RATE)).astype("float32")
    noise[:, -2000:] = 0
    changed = ChangedAudio(gain=0, shift=0, frequency_mask=0.5, sample_rate=RATE)
    made = changed.items(noise, np.arange(8), np.zeros(8, int))
    np.testing.assert_array_equal(made[:, -2000:], 0)
    sound = slice(None, -2000)
    gone = np.abs(np.fft.rfft(made[:, sound])) < 0.01 * np.abs(np.fft.rfft(noise[:, sound]))
    for row in gone:
        (places,) = np.nonzero(row)
        assert 0 < len(places) == places[-1] - places[0] + 1  # one band
    kept = np.where(gone, 0, np.fft.rfft(noise[:, sound]) - np.fft.rfft(made[:, sound]))
    assert np.abs(kept).max() < 1e-3
    assert len({row.sum() for row in gone}) > 4


def test_views_of_silence_are_silent():
    changed = ChangedAudio(noise=0.5, mask=0.2, frequency_mask=0.2)
    made = changed.items(np.zeros((2, 800), "float32"), np.arange(2), np.zeros(2, int))
    assert not made.any()


def test_odd_recordings_are_named(tmp_path):
    folder = write(tmp_path, *tones(4, seconds=1.0))
    wav = (folder / "low" / "0.wav").read_bytes()
    (folder / "low" / "cut.wav").write_bytes(wav[: len(wav) // 2])
    liar(folder / "low" / "promises.wav")
    mp3 = io.BytesIO()
    soundfile.write(mp3, tone(RATE, seconds=4.0), RATE, format="MP3")
    (folder / "low" / "whole.mp3").write_bytes(mp3.getvalue())
    (folder / "low" / "cut.mp3").write_bytes(mp3.getvalue()[: len(mp3.getvalue()) // 2])
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * RATE)  # fills some pages
    for codec in ("VORBIS", "OPUS"):
        ogg = io.BytesIO()
        soundfile.write(ogg, noise, RATE, format="OGG", subtype=codec)
        (folder / "low" / f"whole_{codec}.ogg").write_bytes(ogg.getvalue())
        (folder / "low" / f"cut_{codec}.ogg").write_bytes(ogg.getvalue()[:-100])
    soundfile.write(folder / "low" / "one.wav", np.ones(1) / 2, RATE)
    soundfile.write(folder / "low" / "loud.wav", np.clip(9 * tone(RATE), -1, 1), RATE)
    soundfile.write(folder / "low" / "sine.wav", 2 * tone(RATE), RATE)
    with pytest.warns(DataWarning) as warned:
        assert load(folder, KIND, Classes()).count == 15
    said = {
        str(one.message).partition(":")[0]: re.findall(r"(\w+\.\w+)$", str(one.message), re.M)
        for one in warned
    }
    assert said == {
        "Silent from beginning to end": ["promises.wav"],
        "Shorter than 0.02 seconds": ["one.wav", "promises.wav"],
        "Shorter than the header of the file promises, so maybe cut off": [
            "cut.mp3",
            "cut.wav",
            "cut_OPUS.ogg",
            "cut_VORBIS.ogg",
            "promises.wav",
        ],
        "Clipped": ["loud.wav"],
    }


def test_channels_that_cancel_each_other_out_are_named():
    stereo = np.stack([tone(RATE), -tone(RATE)], axis=1)
    with pytest.raises(RecordingError, match="channels cancel each other out"):
        samples_of(Part(stereo), RATE)
    stereo[:, 1] *= 0.9
    assert samples_of(Part(stereo), RATE).any()
    assert not samples_of(Part(np.zeros((99, 2))), RATE).any()


def test_long_recordings_are_held_out_whole(tmp_path):
    waves, labels = tones(12, seconds=1.0)
    write(tmp_path, waves, labels)
    kind = Audio(sample_rate=RATE, seconds=0.3)
    reading = Reading(kind, Classes())
    train, held_out = load_pair(tmp_path, reading=reading, validation_split=0.2)
    assert len(train.items) == 10 * len(held_out.items) // 2 > 10 * 3
    assert not {*train.names} & {*held_out.names}


def test_speed_moves_the_pitch_and_the_length():
    pytest.importorskip("soxr")
    waves = np.zeros((6, 2 * RATE), "float32")
    waves[:, :RATE] = tone(RATE)
    changed = ChangedAudio(gain=0, shift=0, speed=0.3, sample_rate=RATE)
    made = changed.items(waves, np.arange(6), np.zeros(6, int))
    ends = np.array([np.flatnonzero(row)[-1] + 1 for row in made])
    speeds = RATE / ends
    assert speeds.min() < 0.95 < 1.05 < speeds.max()
    assert ((speeds > 0.69) & (speeds < 1.31)).all()
    hertz = np.abs(np.fft.rfft(made)).argmax(axis=1) / 2
    np.testing.assert_allclose(hertz, 440 * speeds, rtol=0.01)
    full = changed.items(
        np.tile(tone(RATE), (6, 1)).astype("float32"), np.arange(6), np.zeros(6, int)
    )
    assert full.shape == (6, RATE)
    assert not changed.items(np.zeros((1, 99), "float32"), np.arange(1), np.zeros(1, int)).any()
