"""`model.onnx` in Chromium, by ONNX Runtime Web, answers as the runner does."""

import functools
import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests import made
from tests.networks import pixels

playwright = pytest.importorskip("playwright.sync_api")
for _module in ("onnx", "tf2onnx", "onnxruntime"):
    pytest.importorskip(_module)
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
PAGE = Path(__file__).parents[2] / "deploy" / "browser" / "index.html"
pytestmark = [
    pytest.mark.full,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed"),
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports are made there"),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An export with the page and ONNX Runtime Web beside it, as docs/exporting.md says."""
    folder = tmp_path_factory.mktemp("browser")
    fitted = made.of_colours([[4.0, -4.0], [0, 0], [-4, 4]])
    data = pixels(24, 8, seed=3), np.array(["red", "blue"] * 12)
    path = tl.export(fitted, folder / "site", data).path
    shutil.copy(PAGE, path)
    npm = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "onnxruntime-web@1.30.0",
    ]
    subprocess.run(npm, cwd=folder, check=True)
    runtime = folder / "node_modules" / "onnxruntime-web" / "dist"
    for name in ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"):
        shutil.copy(runtime / name, path)
    return path


@pytest.fixture
def address(exported):
    handler = functools.partial(Quiet, directory=str(exported))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photos that are shrunk, enlarged, turned by EXIF, transparent and grey."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (61, 47, 3)).astype("uint8")).save(folder / "odd.png")
    Image.fromarray(pixels(1, 64, seed=5)[0, :, :24]).resize((5, 7)).save(folder / "small.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(pixels(1, 48, seed=9)[0, :24])
    turned.save(folder / "turned.jpg", exif=exif, quality=95, subsampling=0)
    rgba = np.dstack([pixels(1, 32, seed=2)[0], np.full((32, 32), 255, "uint8")])
    rgba[:, :16, 3] = 0
    Image.fromarray(rgba).save(folder / "clear.png")
    Image.fromarray(pixels(1, 40, seed=4)[0, ..., 0]).save(folder / "grey.png")
    return sorted(folder.iterdir())


def test_a_photo_is_answered_as_by_the_runner(exported, address, photos):
    runner = tl.edge.Runner(exported)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function("document.getElementById('state').textContent.startsWith('Ready')")
        for photo in photos:
            page.set_input_files("#file", photo)
            done = "name => document.getElementById('state').textContent == name"
            page.wait_for_function(done, arg=photo.name)
            cells = page.eval_on_selector_all("td", "cells => cells.map(cell => cell.textContent)")
            found = dict(zip(cells[::2], map(float, cells[1::2]), strict=True))
            most = 2e-6 if photo.suffix == ".png" else 1e-4  # JPEG decoders round differently
            assert found == pytest.approx(runner.predict(photo).probabilities, abs=most), photo.name
        page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"none"})
        page.wait_for_function("document.getElementById('state').textContent.includes('cannot')")
        browser.close()


def test_the_page_names_what_export_json_has(exported):
    told = json.loads((exported / "export.json").read_text())
    assert told["item_reader"]["settings"]["interpolation"] == "bilinear"
    assert told["output_reader"]["settings"]["class_names"] == ["red", "blue"]
