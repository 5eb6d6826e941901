"""axe-core, which finds what keeps people from using a page: installed from npm into the cache, run inside the browser."""

from functools import cache
from pathlib import Path
from typing import Any

from tests.browser.chromium import Browser
from tests.node_packages import installed

FOLDER = Path(__file__).parent / "axe"
SERIOUS = ("serious", "critical")
RUN = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(done, error => done({error: String(error)}));"


def violations(browser: Browser) -> list[str]:
    """What keeps people from using the page that is open: one line for each serious or critical finding."""
    browser.driver.execute_script(_program())
    found: dict[str, Any] = browser.driver.execute_async_script(RUN)
    assert "error" not in found, found
    return [
        f"{item['impact']}: {item['id']}: {node['html'][:200]}: {node['failureSummary'][:300]}"
        for item in found["violations"]
        if item["impact"] in SERIOUS
        for node in item["nodes"]
    ]


@cache
def _program() -> str:
    modules = installed(FOLDER, "the accessibility tests of the pages need npm, to install axe-core")
    return (modules / "axe-core" / "axe.min.js").read_text("utf-8")
