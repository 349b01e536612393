"""Reports: what they hold, that nothing in them is obeyed, and that they are whole or not there."""

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.cli import main
from transferlearn.comparison.result import Contender
from transferlearn.fitted import leakage
from transferlearn.fitted.leakage import fingerprint, trained_on
from transferlearn.reporting import sections
from transferlearn.tasks import PairedTest

pytest.importorskip("jinja2")
pytestmark = [
    pytest.mark.core,
    pytest.mark.filterwarnings("ignore::transferlearn.data.messages.DataWarning"),
]
HOSTILE = "<script>alert(1)</script>"
FILE = 'a "b"\nc\'<i>.png'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photos of three classes, the last of which has no item in `test`."""
    root = tmp_path_factory.mktemp("photos")
    for i, image in enumerate(pixels(24, 32)):
        name = (HOSTILE.replace("/", "-"), "имя " * 20, "bee")[i % 3].strip()
        for part in ("train", "test"):
            place = root / part / name
            place.mkdir(parents=True, exist_ok=True)
            if part == "train" or i % 3 < 2:
                Image.fromarray(image).save(place / f"{i} {FILE}")
    return root


@pytest.fixture(scope="module")
def fitted(folder):
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    return builder.fit(folder / "train", schedule="probe", validation_split=0, verbose=0)


@pytest.fixture(scope="module")
def page(fitted, folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert tl.report(fitted, path, folder / "test", price_per_hour="0.50 EUR") == path
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    return path.read_text("utf-8")


class Tags(HTMLParser):
    """Collects the tags of a page, their attributes, and the text within."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = set(), [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


def test_it_says_what_was_trained_tested_and_found(fitted, folder, page):
    text = " ".join(" ".join(Tags(page).text).split())
    scores = fitted.evaluate(folder / "test")
    low, high = scores.intervals["accuracy"]
    assert f"{scores.accuracy:.1%} 95%: {low:.1%} to {high:.1%}, on 16 test images" in text
    assert fitted.outline.data["fingerprint"] in text
    test = tl.data.load(folder / "test", fitted.kind, fitted.encoding.target)
    assert f"Tested on 16 images. Their fingerprint: {fingerprint(test)}." in text
    assert (
        "16 of 16 images that could be compared were trained on, so the score is too good." in text
    )
    assert "The test has no images of bee." in text
    assert "EUR" in text
    assert f"{scores['recall: имя ' + ('имя ' * 19).strip()]:.4f}" in text
    assert "tl.ImageClassifierBuilder(" in text
    for title in ("Summary", "Data", "Training", "Results", "Mistakes", "Why it says", "Cost"):
        assert title in text
    worst = tl.plotting.mistakes(scores, 1)[0]
    path = Path(scores.paths[worst.item])
    assert " ".join(f"{path.parent.name}/{path.name} {worst.lines[0][:25]}".split()) in text
    assert f"{worst.lines[0][-25:]}, {worst.lines[1][:25]}" in text
    for picture in ("Confusion", "Reliability", "Worst mistakes", "What speaks for each answer"):
        assert picture in text


def test_nothing_in_it_is_obeyed_or_fetched(page):
    found = Tags(page)
    assert not {"script", "iframe", "object", "form", "i"} & found.tags
    assert HOSTILE.replace("/", "-") in "".join(found.text)
    names = {name for name, _ in found.attributes}
    assert not [name for name in names if name.startswith("on")]
    assert "default-src 'none'" in page
    targets = [v for name, v in found.attributes if name in ("src", "href", "xlink:href")]
    assert targets
    assert all(target.startswith(("#", "data:")) for target in targets)
    assert not re.search(r"url\((?!#)", page)
    ids = [value for name, value in found.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in targets if target.startswith("#")} <= set(ids)


def test_without_a_test_it_shows_what_training_knows(fitted, tmp_path):
    path = tl.report(fitted, str(tmp_path / "report.html"), title="<b>Bees</b>")
    text = " ".join(" ".join(Tags(path.read_text("utf-8")).text).split())
    assert "<b>Bees</b>" in text
    assert "There was no test" in text
    assert "cross-validated on 24 images" in text


def test_what_was_trained_on_is_found_among_the_test(fitted, folder, tmp_path, monkeypatch):
    def found(images):
        labels = np.array(["bee"] * len(images))
        shared = trained_on(tl.data.load((images, labels), fitted.kind), record)
        return len(shared.names), shared.looked_up

    seen, new = pixels(24, 32), pixels(6, 32, seed=9)
    record = fitted.outline.data
    assert found(np.concatenate([seen[:5], new])) == (5, 11)
    assert found(new) == (0, 6)
    with pytest.warns(tl.data.DataWarning, match="were trained on, so the score is too good"):
        fitted.evaluate(folder / "train")
    with pytest.warns(tl.data.DataWarning, match="were trained on, so it will be too sure"):
        replace(fitted).calibrate(folder / "train")
    assert trained_on(tl.data.load((new, np.array(["bee"] * 6)), fitted.kind), {}) is None
    train = tl.data.load(folder / "train", fitted.kind)
    monkeypatch.setattr(leakage, "_MOST", 8)  # of more items, some are recorded
    record = {"digests": leakage.digests(train)}
    assert found(seen) == (8, 8)
    assert found(new)[0] == 0
    with pytest.warns(tl.data.DataWarning, match="5 of 5 images that could"):
        tl.report(
            replace(fitted, outline=replace(fitted.outline, data=record)),
            tmp_path / "report.html",
            folder / "test",
        )


def test_a_comparison_is_shown(fitted, folder, tmp_path):
    scores = fitted.evaluate(folder / "test")
    better = PairedTest(difference=0.25, interval=(0.125, 0.375), p_value=0.001, method="McNemar")
    contenders = (
        Contender(name="always <i>bee</i>", evaluation=scores, seconds=0.0),
        Contender(name="this one", evaluation=scores, seconds=12.5, against=better),
    )
    comparison = tl.Comparison(
        score="accuracy", items=16, contenders=contenders, left_out=("There is no probe: <b>.",)
    )
    path = tl.report(fitted, tmp_path / "report.html", comparison=comparison)
    found = Tags(path.read_text("utf-8"))
    text = " ".join(" ".join(found.text).split())
    assert not {"i", "b"} & found.tags
    assert "Against what? On 16 test items. There is no probe: <b>." in text
    for row in comparison.rows()[1:]:
        assert " ".join(" ".join(row).split()) in text


def test_the_command_writes_it(fitted, tmp_path, capsys):
    fitted.save(tmp_path / "saved")
    path = tmp_path / "report.html"
    assert main(["report", str(tmp_path / "saved"), "--output", str(path)]) == 0
    assert f"Written: {path}" in capsys.readouterr().out
    assert fitted.outline.data["fingerprint"] in path.read_text("utf-8")
    assert main(["report", str(tmp_path / "saved"), "--output", str(tmp_path)]) == 1
    assert "is a folder" in capsys.readouterr().err


@pytest.mark.full
def test_the_lines_that_run_it_again_are_those_that_were_written(tmp_path):
    x = pixels(40, 32)
    y = np.digitize(x.mean((1, 2, 3)), [np.median(x.mean((1, 2, 3)))])
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    fitted = builder.fit((x, y), (x[::4] + 1, y[::4]), epochs=2, verbose=0)
    fitted.temperature = 1.5
    text = tl.report(fitted, tmp_path / "report.html").read_text("utf-8")
    code = html.unescape(text[text.index("import transferlearn") :].split("</code>")[0])
    assert "augmentation" not in code  # the schedule chose it, and chooses again
    fit = "fit(train, validation_data=validation, epochs=2, schedule=tl.Auto())"
    assert fit in code.replace("tl.schedules.", "tl.")
    assert code.rstrip().endswith(
        "fitted.calibrate(validation)  # temperature 1.5\nfitted.evaluate(test)"
    )


def test_a_place_that_cannot_be_written_is_found_before_the_work(fitted, tmp_path, monkeypatch):
    def work(*_, **__):
        raise AssertionError("the work began")

    monkeypatch.setattr(tl.FittedModel, "evaluate", work)
    test = pixels(3, 32), np.arange(3)
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        tl.report(fitted, tmp_path / "nowhere" / "report.html", test)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        tl.report(fitted, tmp_path, test)
    with pytest.raises(OSError, match="cannot be written"):
        tl.report(fitted, tmp_path / ("x" * 300), test)
    (tmp_path / "mine.py").write_text("precious")
    with pytest.raises(ValueError, match=r"HTML file, such as report\.html\. Received: mine\.py"):
        tl.report(fitted, tmp_path / "mine.py", test)
    assert (tmp_path / "mine.py").read_text() == "precious"
    (tmp_path / "mine.py").unlink()
    with pytest.raises(ValueError, match="currency"):
        tl.report(fitted, tmp_path / "report.html", test, price_per_hour=1)
    with pytest.raises(TypeError, match="what fit or"):
        tl.report(fitted.model, tmp_path / "report.html", test)
    assert not [*tmp_path.iterdir()]


def test_what_fails_leaves_the_report_before_it(fitted, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("before")
    with pytest.raises(ValueError, match="wasp"):
        tl.report(fitted, path, (pixels(4, 32), np.array(["bee", "wasp"] * 2)))
    lost = small_lost_model(fitted)
    with pytest.raises(ValueError, match="NaN or infinity for 4 of 4"):
        tl.report(lost, path, (pixels(4, 32), np.array(["bee"] * 4)))
    assert path.read_text() == "before"
    assert len([*tmp_path.iterdir()]) == 1


def small_lost_model(fitted):
    from dataclasses import replace

    import keras

    image = keras.Input((32, 32, 3))
    lost = keras.layers.Rescaling(float("nan"))(fitted.model(image))
    return replace(fitted, model=keras.Model(image, lost))


@pytest.mark.full
def test_a_single_item_is_enough(fitted, tmp_path):
    path = tl.report(fitted, tmp_path / "report.html", (pixels(1, 32), np.array(["bee"])))
    assert "Tested on 1 image only: look at the interval." in path.read_text("utf-8")


def test_labels_that_may_be_wrong_are_listed_by_what_has_not_seen_them(fitted, folder, tmp_path):
    trained = tl.data.load(folder / "train", fitted.kind, fitted.encoding.target)
    evaluation = fitted.evaluate(folder / "train")
    told = sections.doubt_section(fitted, evaluation, trained).texts
    assert "by a linear head in five folds" in told[0]
    fitted.save(tmp_path / "save")
    told = sections.doubt_section(tl.load(tmp_path / "save"), evaluation, trained).texts
    assert "know their labels by heart" in told[0]


def test_a_report_begins_with_results_and_ends_with_what_was_trained_on(page):
    anchors = re.findall(r'<section class="card" id="(\w+)">', page)
    assert anchors[0] == "results"
    assert anchors[-2:] == ["data", "again"]
    assert page.index("Results on the test data</h2>") < page.index("Fingerprint of these")
