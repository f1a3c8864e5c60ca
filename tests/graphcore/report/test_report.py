"""The HTML page: complete, valid, sufficient in itself, and true to the run."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from graphcore import presets
from graphcore.cli import main as cli
from graphcore.report import svg

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Reads a page and checks that every tag is closed; keeps headings and addresses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.headings, self.addresses, self.pictures = [], [], [], 0
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs) -> None:
        self.addresses += [v for k, v in attrs if k in ("src", "href", "srcset", "data")]
        self.pictures += tag == "img"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        pass

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


@pytest.fixture
def report(tmp_path, capsys):
    """Trains a preset a little and returns its page and its result."""

    def make(preset: str, *options: str) -> tuple[str, dict]:
        out = tmp_path / preset
        asked = ["train", preset, "--epochs", "1", "--batch", "500", "--out", str(out), "--json"]
        assert cli.main(asked) == 0
        result = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert cli.main(["report", str(out), *options]) == 0
        return (out / "report.html").read_text(), result

    return make


def test_a_classifier_with_everything(report) -> None:
    text, result = report("circle", "--title", "A <b>bold</b> title")
    page = Page(text)
    assert page.headings == [
        "Graph", "Curves", "Training", "Confusion matrix", "Per class", "Decision map",
        "Loss landscape", "Layers", "Health",
    ]  # fmt: skip
    assert f"<b>{result['test_accuracy']:.2%}</b>" in text
    assert f"<b>{result['test_loss']:.4f}</b>" in text
    assert "A &lt;b&gt;bold&lt;/b&gt; title" in text
    assert "prefers-color-scheme: dark" in text
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert "http" not in text
    pictures = re.findall(r"<svg.*?</svg>", text, re.S)
    assert len(pictures) == 4
    for picture in pictures:
        ElementTree.fromstring(picture)
    for node in presets.load("circle"):
        assert f">{node.name}<" in text


@pytest.mark.mnist
def test_pictures_show_what_the_net_gets_wrong(report) -> None:
    text, _ = report("softmax-regression", "--no-landscape")
    page = Page(text)
    assert "Surest mistakes" in page.headings
    assert "Loss landscape" not in page.headings
    assert page.pictures == 24


@pytest.mark.parametrize("preset", ["linear-regression", "gan-2d"])
def test_nets_without_classes_are_reported_too(report, preset) -> None:
    text = report(preset)[0]
    page = Page(text)
    assert ("Decision map" in page.headings) == (preset == "gan-2d")
    assert ("var(--more1)" in text) == (preset == "gan-2d")
    assert {"Graph", "Curves", "Training", "Layers", "Health"} <= set(page.headings)
    assert "Confusion matrix" not in page.headings


def test_training_can_write_its_report_at_once(tmp_path, capsys) -> None:
    out = tmp_path / "run"
    assert cli.main(["train", "xor", "--epochs", "1", "--out", str(out), "--report"]) == 0
    assert "Curves" in Page((out / "report.html").read_text()).headings
    assert cli.main(["train", "xor", "--report"]) == 1
    assert "--report needs --out" in capsys.readouterr().err


def test_refusals_are_one_sentence(tmp_path, capsys) -> None:
    for folder, words in ((tmp_path / "gone", "is no folder"), (tmp_path, "graph.graph.json")):
        assert cli.main(["report", str(folder)]) == 1
        said = capsys.readouterr().err
        assert words in said
        assert len(said.splitlines()) == 1
    run = tmp_path / "run"
    assert cli.main(["train", "xor", "--epochs", "1", "--out", str(run)]) == 0
    (run / "metrics.csv").unlink()
    assert cli.main(["report", str(run), "--no-landscape"]) == 0
    assert "No metrics were kept" in (run / "report.html").read_text()


def test_a_curve_keeps_its_spikes_when_it_is_thinned() -> None:
    line = [(float(i), 1.0) for i in range(50_000)]
    line[31_234] = (31_234.0, 9.0)
    thin = svg.thinned(line)
    assert len(thin) <= svg.MOST_POINTS
    assert (31_234.0, 9.0) in thin
    assert [p[0] for p in thin] == sorted(p[0] for p in thin)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.3, 2.3, [0.5, 1.0, 1.5, 2.0]),
     (0, 938, [0, 200, 400, 600, 800]), (0.98, 1.0, [0.98, 0.985, 0.99, 0.995, 1.0])],
)  # fmt: skip
def test_axes_have_round_numbers(low, high, ticks) -> None:
    assert svg._ticks(low, high) == pytest.approx(ticks)
