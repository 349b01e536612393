"""The page of a server in Chromium, on a wide and on a narrow screen."""

import shutil
import socket
import threading
import time

import pytest

import transferlearn as tl
from tests import made
from tests.serving.made import photo

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
        config = uvicorn.Config(tl.serving.app({"colours": colours, "<b>": texts}))
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
        page.wait_for_function("document.getElementById('model').options.length == 2")
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
