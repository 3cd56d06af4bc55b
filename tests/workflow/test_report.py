"""The report as a reader sees it, in a browser: it opens, says what was run, and shows every figure and table."""

import re
import shutil
from urllib.parse import unquote

import pytest
from finished_run import finished_run

from .conftest import ROOT, Workflow

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.slow

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

REPORT = "results/tiny/report.html"

STYLE = ROOT / "workflow" / "report" / "report.css"

QUESTIONS = [
    "1. Are the recordings sound?",
    "2. Does the network agree with the experts?",
    "3. How does the mouse sleep?",
    "4. Where and when does the network look?",
    "5. How does it compare with the paper?",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Workflow:
    """A finished run with its report."""
    if BROWSER is None:
        pytest.skip("no Chromium or Chrome is installed")
    workflow = Workflow(tmp_path_factory.mktemp("report"))
    finished_run(workflow.folder)
    workflow.run()
    made = workflow.run("--report", REPORT, "--report-stylesheet", str(STYLE), check=False)
    if "Failed to download resource" in made.stdout or "Max retries exceeded" in made.stdout:
        pytest.skip("Snakemake's report needs a connection to fetch its scripts")
    assert made.returncode == 0, made.stdout[-4000:]
    return workflow


@pytest.fixture(scope="module")
def browser():
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
    assert "3 recordings of 3 mice (Ms1, Ms2, Ms3), 72 epochs of 10 s" in text
    assert "windows.seconds 2 (10)" in text  # what differs from the paper
    assert "one fold for each mouse" in text
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
