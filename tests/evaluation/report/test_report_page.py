"""The page is well-formed, needs nothing else, hides no failure, and shows what is not known as a dash."""

import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from fastgrasp_evaluation.report import ReportError, write_report

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """A parsed page: every element with its attributes and its own text; fails on tags that do not match."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[dict] = []
        self.elements: list[dict] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", "inside": [e["tag"] for e in self.open], **dict(attrs)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "text": "", "inside": [], **dict(attrs)})

    def handle_endtag(self, tag):
        assert self.open and self.open[-1]["tag"] == tag, f"</{tag}> closes <{self.open[-1]['tag']}>"
        self.open.pop()
        self.handle_data(" ")  # cells and lines do not run into each other

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag: str) -> list[dict]:
        return [element for element in self.elements if element["tag"] == tag]

    def row(self, label: str) -> str:
        """The text of the table rows whose text begins so."""
        rows = [" ".join(e["text"].split()) for e in self.all("tr")]
        found = [text for text in rows if text.startswith(label)]
        assert found, f"no row {label!r} among {rows}"
        return "\n".join(found)


def picture(colour: int = 120, size: int = 40) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.full((size, 2 * size, 3), colour, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def page_of(tmp_path):
    def make(report, **options) -> Page:
        return Page(write_report(report, tmp_path / "deep" / "report.html", **options).read_text(encoding="utf-8"))

    return make


def test_the_page_needs_nothing_else(make_report, page_of, tmp_path):
    page = page_of(make_report(), pictures={"mug": [("best of 3", picture()), ("worst of 3", picture(30))]})
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["report.html"]
    images = page.all("img")
    assert len(images) == 2 and all(image["src"].startswith("data:image/") for image in images)
    assert images[0]["alt"] == "mug: best of 3"
    for element in page.elements:
        for name in ("src", "href", "srcset", "action", "poster", "data", "xlink:href"):
            assert re.match(r"data:|#", element.get(name) or "#"), element
    text = (tmp_path / "deep" / "report.html").read_text(encoding="utf-8")
    assert "url(" not in text and "@import" not in text and "http" not in re.sub(r"http-equiv", "", text)
    anchors = {element["href"][1:] for element in page.all("a") if element.get("href")}
    assert anchors <= {element.get("id") for element in page.elements}


def test_the_script_that_sorts_is_the_only_one_that_may_run(make_report, page_of):
    import base64
    import hashlib

    page = page_of(make_report())
    (script,) = page.all("script")
    digest = base64.b64encode(hashlib.sha256(script["text"].encode()).digest()).decode()
    (policy,) = (e["content"] for e in page.all("meta") if e.get("http-equiv") == "Content-Security-Policy")
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy


def test_hostile_names_are_text(broken_report, page_of):
    page = page_of(broken_report, compare=[{**broken_report, "settings": {"label": "<b onclick=x>"}}])
    assert len(page.all("script")) == 1 and not page.all("img")
    assert not [e for e in page.elements if "onerror" in e or "onclick" in e]
    assert "<script>alert(1)</script>" in page.row("<script>")
    assert page.all("h1")[0]["text"] == '"><img src=x onerror=alert(2)>'


def test_what_is_not_known_is_a_dash(make_report, page_of):
    page = page_of(make_report(table={"penetration_volume_cm3": 0.0}))
    cells = page.row("ours 12").splitlines()[0].split()
    assert cells[:9] == ["ours", "12", "of", "12", "grasps,", "2", "of", "2", "objects"]
    assert cells[9:] == ["0.00", "±", "0.25", "1.50", "±", "0.25", "60", "±", "25", "–", "2.80", "±", "0.25"]
    assert page.row("mug").splitlines()[0].split() == "mug 6 of 6 3.21 1.50 60 – 2.80".split()
    for cell in page.all("td"):
        assert not re.search(r"\b(None|nan|NaN|null|inf|undefined)\b", cell["text"])


def test_values_that_are_no_numbers_are_a_dash(make_report, page_of):
    report = make_report(table={"displacement_six_directions_cm": float("nan")})
    report["objects"][0]["grasps"][0]["penetration_volume_cm3"] = float("inf")
    page = page_of(report)
    assert "nan" not in page.row("ours").lower()
    assert not [e for e in page.all("use") if "inf" in e["x"] or "nan" in e["x"]]


def test_every_failure_is_listed_and_counted(broken_report, page_of):
    page = page_of(broken_report)
    chips = [" ".join(element["text"].split()) for element in page.all("li")]
    assert chips == [
        "3 of 8 grasps measured", "5 not measured", "1 of 3 objects refused", "1 simulator failure",
    ]  # fmt: skip
    section = page.row("mug not measured")
    assert "mug not measured NaN in the parameters seed 0: grasp 1; seed 1: grasp 4" in section
    assert "mug not measured wrong shape seed 1: grasp 5" in section
    assert "simulator failed the engine gave up seed 0: grasp 7" in page.row("<script>")
    assert "clamp object refused a hole 84 mm across all 2 grasps" in page.row("clamp")
    assert "clamp refused: a hole 84 mm across" in page.row("clamp")  # among the objects too
    assert "1 of 4" in page.row("mug") and "2 holes of up to 11 mm filled" in page.row("mug")


def test_nothing_failed_is_said_too(make_report, page_of):
    page = page_of(make_report())
    (section,) = (e for e in page.all("section") if e.get("id") == "problems")
    assert "every grasp of every object has its figures" in section["text"]


def test_each_column_is_explained_in_its_head_and_in_the_glossary(make_report, page_of):
    report = make_report()
    page = page_of(report)
    for name in report["columns"]:
        assert [e for e in page.all("th") if e.get("title") == f"What {name} counts."]
        (entry,) = (e for e in page.elements if e.get("id") == f"c-{name}")
        assert f"What {name} counts." in entry["text"]


def test_every_grasp_is_a_dot_where_its_value_is(make_report, page_of):
    report = make_report(("mug",))
    values = [grasp["penetration_volume_cm3"] for grasp in report["objects"][0]["grasps"]]
    page = page_of(report)
    (figure, _) = (e for e in page.all("figure"))
    assert "volume solid" in figure["text"]
    dots = page.all("use")
    assert len(dots) == 2 * len(values) and dots[0]["text"].strip() == "seed 0, grasp 0: 3.21 cm³"
    x = sorted(float(dot["x"]) for dot in dots[: len(values)])
    assert np.corrcoef(x, sorted(values))[0, 1] == pytest.approx(1) and x[-1] > x[0]


def test_a_few_far_greater_values_are_shown_on_a_square_root_scale(make_report, page_of, tmp_path):
    report = make_report(("mug",))
    report["objects"][0]["grasps"][0]["penetration_volume_cm3"] = 400.0
    text = page_of(report).all("figcaption")[0]["text"]
    assert "square-root scale" in text and "held for 1 s" in text
    first, second = (write_report(report, tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second


def test_times_are_shown_beside_the_published_ones(make_report, page_of):
    report = make_report()
    assert "time" not in [e.get("id") for e in page_of(report).all("section")]
    row = {"p50_ms": 61.26, "p95_ms": 70.0, "p50_ms_per_grasp": 61.26, "grasps_per_second": 16.3}
    report["timing"] = {"device": "cpu", "threads": 2, "steps": 20, "guidance": 1.0, "batches": {"1": row}}
    page = page_of(report)
    text = text_of(page, "time")
    assert "cpu, 2 threads, 20 sampler steps, guidance 1" in text and "1 61.3 70.0 61.3 16.3" in text
    assert "0.061" in page.row("ours 12") and "by the score" not in text
    report["timing"]["candidates"] = 4
    assert "guidance 1, each grasp the best of 4 by the score" in text_of(page_of(report), "time")


def test_one_seed_has_no_spread(make_report, page_of):
    assert "One seed was run" in text_of(page_of(make_report(seeds=(0,))), "seeds")
    several = text_of(page_of(make_report()), "seeds")
    assert "The figure of each of 2 seeds" in several and "volume solid" in several


def test_a_report_that_was_not_simulated_says_so(make_report, page_of):
    report = make_report(simulated=False)
    for names in report["protocols"].values():
        names[:] = [name for name in names if not name.startswith(("displacement", "held"))]
    for name in [name for name in report["columns"] if name.startswith(("displacement", "held"))]:
        for place in (report["columns"], report["table"]):
            del place[name]
    page = page_of(report)
    assert "not simulated" in [e["text"] for e in page.all("li")]
    assert "–" in page.row("ours")  # where the published tables have a displacement


def test_pictures_are_made_smaller_to_fit(make_report, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (500, 1000, 3), dtype=np.uint8)
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    pictures = {f"object {i}": [("best of 3", file.getvalue())] * 3 for i in range(5)}
    path = write_report(make_report(), tmp_path / "r.html", pictures)
    assert 1_000_000 < path.stat().st_size < 6_000_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "no benchmark report"),
        ({"format_version": 2}, "format 2"),
        ({"objects": None}, "damaged: objects missing"),
    ],
)
def test_what_is_no_report_is_refused(make_report, tmp_path, change, message):
    report = {**make_report(), **change}
    report = {key: value for key, value in report.items() if value is not None or key == "timing"}
    with pytest.raises(ReportError, match=f"the report.*{message}"):
        write_report(report, tmp_path / "r.html")
    with pytest.raises(ReportError, match=f"comparison 1.*{message}"):
        write_report(make_report(), tmp_path / "r.html", compare=[report])
    assert not (tmp_path / "r.html").exists()


def test_bad_files_are_refused(make_report, tmp_path):
    with pytest.raises(ReportError, match=r"\.html"):
        write_report(make_report(), tmp_path / "r.pdf")
    with pytest.raises(ReportError, match="picture of mug"):
        write_report(make_report(), tmp_path / "r.html", {"mug": [("best", b"no picture")]})


def text_of(page: Page, name: str) -> str:
    (section,) = (element for element in page.all("section") if element.get("id") == name)
    return " ".join(section["text"].split())
