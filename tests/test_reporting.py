import pytest

pytest_plugins = ["pytester"]

SKIPPING = """
import pytest
from tests.reporting import missing_tool

@pytest.mark.parametrize("n", [1, 2])
def test_skips(n):
    pytest.skip("needs a\\nfull moon")

def test_tool():
    missing_tool("no crane here")

def test_runs():
    pass
"""


class TestSummary:
    def test_names_each_reason_once(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        """The closing lines group skips by reason, with their number."""
        monkeypatch.delenv("CI", raising=False)
        pytester.makepyfile(SKIPPING)

        result = pytester.runpytest_inprocess("-p", "tests.reporting", "-p", "no:xdist")

        result.stdout.fnmatch_lines(["*= not run =*", "2 skipped: needs a full moon", "1 skipped: no crane here"])
        result.assert_outcomes(passed=1, skipped=3)

    def test_says_so_when_all_ran(self, pytester: pytest.Pytester) -> None:
        """A run without skips says that nothing was skipped."""
        pytester.makepyfile("def test_runs(): pass")

        result = pytester.runpytest_inprocess("-p", "tests.reporting", "-p", "no:xdist")

        result.stdout.fnmatch_lines(["nothing was skipped"])

    def test_names_a_file_that_skips_itself(self, pytester: pytest.Pytester) -> None:
        """A file that is skipped at import is named with its reason."""
        pytester.makepyfile("import pytest\npytest.skip('not today', allow_module_level=True)")

        result = pytester.runpytest_inprocess("-p", "tests.reporting", "-p", "no:xdist")

        result.stdout.fnmatch_lines(["*.py skipped as a whole: not today"])


class TestMissingTool:
    def test_fails_on_a_build_machine(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        """With CI=true a missing tool is a failure; other skips stay skips."""
        monkeypatch.setenv("CI", "true")
        pytester.makepyfile(SKIPPING)

        result = pytester.runpytest_inprocess("-p", "tests.reporting", "-p", "no:xdist")

        result.assert_outcomes(passed=1, skipped=2, failed=1)
        result.stdout.fnmatch_lines(["*with CI=true this must run: no crane here*"])
