"""Every page in a browser: nothing keeps people from using it, it fits each width, needs no script and no mouse.

STACKHOLD_PICTURES names a folder to put pictures of the pages into, to be looked at.
"""

from __future__ import annotations

import pytest

from tests.browser.chromium import DESKTOP, Browser
from tests.browser.conftest import Site
from tests.browser.looks import check, check_by_keyboard, check_without_script
from tests.browser.walk import EXCEPTIONS, FOR_PEOPLE, FOR_STRANGERS, routes, unwalked

# Its answer for the signed-in administrator is a refusal.
REFUSED = {"not-found": (404,), "compare-refused": (400, 404)}


@pytest.fixture(autouse=True)
def _usual_look(browser: Browser) -> None:
    """Each test begins on a desktop in the light."""
    browser.resize(DESKTOP)
    browser.prefer("light")


class TestList:
    def test_has_every_page(self) -> None:
        """A page that functions/pages serves is walked, or is an exception with a reason (tests/browser/walk.py)."""
        assert [] == unwalked()

    def test_has_no_exception_in_vain(self) -> None:
        """An exception names a route that there is."""
        assert set() == EXCEPTIONS.keys() - set(routes())


class TestStrangers:
    @pytest.mark.parametrize("name", FOR_STRANGERS)
    def test_page_can_be_used(self, browser: Browser, site: Site, name: str) -> None:
        """A page that needs no sign-in is usable in each size and look, by the keyboard, and without script."""
        browser.open(site.url + FOR_STRANGERS[name])

        check_by_keyboard(browser)
        check(browser, name)
        check_without_script(browser, site.url + FOR_STRANGERS[name])


class TestPeople:
    @pytest.mark.parametrize("name", FOR_PEOPLE)
    def test_page_can_be_used(self, browser: Browser, site: Site, places: dict[str, str], signed_in: None, name: str) -> None:
        """A page of a user who is signed in is usable in each size and look, by the keyboard, and without script."""
        assert signed_in is None
        address = site.url + FOR_PEOPLE[name].format(**places)
        # Tab begins at the part of a page that its address names.
        browser.open(address.partition("#")[0])
        check_by_keyboard(browser)
        browser.open(address)

        check(browser, name, expected=REFUSED.get(name, (200,)))
        check_without_script(browser, address)
