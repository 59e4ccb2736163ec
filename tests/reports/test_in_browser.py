import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.mail import letter
from reports.weekly import Html

CHROMIUM = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(p).exists()), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

# Elements that reach beyond the window, unless a box of their own scrolls them.
TOO_WIDE = """() => [...document.querySelectorAll('body *')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && box.right > innerWidth + 1 && !e.closest('.scroll, .away, thead') && !e.closest('svg')
}).map(e => e.tagName + '.' + e.className + ' ' + e.textContent.trim().slice(0, 60))"""
# Texts of charts that leave their frame or, nearly wholly, cover one another.
CLIPPED = """() => [...document.querySelectorAll('svg.chart')].flatMap(svg => {
    const frame = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(t => {
        const box = t.getBoundingClientRect();
        return t.textContent.trim() && (box.left < frame.left - 6 || box.right > frame.right + 6 ||
            box.top < frame.top - 2 || box.bottom > frame.bottom + 2)
    }).map(t => t.textContent)
})"""
# Parts of a cell or card that reach over its edge, onto what stands beside it.
OVERLAPPING = """() => [...document.querySelectorAll('td, .card, .hero, .bridge li')].filter(box => {
    const right = box.getBoundingClientRect().right;
    return [...box.querySelectorAll('.status, .big, .value, p, .sum')].some(e =>
        !e.closest('.away') && e.getBoundingClientRect().right > right + 1)
}).map(e => e.textContent.trim().replace(/\\s+/g, ' ').slice(0, 60))"""
SMALLEST = """() => Math.min(...[...document.querySelectorAll('body *')].filter(e =>
    !e.closest('.away') && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) &&
    e.getBoundingClientRect().width > 0).map(e => {
        const svg = e.closest('svg.chart');
        const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
        return parseFloat(getComputedStyle(e).fontSize) * scale
    }))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


def opened(browser: Any, html: str, width: int, scheme: str = "light") -> Any:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.set_content(html)
    assert requests == []
    assert problems == []
    return page


@pytest.mark.parametrize("width", [360, 390, 700, 768, 1280])
@pytest.mark.parametrize("language", ["es", "en"])
def test_nothing_reaches_beyond_the_window(
    browser: Any, pages: dict[str, Html], language: str, width: int
) -> None:
    page = opened(browser, pages[language].text, width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(OVERLAPPING) == []
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(SMALLEST) >= 9.5
    page.close()


def test_opened_tables_of_numbers_scroll_inside_themselves(browser: Any, pages: dict[str, Html]) -> None:
    page = opened(browser, pages["es"].text, 390)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_the_mail_fits_a_phone(browser: Any, pages: dict[str, Html]) -> None:
    html = re.sub(r'src="cid:[^"]+"', 'src="data:,"', letter(pages["es"]).html)
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.set_content(html)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_a_chart_changes_its_colours_with_the_page(browser: Any, pages: dict[str, Html]) -> None:
    ink = []
    for scheme in ("light", "dark"):
        page = opened(browser, pages["en"].text, 1280, scheme)
        ink.append(
            page.evaluate(
                "[getComputedStyle(document.body).backgroundColor, "
                "getComputedStyle(document.querySelector('svg.chart text')).fill]"
            )
        )
        page.close()
    assert ink[0][0] != ink[1][0]
    assert ink[0][1] != ink[1][1]


def test_on_paper_the_page_is_light_even_for_a_dark_screen(browser: Any, pages: dict[str, Html]) -> None:
    page = opened(browser, pages["en"].text, 1000, "dark")
    page.emulate_media(media="print", color_scheme="dark")
    colours = "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    assert page.evaluate(colours) == ["rgb(255, 255, 255)", "rgb(28, 33, 38)"]
    page.close()
