"""The page of a server in Chromium, on a wide and on a narrow screen."""

import io
import shutil
import socket
import threading
import time

import numpy as np
import pytest

import transferlearn as tl
from tests import made
from tests.serving.made import finder, photo, pitches

playwright = pytest.importorskip("playwright.sync_api")
uvicorn = pytest.importorskip("uvicorn")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def address():
    colours = made.of_colours([[4.0, -4.0], [0, 0], [-4, 4]])
    texts = made.of_letters({"g": [0.0, 3.0], "b": [3.0, 0.0]})
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            tl.serving.app(
                {"colours": colours, "<b>": texts, "pitches": pitches(), "finder": finder()}
            )
        )
        server = uvicorn.Server(config)
        threading.Thread(target=server.run, args=([place],), daemon=True).start()
        while not server.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{place.getsockname()[1]}/"
        server.should_exit = True


@pytest.mark.parametrize("width", [1280, 400])
def test_photos_and_texts_are_answered_and_explained(address, width):
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#model option:nth-child(3)", state="attached")
        files = {"name": "a.png", "mimeType": "image/png", "buffer": photo((250, 10, 10))}
        page.set_input_files("#file", files)
        page.wait_for_selector("#heat:not([hidden])")
        assert page.inner_text("td") == "red"
        assert page.inner_text("#what") == "red"
        page.uncheck("#shown")
        assert not page.is_visible("#heat")
        page.check("#shown")
        page.select_option("#model", "<b>")
        page.fill("#text", "ggood <i>bad</i>")
        page.click("#say button")
        page.wait_for_selector("#words:not([hidden])")
        assert page.inner_text("#words").split() == ["ggood", "<i>bad</i>"]
        page.select_option("#model", "colours")
        page.set_input_files("#file", {**files, "buffer": b"no photo"})
        page.wait_for_selector(".wrong")
        assert "cannot be read" in page.inner_text(".wrong")
        assert not page.is_visible("#picture")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert errors == []


def test_boxes_are_drawn_over_the_photo(address):
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 400, "height": 900})
        page.goto(address)
        page.wait_for_selector("#model option:nth-child(4)", state="attached")
        page.select_option("#model", "finder")
        file = {"name": "a.png", "mimeType": "image/png"}
        for size in ((600, 300), (80, 40)):
            page.set_input_files("#file", {**file, "buffer": photo((250, 10, 10), size)})
            page.wait_for_selector("#boxes:not([hidden]) rect", state="attached")
            assert page.text_content("#boxes title") == "<b> 75.0%"
            assert page.inner_text("#answer tr").split() == ["<b>", "75.0%"]
            seen, box = (page.locator(where).bounding_box() for where in ("#seen", "#boxes rect"))
            # From a quarter to three of the width, though the network saw a bar above the photo.
            assert box["x"] == pytest.approx(seen["x"] + seen["width"] / 4, abs=3)
            assert box["y"] == pytest.approx(seen["y"], abs=3)
            assert box["width"] == pytest.approx(seen["width"] / 2, abs=3)
            assert box["height"] == pytest.approx(seen["height"] / 2, abs=3)
            page.evaluate("document.getElementById('boxes').replaceChildren()")
        page.set_input_files("#file", {**file, "buffer": photo((0, 0, 0))})
        page.wait_for_selector("#answer p:text('Nothing is found.')")
        assert page.locator("#boxes rect").count() == 0
        page.select_option("#model", "colours")
        assert not page.is_visible("#boxes")


MICROPHONE = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


@pytest.fixture
def page(address):
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", *MICROPHONE]
        browser = started.chromium.launch(executable_path=BROWSER, args=arguments)
        page = browser.new_page(viewport={"width": 400, "height": 900})
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#model option:nth-child(3)", state="attached")
        page.select_option("#model", "pitches")
        yield page
        assert page.errors == []


DARK_ROWS = """() => {
  const canvas = document.getElementById("spectrum"), { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  return [...Array(height).keys()].filter(y => data[4 * (y * width + width / 2)] < 60);
}"""  # rows that are dark in the middle

DURATION = """() => new Promise(done => {
  const heard = document.getElementById("heard");
  const look = () => heard.duration ? done(heard.duration) : setTimeout(look, 50);
  look();
})"""  # seconds, once they are known
KEEPING = """() => {
  const real = window.fetch;
  window.fetch = (where, how) => { window.sent = how.body; return real(where, how); };
}"""


def test_a_recording_is_heard_seen_and_answered(page):
    soundfile = pytest.importorskip("soundfile")
    assert page.inner_text("#wanted") == "Drop a recording here, or choose one"
    assert page.get_attribute("#file", "accept") == "audio/*"
    for ending, media in (("WAV", "audio/wav"), ("FLAC", "audio/flac"), ("MP3", "audio/mpeg")):
        file = io.BytesIO()
        wave = 0.5 * np.sin(2 * np.pi * 2000 * np.arange(44_100) / 44_100)
        soundfile.write(file, np.stack([wave, wave], axis=1), 44_100, format=ending)
        content = {"name": f"a.{ending}", "mimeType": media, "buffer": file.getvalue()}
        page.set_input_files("#file", content)
        page.wait_for_selector("#answer td")
        assert page.inner_text("#answer td") == "high"
        assert 0.9 < page.evaluate(DURATION) < 1.2
        page.wait_for_selector("#spectrum:not([hidden])")
        rows = page.evaluate(DARK_ROWS)
        assert rows
        assert abs(np.mean(rows) - (128 - 2000 / 8000 * 128)) < 4  # 2 kHz of 8
    page.set_input_files("#file", {**content, "buffer": b"no recording"})
    page.wait_for_selector(".wrong")
    assert "it is no recording, or is damaged" in page.inner_text(".wrong")
    page.wait_for_selector("#spectrum", state="hidden")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.select_option("#model", "colours")
    assert not page.is_visible("#sound")
    assert not page.is_visible("#record")
    assert page.inner_text("#wanted") == "Drop a photo here, or choose one"


def test_what_the_microphone_hears_is_recorded_and_answered(page):
    soundfile = pytest.importorskip("soundfile")
    page.evaluate(KEEPING)
    page.click("#record")
    page.wait_for_selector("#record:text('Stop')")
    page.wait_for_timeout(1500)
    page.click("#record")
    page.wait_for_selector("#answer td")
    assert page.inner_text("#record") == "Record"
    assert 1 < page.evaluate(DURATION) < 4
    sent = bytes(page.evaluate("async () => [...new Uint8Array(await window.sent.arrayBuffer())]"))
    samples, rate = soundfile.read(io.BytesIO(sent))
    assert (rate, sent[:4]) == (48_000, b"RIFF")
    assert 1 < len(samples) / rate < 4
    assert np.abs(samples).max() > 0.05  # the beeps of Chromium's own microphone


def test_without_a_microphone_that_is_said(page):
    denied = "async () => { throw new Error('denied'); }"
    page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = {denied}; }}")
    page.click("#record")
    page.wait_for_selector(".wrong")
    assert page.inner_text(".wrong") == "The microphone cannot be used: denied"
