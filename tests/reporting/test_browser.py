"""Reports in a real browser: nothing is wrong, missing, or wider than the screen."""

import shutil

import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests import texts
from tests.networks import pixels, small_backbone

playwright = pytest.importorskip("playwright.sync_api")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.full,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
]
HOSTILE = "<script>alert(1)</script>"
SCRIPTS = ["中文名称" * 20, "имя класса " * 8, "x" * 80]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])


def images(builder, targets, **options):
    data = pixels(len(targets), 32), targets
    builder = builder(small_backbone(), seed=0, **options)
    return builder.fit(data, epochs=2, schedule="one-phase", verbose=0), data


def two():
    return images(tl.ImageClassifierBuilder, np.array([HOSTILE, SCRIPTS[0]] * 20))


def thirty():
    names = [HOSTILE, *SCRIPTS, *map(str, range(26))]
    return images(tl.ImageClassifierBuilder, np.array(names * 6))


def hundreds():
    names = np.array([f"{i} {SCRIPTS[i % 3]}" for i in range(300)] * 2)
    return images(tl.ImageClassifierBuilder, names, freeze="all")


def tags():
    lists = [[HOSTILE, SCRIPTS[1]], [SCRIPTS[1]], []] * 20
    return images(tl.ImageClassifierBuilder, lists, multi_label=True)


def numbers():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    return images(tl.ImageRegressorBuilder, rows, target_names=["<b>kg</b>", SCRIPTS[2]])


def reviews(folder):
    data = texts.reviews(40)
    builder = tl.TextClassifierBuilder(
        f"keras_hub:{texts.folder_of(folder / 'encoder')}", sequence_length=32, seed=0
    )
    fitted = builder.fit(data, schedule="probe", verbose=0)
    return fitted, ([*data[0], f"{HOSTILE} film"], [*data[1], "bad"])


def large(folder):
    """Photos of 10,000 pixels, with names that hold quotation marks and line breaks."""
    for i, name in enumerate((HOSTILE.replace("/", "-"), "b")):
        for j in range(6):
            place = folder / "photos" / name / f'{j} "a"\n\'b.png'
            place.parent.mkdir(parents=True, exist_ok=True)
            size = (10_000, 20) if j else (10_000, 10_000)
            Image.new("RGB", size, (90 * i, 40 * j, 80)).save(place)
    data = folder / "photos"
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    return builder.fit(data, schedule="probe", verbose=0), data


@pytest.mark.parametrize("make", [two, thirty, hundreds, tags, numbers, reviews, large])
def test_a_report_is_right_on_every_screen(make, browser, tmp_path):
    fitted, test = make(tmp_path) if make in (reviews, large) else make()
    path = tl.report(fitted, tmp_path / "report.html", test)
    assert path.stat().st_size < 5e6
    for scheme in ("light", "dark"):
        for width in (1280, 400):
            size = {"width": width, "height": 900}
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.set_default_timeout(180_000)  # milliseconds
            said, asked = [], []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("pageerror", lambda error, said=said: said.append(str(error)))
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(path.as_uri())
            assert not said
            assert all(url.startswith(("file:", "data:")) for url in asked)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth)")
            boxes = page.evaluate(
                "[...document.querySelectorAll('figure svg, figure img')]"
                ".map(x => [x.getBoundingClientRect().width, x.getBoundingClientRect().height])"
            )
            assert len(boxes) >= 3
            assert all(wide > 99 and high > 50 for wide, high in boxes)
            end = "document.getElementById('summary').getBoundingClientRect().bottom"
            assert page.evaluate(end) < 900 or width < 1280  # the first screen
            page.close()


def test_a_report_can_be_printed(browser, tmp_path):
    fitted, test = two()
    page = browser.new_page()
    page.goto(tl.report(fitted, tmp_path / "report.html", test).as_uri())
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert 2 <= printed.count(b"/Type /Page") <= 25
