"""What every page must be in a browser: usable in each size and look, readable without script, and walked by the Tab key."""

from __future__ import annotations

import os
from pathlib import Path

from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.axe import violations
from tests.browser.chromium import DESKTOP, PHONE, WIDE, Browser

LOOKS = tuple((size, scheme) for size in (DESKTOP, PHONE, WIDE) for scheme in ("light", "dark"))
SCROLLS = "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
# The shortest page, in characters.
SHORTEST = 40
# Longer lists repeat themselves.
MOST_STOPS = 120
# What Tab must reach, in the order of the document: one button of several that exclude each other, nothing that is hidden.
_STOPS = """
const all = document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']");
const shown = [...all].filter((item) => item.tabIndex >= 0 && !item.disabled && item.checkVisibility({visibilityProperty: true}));
shown.forEach((item, index) => { item.dataset.stop = index; });
return shown.map((item) => (item.getAttribute("aria-label") || item.textContent || item.name || item.tagName).trim().slice(0, 60));
"""
_FOCUSED = """
const item = document.activeElement;
if (item === null || item === document.body) { return null; }
const drawn = item.querySelector("rect") ?? item;
const style = getComputedStyle(drawn);
const isOutlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
const box = item.getBoundingClientRect();
const isInView = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && box.width > 0;
return [item.dataset.stop ?? "", (isOutlined || parseFloat(style.strokeWidth) >= 3) && isInView];
"""
# A form that Enter sends has a button for it, and every field belongs to a form or says what it does without one.
_INCOMPLETE = """
const forms = [...document.querySelectorAll("form:not(.find)")];
return forms.filter((form) => ![...form.elements].some((item) => item.type === "submit")).map((form) => form.outerHTML.slice(0, 200));
"""


def await_parts(browser: Browser) -> None:
    """Wait for the parts of a page that its script fetches at once."""
    WebDriverWait(browser.driver, 15).until(
        lambda driver: driver.execute_script("return document.querySelector('[hx-trigger=load]') === null")
    )


def check(browser: Browser, name: str, *, expected: tuple[int, ...] = (200, 400, 401)) -> None:
    """Fails for a page that a user could not use, in any look, or of another status; takes its pictures."""
    await_parts(browser)
    for size, scheme in LOOKS:
        browser.resize(size)
        browser.prefer(scheme)
        where = f"{name} at {size[0]} pixels, {scheme}"
        _save_picture(browser, f"{name}-{size[0]}-{scheme}.png")

        assert browser.status in expected, where
        assert [] == violations(browser), where
        assert not browser.driver.execute_script(SCROLLS), f"{where} scrolls sideways"
    browser.resize(DESKTOP)
    browser.prefer("light")


def check_without_script(browser: Browser, address: str) -> None:
    """Fails for a page that says nothing when scripts are off, hides a field or a button, or has a form that cannot be sent."""
    browser.allow_script(allowed=False)
    try:
        browser.open(address)
        assert len(browser.find("main").text) > SHORTEST
        for form in browser.driver.find_elements("css selector", "main form"):
            if form.is_displayed():
                buttons = form.find_elements("css selector", "button:not([type=button])")
                assert any(button.is_displayed() for button in buttons), form.get_attribute("outerHTML")
    finally:
        browser.allow_script(allowed=True)


def check_by_keyboard(browser: Browser) -> None:
    """Fails for a page on which Tab does not reach everything in order, or leads to what does not show that it has the focus."""
    await_parts(browser)
    # What a page fetches meanwhile would be counted anew.
    browser.driver.execute_script("document.querySelector('#progress-switch:checked')?.click()")
    labels = browser.driver.execute_script(_STOPS)
    reached: list[int] = []
    hidden: list[str] = []
    for _ in range(6 * len(labels)):
        browser.press_key(Keys.TAB)
        found = browser.driver.execute_script(_FOCUSED)
        if found is None:
            break
        stop, is_shown = found
        if stop == "":
            continue  # A part that scrolls, which the browser makes a stop.
        number = int(stop)
        if reached and number == reached[-1]:
            continue  # A part of a field, such as the month of a date.
        if number == 0 and reached:
            break
        reached.append(number)
        if not is_shown:
            hidden.append(labels[number])
        if len(reached) >= MOST_STOPS:
            break

    missed = [labels[number] for number in range(min(len(labels), MOST_STOPS)) if number not in reached]
    assert [] == missed, "the Tab key does not reach them"
    assert sorted(reached) == reached, "the Tab key goes in another order than the page"
    assert [] == hidden, "nothing shows that they have the focus"
    assert [] == browser.driver.execute_script(_INCOMPLETE), "Enter cannot send these forms"


def _save_picture(browser: Browser, name: str) -> None:
    folder = os.environ.get("STACKHOLD_PICTURES")
    if folder:
        browser.save_picture(Path(folder) / name)
