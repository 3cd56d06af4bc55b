"""The report: what its target writes, and as a reader sees it, in a browser."""

import os
import re
import shutil
from urllib.parse import unquote

import pytest

from wfci_sleep.run.made import record_path

from .conftest import ROOT, Workflow, small_disk

pytestmark = pytest.mark.slow

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

REPORT = "results/tiny/report.html"

STYLE = ROOT / "workflow" / "report" / "report.css"

QUESTIONS = [
    "1. Are the recordings sound?",
    "2. Does the network agree with the raters?",
    "3. How does the mouse sleep?",
    "4. Where and when does the network look?",
    "5. How does it compare with the paper?",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory, drawn) -> Workflow:
    """A finished run with its report, made by the target of that name."""
    workflow = drawn.copy(tmp_path_factory.mktemp("report") / "run")
    workflow.run("all")
    workflow.run("report")
    return workflow


@pytest.fixture(scope="module")
def browser():
    if BROWSER is None:
        pytest.skip("no Chromium or Chrome is installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(report, browser):
    """The opened report; whatever the browser complains about while a test uses it is an error."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url[:200]))
    page.goto(report.path(REPORT).as_uri())
    page.get_by_role("heading", name="What was run").wait_for()
    yield page
    page.close()
    assert complaints == []


def test_the_target_makes_it_again_and_again(report):
    path = report.path(REPORT)
    before = path.stat().st_mtime_ns
    said = report.run("report").stdout
    assert f"The report is {REPORT}" in said
    assert path.stat().st_mtime_ns > before
    assert [file.name for file in path.parent.glob(".*")] == [".made"]


def test_a_full_disk_is_one_line_and_the_report_before_stays(report):
    before = report.path(REPORT).read_bytes()
    with small_disk(report.path("results/tiny")) as fill:
        fill(100_000)
        full = report.run("report", check=False)
        assert full.returncode == 1
        (error,) = {line for line in full.stdout.splitlines() if line.startswith("error: ")}
        assert "make room and run the same command again" in error
        assert "Traceback" not in full.stdout
        assert report.path(REPORT).read_bytes() == before
        fill(None)
        assert f"The report is {REPORT}" in report.run("report").stdout
        assert [file.name for file in report.path(REPORT).parent.glob(".*")] == [".made"]


def test_it_holds_every_figure_and_table(report):
    text = report.read(REPORT)
    made = [*report.path("results/tiny").rglob("figures/*.svg"), *report.path("results/tiny").rglob("tables/*.html")]
    assert len(made) > 30
    assert [path for path in made if str(path.relative_to(report.folder)) not in text] == []
    assert "What was run" in text and "Nothing here is a scientific result" in text
    # All that Snakemake's page needs came with its package.
    assert re.findall(r"<script[^>]*src=|<link[^>]*href=\"http", text) == []


def test_a_report_that_cannot_be_made_is_one_line(report):
    """The log says why, and what was there before stays."""
    before = report.path(REPORT).read_bytes()
    overview = report.path("results/tiny/overview.rst")
    text, times = overview.read_text(), overview.stat()
    # Without its record it is taken as it is.
    record_path(overview).unlink()
    overview.write_text(".. include:: nowhere.rst\n")
    os.utime(overview, ns=(times.st_atime_ns, times.st_mtime_ns))
    try:
        done = report.run("report", check=False)
    finally:
        overview.write_text(text)
        os.utime(overview, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert done.returncode == 1
    assert "error: Snakemake made no report, it says why in logs/tiny/report.log" in done.stdout.splitlines()
    assert "nowhere.rst" in report.read("logs/tiny/report.log")
    assert report.path(REPORT).read_bytes() == before


def show(page, category: str) -> list:
    """Open a category from the menu; its results' rows."""
    page.evaluate("app.setView({navbarMode: 'menu'})")
    page.locator("nav").get_by_text(category).click()
    page.locator("nav tbody tr").first.wait_for()
    return page.locator("nav tbody tr").all()


def open_table(page, category: str, name: str):
    """Open a table of a category; its frame."""
    show(page, category)
    page.locator("nav tbody tr", has_text=name).locator("a").first.click()
    frame = page.frame_locator("iframe")
    frame.locator("tbody tr").first.wait_for()
    return frame


def column(frame, name: str) -> list[str]:
    """Cells of a table's column, from top to bottom."""
    headers = frame.locator("thead th").all_inner_texts()
    place = [header.split()[0] for header in headers].index(name) + 1
    return frame.locator(f"tbody td:nth-child({place})").all_inner_texts()


def test_the_opening_page_says_what_was_run(page):
    text = page.locator(".prose").inner_text()
    assert text.startswith("Run tiny: sleep states of mice")
    assert "3 recordings of 3 mice (Ms1, Ms2 and Ms3), 72 scoring epochs of 10 s" in text
    assert "windows.seconds 2 (10)" in text  # what differs from the paper
    assert "one fold per mouse" in text
    assert re.search(r"main\s+Wake, NREM, REM\s+leave-one-mouse-out\s+0\.\d\d \(0\.\d\d to [01]\.\d\d\)", text)
    bold = page.locator(".prose strong").all_inner_texts()
    assert "The recordings of this run are synthetic. Nothing here is a scientific result." in bold
    assert "System Message" not in text  # docutils found nothing to complain about
    # Snakemake centres the page, which must not push its head out of the window.
    assert page.locator(".prose h1").first.bounding_box()["y"] >= 0


def test_the_opening_page_shows_the_steps(page):
    page.locator("#rulegraph svg, #rulegraph canvas").first.wait_for()


def test_links_lead_to_files(page, report):
    links = [link.get_attribute("href") for link in page.locator(".prose a").all()]
    files = [link for link in links if not link.startswith("javascript:")]
    assert len(files) > 8
    folder = report.path(REPORT).parent
    assert [link for link in files if not (folder / unquote(link)).exists()] == []


def test_the_opening_pages_links_show_one_question_after_another(page):
    for question, result in ((QUESTIONS[0], "recordings"), (QUESTIONS[3], "Grad-CAM++"), (QUESTIONS[2], "hypnogram")):
        page.locator(".prose").get_by_role("link", name=question).click()
        page.locator("nav td").get_by_text(result, exact=True).first.wait_for(timeout=3000)


def test_every_question_lists_its_results(page):
    categories = page.evaluate("categories")
    assert sorted(categories) == QUESTIONS
    for category, subcategories in categories.items():
        (paths,) = subcategories.values()  # one experiment
        rows = show(page, category)
        assert len(rows) == len(paths)
        assert all(row.inner_text().strip() for row in rows)


@pytest.mark.parametrize("category", QUESTIONS)
def test_every_figure_and_table_opens(page, category):
    for row in show(page, category):
        what, opening = row.inner_text(), row.locator("a").first
        if opening.get_attribute("download") is not None:
            continue  # nothing to look at: a click fetches it
        opening.click()
        if what.startswith("table"):
            page.frame_locator("iframe").locator("tbody tr").first.wait_for()
        else:
            image = page.locator("img[src^='data:image/']:not(nav img)")
            shown = "image => image.complete && Math.min(image.naturalWidth, image.naturalHeight) > 100"
            page.wait_for_function(shown, arg=image.element_handle(), timeout=5000)
            assert image.bounding_box()["y"] >= 0, what


def test_every_result_has_a_description(page):
    results = page.evaluate("results")
    plain = {path: re.sub(r"<[^>]+>", "", result["caption"]) for path, result in results.items()}
    assert {path for path, caption in plain.items() if "Synthetic data" not in caption or len(caption) < 150} == set()
    assert {path for path, caption in plain.items() if "System Message" in caption or "{{" in caption} == set()


def test_a_click_on_a_header_sorts_the_table(page):
    frame = open_table(page, QUESTIONS[1], "table: measures")
    header = frame.get_by_role("button", name="value")
    header.click()
    values = [float(value) for value in column(frame, "value")]
    assert len(values) > 20
    assert values == sorted(values)
    header.click()
    assert [float(value) for value in column(frame, "value")] == sorted(values, reverse=True)


def test_names_are_sorted_by_their_numbers_and_what_is_missing_comes_last(page):
    frame = open_table(page, QUESTIONS[4], "table: beside the published numbers")
    for _ in range(2):
        frame.get_by_role("button", name="experiment").click()
        names = column(frame, "experiment")
        known = [name for name in names if name]
        assert names == known + [""] * (len(names) - len(known))
