"""A headless Chromium that reaches this machine alone, driven through its own driver."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

from selenium.common.exceptions import StaleElementReferenceException, TimeoutException, WebDriverException
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.wait import WebDriverWait

from tests.reporting import missing_tool

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVERS = ("chromedriver",)
LIMIT_SECONDS = 30
# So long a click that leads nowhere else is waited for.
STAYS_SECONDS = 5
TRIES = 15
PAUSE_SECONDS = 0.2
DESKTOP, PHONE, WIDE = (1280, 900), (390, 844), (1920, 1080)
PICTURE_HEIGHT = 6000
# No request leaves the machine, whatever the browser would like to report or update.
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)


class Browser:
    """One browser with a profile of its own; nothing is left of it when it is closed."""

    def __init__(self, profile: Path) -> None:
        """Start it."""
        options = ChromeOptions()
        options.binary_location = _program(BROWSERS)
        for option in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        # A path of its own: without one, the library would look for a driver to download.
        self.driver = Chrome(options=options, service=ChromeService(_program(DRIVERS)))
        self.driver.set_page_load_timeout(LIMIT_SECONDS)
        self.resize(DESKTOP)

    def close(self) -> None:
        """End it."""
        self.driver.quit()

    def forget(self) -> None:
        """Drop all cookies, as a new visitor has none."""
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})

    def set_cookie(self, address: str, name: str, value: str) -> None:
        """Give the browser a cookie of the host of an address."""
        self.driver.execute_cdp_cmd("Network.setCookie", {"name": name, "value": value, "url": address})

    def press_key(self, *keys: str) -> None:
        """Press keys where the focus is."""
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def resize(self, size: tuple[int, int]) -> None:
        """Show pages on a screen of another size, in CSS pixels."""
        self._size = size
        self._show(size)

    def _show(self, size: tuple[int, int]) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width == PHONE[0]}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def allow_script(self, *, allowed: bool) -> None:
        """Let pages run scripts, or not."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not allowed})

    def prefer(self, scheme: str) -> None:
        """Asks pages for the `light` or `dark` look."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, address: str) -> None:
        """Open an address and wait for the page."""
        self.driver.get(address)

    @property
    def address(self) -> str:
        """Where the browser is."""
        return self.driver.current_url

    @property
    def status(self) -> int:
        """The status of the page that is open."""
        return int(self.driver.execute_script("return performance.getEntriesByType('navigation')[0].responseStatus"))

    @property
    def text(self) -> str:
        """What the page says."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def find(self, selector: str) -> WebElement:
        """The first element of a CSS selector, once it is there."""
        wait = WebDriverWait(self.driver, LIMIT_SECONDS)
        return wait.until(expected_conditions.presence_of_element_located((By.CSS_SELECTOR, selector)))

    def fill(self, name: str, value: str) -> None:
        """Types into the field with a name."""
        self.find(f"input[name={name}]:not([type=hidden])").send_keys(value)

    def press(self, text: str) -> None:
        """Clicks the button, link or summary with a text that begins so, and waits for what comes of it."""
        found = self._clicked(text)
        if found is not None:
            # A click returns before the next page is there, and the old one would be read in its place.
            with contextlib.suppress(TimeoutException):
                WebDriverWait(self.driver, STAYS_SECONDS).until(lambda _driver: _is_stale(found))

    def _clicked(self, text: str) -> WebElement | None:
        """Clicks, and returns what leads on to another page."""
        parts = "//button | //a | //summary"
        for left in reversed(range(TRIES)):
            try:
                shown = [item for item in self.driver.find_elements(By.XPATH, parts) if item.is_displayed()]
                found = next((item for item in shown if label(item).startswith(text)), None)
                assert found is not None, f"no {text!r} among {[label(item) for item in shown]}"
                leads_on = found.tag_name != "summary"
                found.click()
            except WebDriverException as error:
                if not left or not _is_gone(error):
                    raise
                time.sleep(PAUSE_SECONDS)
            else:
                return found if leads_on else None
        return None

    def await_address(self, part: str) -> None:
        """Wait until the address has a part; one that starts with a slash is looked for in the path alone.

        A query may name the page that comes next, so a slow page would be taken for that one.
        """

        def is_there(driver: WebDriver) -> bool:
            address = driver.current_url
            return part in (urlsplit(address).path if part.startswith("/") else address)

        try:
            WebDriverWait(self.driver, LIMIT_SECONDS).until(is_there)
        except TimeoutException as error:
            raise AssertionError(f"no {part!r} in {self.address}; the page says: {self.text[:500]}") from error

    def save_picture(self, path: Path) -> None:
        """Write a picture of the whole page."""
        import base64

        # A screen as high as the page: what is painted only when it is seen is painted too.
        width, height = self._size
        whole = int(self.driver.execute_script("return document.documentElement.scrollHeight"))
        self._show((width, max(height, min(whole, PICTURE_HEIGHT))))
        self.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
        self.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": False})
        self._show(self._size)
        path.write_bytes(base64.b64decode(taken["data"]))


def label(element: WebElement) -> str:
    """What an element says, with the parts that are for screen readers alone."""
    return " ".join((element.get_attribute("textContent") or "").split())


def _program(names: tuple[str, ...]) -> str:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        missing_tool("the tests of the pages need Chromium and its driver (Debian: chromium and chromium-driver)")
    return found


def _is_stale(element: WebElement) -> bool:
    """Whether the page of an element was replaced."""
    try:
        element.is_enabled()
    except WebDriverException as error:
        if _is_gone(error):
            return True
        raise
    return False


def _is_gone(error: WebDriverException) -> bool:
    # While a page is being replaced, the driver tells of its elements in either way.
    return isinstance(error, StaleElementReferenceException) or "does not belong to the document" in str(error)
