"""Speech: what a Whisper writes down before and after it is tuned, and of long recordings."""

import csv
import json
from itertools import pairwise

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub")
pytest.importorskip("soundfile")
pytest.importorskip("soxr")
pytest.importorskip("tokenizers")
pytest.importorskip("jiwer")

import soundfile

import transferlearn as tl
from tests import whispers
from tests.whispers import IDS, RATE, SAID, folder_of, tone
from transferlearn.cli import main
from transferlearn.edge.pauses import cut_out, levels_of, spoken_parts
from transferlearn.edge.seams import joined
from transferlearn.edge.speech import Hears
from transferlearn.edge.text_writer import Wrote
from transferlearn.edge.transcripts import Segment, Transcript
from transferlearn.exporting.in_keras import runner_of


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("speech")


@pytest.fixture(scope="module")
def whisper(place):
    return folder_of(place / "whisper")


@pytest.fixture(scope="module")
def table(place):
    """Recordings of one word each, with their words."""
    rows = [("path", "text")]
    for i in range(12):
        word = SAID[i % 3]
        soundfile.write(place / f"{i}.wav", tone(word, seed=i), RATE)
        rows.append((f"{i}.wav", word.capitalize() + "!" if i == 5 else word))
    with (place / "said.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return place / "said.csv"


@pytest.fixture(scope="module")
def fitted(whisper, table):
    made = builder(whisper, batch_size=12)
    return made.fit(table, epochs=80, validation_split=0, verbose=0)


def builder(whisper, **settings):
    return tl.SpeechRecognizerBuilder(
        whisper, **{"seconds": 1.0, "learning_rate": 1e-2, "seed": 0, **settings}
    )


def test_an_untouched_network_writes_what_numpy_finds_likeliest(whisper, tmp_path):
    backbone = tl.backbones.get_speech(whisper)
    writer, tensors = backbone.writer, whispers.state()
    assert writer.begin == (IDS["startoftranscript"], IDS["notimestamps"])
    assert writer.end == IDS["endoftext"]
    assert writer.silence == IDS["nocaptions"]
    model = builder(whisper).build()
    wave = np.zeros(RATE, "float32")
    wave[: RATE // 2] = tone("mid")
    states = whispers.encoded(whispers.spectrogram(wave), tensors)
    ids = list(writer.begin)
    while len(ids) < 12 and ids[-1] != writer.end:
        logits = whispers.decoded(ids, states, tensors) @ tensors["decoder.embed_tokens.weight"].T
        found = keras.ops.convert_to_numpy(model([wave[None], np.array([ids], "int32")]))
        np.testing.assert_allclose(found[0], logits, atol=2e-3)
        logits[-1, [0, 35, *([25] if len(ids) == 2 else ())]] = -np.inf
        ids.append(int(logits[-1].argmax()))
    untouched = builder(whisper).pretrained()
    assert untouched.predict(wave).text == writer.text(ids[2:]).strip()
    soundfile.write(tmp_path / "mid.wav", wave, RATE)
    served = runner_of(untouched).transcriber
    assert served.language == "en"
    content = (tmp_path / "mid.wav").read_bytes()
    assert served(content).text == untouched.transcribe(tmp_path / "mid.wav").text
    untouched.save(tmp_path / "untouched")
    assert tl.load(tmp_path / "untouched").predict(wave).text == untouched.predict(wave).text


def test_words_are_learnt_and_written_down(fitted, table, place):
    found = fitted.predict([str(place / f"{i}.wav") for i in range(3)])
    assert [one.text for one in found] == ["low", "mid", "high"]
    scores = fitted.evaluate(table)
    assert scores.word_error_rate == 0
    assert scores.exact == 11 / 12  # one has a capital and a mark
    assert 1 / scores.token_probability == pytest.approx(scores.perplexity)
    fitted.save(place / "model")
    again = tl.load(place / "model")
    assert again.predict(str(place / "1.wav")).text == "mid"
    assert again.evaluate(table).figures == scores.figures


def test_errors_are_counted_by_kind():
    from transferlearn.tasks.writing.errors import error_rates, errors_of, plain

    assert plain("Yes - it's Ünder-way, 5 p.m.") == "yes its ünder way 5 pm"
    texts, right = ["a b x d", "One!", "e"], ["a b c d", "one two", "..."]
    counted = errors_of(texts, right)
    np.testing.assert_array_equal(counted[:, :4], [[1, 0, 0, 4], [0, 1, 0, 2], [0, 0, 1, 0]])
    rates = error_rates(counted.sum(axis=0))
    assert rates["word_error_rate"] == 3 / 6
    assert rates["character_error_rate"] == (1 + 4 + 1) / (7 + 7)


@pytest.mark.full
def test_what_the_frozen_encoder_gives_is_stored(whisper, table):
    stored, live = (
        builder(whisper, learning_rate=1e-3).fit(
            table, epochs=2, validation_split=0, cache=cache, verbose=0
        )
        for cache in (True, False)
    )
    assert "encoder_layer_norm" in str(stored.phases[-1].stored)
    for one, other in zip(stored.model.weights, live.model.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


@pytest.mark.full
def test_a_run_that_is_killed_goes_on(whisper, table):
    tl.testing.check_resume(builder(whisper), table, epochs=2, validation_split=0.25)


def speech(parts):
    """Words with pauses of so many seconds before them, at a low level of noise."""
    sound = [np.zeros(0)]
    for word, pause in parts:
        sound += [np.zeros(round(pause * RATE)), tone(word)]
    whole = np.concatenate([*sound, np.zeros(RATE)])
    return (whole + np.random.default_rng(0).normal(0, 1e-4, len(whole))).astype("float32")


def test_long_recordings_are_written_down_between_their_pauses(fitted, place):
    said = [("low", 0.3), ("high", 2.0), ("mid", 61.0), ("mid", 1.5)]
    soundfile.write(place / "long.flac", speech(said), RATE)
    found = fitted.transcribe(place / "long.flac")
    assert found.text == "low high mid mid"
    starts = [0.3, 2.8, 64.3, 66.3]
    for segment, start in zip(found.segments, starts, strict=True):
        assert segment.start == pytest.approx(start - 0.2, abs=0.05)
        assert segment.end == pytest.approx(start + 0.7, abs=0.05)
    silence = np.random.default_rng(1).normal(0, 1e-4, 100 * RATE).astype("float32")
    assert fitted.transcribe(silence).text == ""
    several = fitted.transcribe([place / "long.flac", place / "0.wav"])
    assert [one.text for one in several] == [found.text, "low"]
    with pytest.raises(ValueError, match=r"65\.|66\.|67\..*seconds long, and 1 are heard at once"):
        fitted.predict(str(place / "long.flac"))


def test_parts_hold_all_that_is_said_and_no_more_than_can_be_heard():
    random = np.random.default_rng(0)
    words = [(SAID[i], random.uniform(0.05, 1.5)) for i in random.integers(0, 3, 40)]
    sound = speech([(word, pause) for word, pause in words])
    blocks = [sound[i : i + 9999] for i in range(0, len(sound), 9999)]
    levels = levels_of(iter(blocks), RATE)
    assert len(levels) == -(-len(sound) // 320)
    parts = spoken_parts(levels, 3.0)
    assert max(end - begin for begin, end in parts) <= 3.0
    assert all(one[1] <= other[0] for one, other in pairwise(parts))  # none is cut within words
    cut = list(cut_out(iter(blocks), RATE, parts))
    for (begin, end), samples in zip(parts, cut, strict=True):
        np.testing.assert_array_equal(samples, sound[round(begin * RATE) : round(end * RATE)])
    held = sum(float(np.square(samples).sum()) for samples in cut)
    assert held > 0.999 * float(np.square(sound).sum())
    without = spoken_parts(levels_of(iter([tone("low", 10)]), RATE), 3.0)
    assert max(end - begin for begin, end in without) <= 3.0
    assert without[0][0] == 0
    assert without[-1][1] == pytest.approx(10)
    assert all(0.5 < one[1] - other[0] <= 0.75 for one, other in pairwise(without))
    whole = tone("low", 10)
    for (begin, end), samples in zip(without, cut_out(iter([whole]), RATE, without), strict=True):
        np.testing.assert_array_equal(samples, whole[round(begin * RATE) : round(end * RATE)])


def test_a_word_in_an_hour_of_noise_is_found_and_so_is_one_beside_a_bang():
    hour = np.random.default_rng(0).normal(-50, 0.4, 180_000)
    hour[90_000:90_020] = -25
    assert spoken_parts(hour, 30.0) == [(1799.8, 1800.6)]
    bang = np.full(5_000, -80.0)
    bang[500:520], bang[3_000:3_050] = 0, -40
    assert [begin for begin, _ in spoken_parts(bang, 30.0)] == [9.8, 59.8]
    engine = np.concatenate([np.full(30_000, -75.0), np.full(30_000, -40.0)])
    engine[40_000:40_050] = -20
    assert spoken_parts(engine, 30.0) == [(799.8, 801.2)]


def test_words_at_a_seam_are_neither_lost_nor_written_twice():
    def seam(*texts):
        parts = [Segment(6.0 * i, 6.0 * i + 8, text) for i, text in enumerate(texts)]
        return [(one.start, one.end, one.text) for one in joined(parts)]

    found = seam("We sat by the old river and", "Oldest river, and then we went home", "went home.")
    assert found[0] == (0, 7.0, "We sat by the old river and")
    assert found[1] == (7.0, 13.0, "then we went home")
    assert len(found) == 2  # nothing is left of the last
    assert seam("a b c sw", "im c d e")[1][2] == "d e"
    assert [text for *_, text in seam("he saw the bi", "big house of the")] == [
        "he saw the bi",
        "big house of the",
    ]
    apart = [Segment(0, 1, "a b"), Segment(1, 2, "a b")]
    assert joined(apart) == apart


def test_subtitles():
    made = Transcript((Segment(0.5, 61.25, "a <b> --> c"), Segment(3661, 3662.0004, "d")))
    assert made.text == "a <b> --> c d"
    assert made.srt().startswith("1\n00:00:00,500 --> 00:01:01,250\na <b> --> c\n\n2\n01:01:01,000")
    assert "00:00:00.500 --> 00:01:01.250\na &lt;b&gt; --&gt; c\n\n" in made.vtt()
    assert made.vtt().startswith("WEBVTT\n\n")
    assert Transcript((Segment(0, 1, "a", "de"), Segment(1, 3, "b", "fr"))).language == "fr"
    assert Transcript(()).language == ""


class Said:
    """Stands for what writes: it says what it is told, and how sure it is."""

    def __init__(self, found, again, silence):
        self.found, self.again, self.silence = found, again, silence

    def wrote(self, logits, rows, temperature=None):
        found = self.found if temperature is None else [self.again] * rows
        return [Wrote(*one) for one in found]

    def texts(self, monkeypatch):
        monkeypatch.setattr(Hears, "_silence", lambda s, logits, n: np.array(self.silence))
        hears = Hears(lambda x: None, self)
        return [one.text for one in hears.wrote(np.zeros((len(self.found), 5)))]


def test_nothing_is_invented_or_repeated(monkeypatch):
    loop = ("so " * 60, -0.1)
    short = ("We went. The train is late today for all. " + "The train is late today. " * 3, -0.1)
    said = Said(
        [("yes", -0.2), loop, ("thank you", -1.5), ("hm", -1.5), short],
        ("no", -0.5),
        [0, 0, 0.9, 0, 0.1],
    )
    found = said.texts(monkeypatch)
    assert found == ["yes", "no", "", "no", "no"]
    noise = [loop, ("you", -0.86), (". . .", -0.03), ("yes", -0.3)]
    said = Said(noise, ("no", -0.5), [0.95] * 4)
    assert said.texts(monkeypatch) == ["", "", "", "yes"]
    said = Said([short], ("worse", -1.5), [0])  # somebody may have said it three times
    assert said.texts(monkeypatch) == [short[0]]


def test_sources(whisper, table, place, tmp_path):
    kind = builder(whisper).kind
    wav = tone("low")
    (tmp_path / "lj" / "wavs").mkdir(parents=True)
    soundfile.write(tmp_path / "lj" / "wavs" / "LJ1.wav", wav, RATE)
    (tmp_path / "lj" / "metadata.csv").write_text("LJ1|Low 1|low one\n")
    (tmp_path / "cv" / "clips").mkdir(parents=True)
    soundfile.write(tmp_path / "cv" / "clips" / "a.flac", wav, RATE)
    (tmp_path / "cv" / "train.tsv").write_text("client_id\tpath\tsentence\nx\ta.flac\tlow\n")
    (tmp_path / "beside" / "below").mkdir(parents=True)
    soundfile.write(tmp_path / "beside" / "below" / "b.wav", wav, RATE)
    (tmp_path / "beside" / "below" / "b.txt").write_text("low\n")
    for name, text in (("lj", "low one"), ("cv", "low"), ("beside", "low\n")):
        data = tl.data.load(tmp_path / name, kind, tl.data.Written())
        assert list(data.targets.texts) == [text]
    assert len(tl.data.load(table, kind, tl.data.Written()).targets.texts) == 12
    files = [str(place / "0.wav"), str(place / "1.wav")]
    data = tl.data.load((files, ["low", "mid"]), kind, tl.data.Written())
    assert data.shape == (RATE,)
    whole = tl.SpeechRecognizerBuilder(whisper).kind
    assert tl.data.load((files, ["low", "mid"]), whole, tl.data.Written()).shape == (8 * RATE,)


def kaldi(folder, **files):
    """Writes a folder of Kaldi's with one recording of two words."""
    folder.mkdir()
    soundfile.write(folder / "talk.wav", np.concatenate([tone("low"), tone("mid")]), RATE)
    files = {
        "wav.scp": "talk talk.wav\n",
        "segments": "u1 talk 0 0.5\nu2 talk 0.5 1.0\n",
        "text": "u1 low\nu2 mid\n",
        "utt2spk": "u1 anna\nu2 ben\n",
    } | {name.replace("_", "."): text for name, text in files.items()}
    for name, text in files.items():
        if text is not None:
            (folder / name).write_text(text)
    return folder


def test_kaldi(whisper, tmp_path):
    kind = builder(whisper).kind
    data = tl.data.load(kaldi(tmp_path / "a"), kind, tl.data.Written())
    assert list(data.targets.texts) == ["low", "mid"]
    assert list(data.groups) == ["anna", "ben"]
    (rows, *_), *_ = data.batches(batch_size=2)
    np.testing.assert_allclose(rows[1, :8000], tone("mid"), atol=1e-4)
    whole = kaldi(tmp_path / "b", segments=None, utt2spk=None, text="talk low mid\n")
    data = tl.data.load(whole, kind, tl.data.Written())
    assert list(data.targets.texts) == ["low mid"]
    for name, files, why in (
        ("c", {"wav_scp": "talk sox a.mp3 -t wav - |\n"}, "'talk', and commands are not run: 'sox"),
        ("d", {"segments": "u1 talk 0\nu2 talk 0 1\n"}, "another form for 'u1'"),
        ("e", {"text": "u1 low\nu1 mid\n"}, "line 2: 'u1' is there twice"),
    ):
        with pytest.raises(ValueError, match=why):
            tl.data.load(kaldi(tmp_path / name, **files), kind, tl.data.Written())
    text = "u1 low\nu2 mid\nu3 high\n"
    odd = kaldi(tmp_path / "f", text=text, segments="u1 talk 0 0.5\nu2 talk 0.5 0.2\n")
    with (
        pytest.warns(tl.data.DataWarning, match="u2 .*ends before"),
        pytest.warns(tl.data.DataWarning, match="u3 .*not in segments"),
    ):
        data = tl.data.load(odd, kind, tl.data.Written())
    assert list(data.targets.texts) == ["low"]


def test_odd_texts_are_named(whisper, tmp_path):
    soundfile.write(tmp_path / "copy.wav", tone("low"), RATE)
    soundfile.write(tmp_path / "mid.wav", tone("mid"), RATE)
    files = [str(tmp_path / "mid.wav"), str(tmp_path / "copy.wav")]
    same = ([files[1], files[1]], ["low", "mid"])
    with pytest.warns(tl.data.DataWarning, match="same content with different texts(.|\n)*'mid'"):
        builder(whisper).load(same, validation_split=0)
    with pytest.warns(tl.data.DataWarning, match="no token, so they are not learnt: ß 語$"):
        builder(whisper).prepare((files, ["low ß", "mid 語"]), validation_split=0)


def test_bad_input(whisper, table, place, tmp_path):
    soundfile.write(tmp_path / "long.wav", tone("low", 1.5), RATE)
    files = [str(place / "0.wav"), str(place / "1.wav"), str(tmp_path / "long.wav")]
    with pytest.warns(tl.data.DataWarning, match="the text to write is empty"):
        tl.data.load((files[:2], ["low", " "]), builder(whisper).kind, tl.data.Written())
    words = "low " * 50
    with pytest.warns(
        tl.data.DataWarning, match=r"50 words in 0\.5 seconds(.|\n)*1\.5 seconds long"
    ):
        data = tl.data.load(
            ([files[0], *files], ["low", words, "mid", "low"]),
            builder(whisper).kind,
            tl.data.Written(),
        )
    assert list(data.targets.texts) == ["low", "mid"]
    for name, why in (("keras_hub:nothing", "writes nothing down"), (whisper, "English only")):
        with pytest.raises(ValueError, match=why):
            tl.backbones.get_speech(name, language="de")
    with pytest.raises(ValueError, match="describes no tokenizer"):
        tl.data.JsonTokenizer("{}")


def test_the_language_is_found_or_given_and_translated(tmp_path, table):
    whisper = folder_of(tmp_path / "many", seed=6, languages=("de", "fr"))
    noise = np.random.default_rng(0).normal(0, 0.3, RATE)
    waves = np.stack([np.eye(RATE)[0], noise]).astype("float32")
    tensors = whispers.state(6)
    ids = dict(zip(("en", "de", "fr"), (IDS["en"], 36, 37), strict=True))
    best = []
    for wave in waves:
        states = whispers.encoded(whispers.spectrogram(wave), tensors)
        behind = whispers.decoded([IDS["startoftranscript"]], states, tensors)
        logits = (behind @ tensors["decoder.embed_tokens.weight"].T)[0]
        best.append(max(ids, key=lambda code, x=logits: x[ids[code]]))
    assert len(set(best)) > 1  # else the test would prove nothing
    finds = builder(whisper).pretrained()
    writes = finds.answerer()
    found = writes.writer.wrote(writes.begin(waves), len(waves))
    assert [one.language for one in found] == best
    for row, language in enumerate(best):
        known = builder(whisper, language=language)._speech().writer
        given = known.at_edge(writes.writer.tokenizer, writes.writer.sampling)
        assert given.wrote(writes.begin(waves), len(waves))[row] == found[row]
    finds.save(tmp_path / "finds")
    assert tl.load(tmp_path / "finds").answerer().writer == writes.writer
    writer = builder(whisper, language="de", translate=True)._speech().writer
    assert writer.begin == (IDS["startoftranscript"], 36, 35, IDS["notimestamps"])
    with pytest.raises(ValueError, match="name the one that is spoken"):
        builder(whisper).fit(table)


@pytest.mark.full
def test_command_line(fitted, table, place, tmp_path, capsys):
    train = ["train", str(table), "--task", "transcribe", "--output", str(tmp_path / "none")]
    assert main(train) == 1
    assert "keras_hub:FOLDER" in capsys.readouterr().err
    model = str(tmp_path / "model")
    fitted.save(model)
    assert main(["transcribe", model, str(place / "0.wav"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["text"] == "low"
    assert found["segments"][0]["end"] == 0.5
    assert main(["transcribe", model, str(place / "0.wav"), "--format", "vtt"]) == 0
    assert capsys.readouterr().out.startswith("WEBVTT")


def test_an_untouched_network_on_the_command_line(whisper, tmp_path, capsys):
    soundfile.write(tmp_path / "low.wav", tone("low"), RATE)
    assert main(["transcribe", whisper, str(tmp_path / "low.wav")]) == 0
    untouched = builder(whisper).pretrained()  # it hears as much as it can, here a second
    assert capsys.readouterr().out == f"{untouched.transcribe(tmp_path / 'low.wav').text}\n"
    assert main(["transcribe", whisper, str(tmp_path / "low.wav"), "--translate"]) == 1
    assert "knows English only" in capsys.readouterr().err
