"""What would exhaust the server is a diagnostic. Every limit counts steps or bytes, so the outcome is the same each time."""

import pytest

from common.environments.language import evaluate
from common.environments.language.interfaces import World
from common.environments.language.limits import Limits
from tests.environments.language.documents import LIMITS, opened, plain, summaries
from tests.environments.language.goldens import Num
from tests.environments.language.providers import Loader, Providers, Rot128

TOO_LARGE = ["the environment is too large to evaluate"]


class TestLaughs:
    def test_text_that_doubles_is_cut_off(self) -> None:
        """Forty lines would make a text of a terabyte."""
        text = "values:\n  a00: ha\n" + "".join(f"  a{n:02}: '${{a{n - 1:02}}}${{a{n - 1:02}}}'\n" for n in range(1, 41))

        evaluation = opened(text)

        assert evaluation.environment is None
        assert [f"the environment's values make more than {LIMITS.text_bytes} bytes of text"] == summaries(evaluation.diagnostics)

    @pytest.mark.parametrize(
        "line",
        [
            "['${{a{0:02}}}', '${{a{0:02}}}']",
            "{{x: '${{a{0:02}}}', y: '${{a{0:02}}}'}}",
            "{{'fn::concat': [['${{a{0:02}}}'], ['${{a{0:02}}}']]}}",
            "{{'fn::final': ['${{a{0:02}}}', '${{a{0:02}}}']}}",
        ],
    )
    def test_values_that_double_are_cut_off(self, line: str) -> None:
        """Copies are counted, before there are too many."""
        text = "values:\n  a00: [ha]\n" + "".join(f"  a{n:02}: {line.format(n - 1)}\n" for n in range(1, 41))

        evaluation = opened(text, limits=Limits(values=20_000))

        assert evaluation.environment is None
        assert TOO_LARGE == summaries(evaluation.diagnostics)

    def test_text_that_is_only_repeated_counts_in_the_result(self) -> None:
        """References share a large text; the answer would write it out each time."""
        text = "values:\n  a: {'fn::join': ['', ['" + "x" * 500_000 + "']]}\n  l:\n" + "    - ${a}\n" * 200

        evaluation = opened(text)

        assert evaluation.environment is None
        assert [f"the result is larger than {LIMITS.result_bytes} bytes"] == summaries(evaluation.diagnostics)


class TestImports:
    def test_an_import_bomb_is_cut_off(self) -> None:
        """Each environment imports the one before it ten times over."""
        files: dict[str, str | bytes] = {"e0": "values: {a: 1}"}
        for n in range(1, 30):
            files[f"e{n}"] = "imports:\n" + f"  - e{n - 1}\n" * 10 + f"values: {{v{n}: 1}}\n"

        evaluation = opened("imports: [e29]\n", files)

        assert "the environment merges more than 256 environments" in summaries(evaluation.diagnostics)

    def test_a_long_chain_of_imports_is_cut_off(self) -> None:
        """The depth is limited; what is above the limit is evaluated."""
        files: dict[str, str | bytes] = {f"e{n}": f"imports: [e{n + 1}]\nvalues: {{v{n}: 1}}\n" for n in range(500)}

        evaluation = opened("imports: [e0]\n", files)

        assert ["the environment's imports are nested too deeply"] == summaries(evaluation.diagnostics)
        assert Num(1) == plain(evaluation)["v0"]

    def test_the_number_of_environments_is_limited(self) -> None:
        """Each environment is loaded once, and no more than the limit of them."""
        loader = Loader({f"e{n}": "values: {a: 1}" for n in range(300)})
        definition, _ = evaluate.load("e", b"imports:\n" + b"".join(b"  - e%d\n" % n for n in range(300)))

        evaluation = evaluate.open_environment(definition, World(loader, Providers()), Rot128())

        assert 300 - 256 == summaries(evaluation.diagnostics).count("the environment imports more than 256 environments")


class TestDepth:
    def test_a_long_chain_of_references_is_cut_off(self) -> None:
        """The value at the end of the limit is unknown, with a diagnostic; nothing crashes."""
        text = "values:\n" + "".join(f"  a{n:05}: ${{a{n + 1:05}}}\n" for n in range(5000)) + "  a05000: 1\n"

        evaluation = opened(text)

        assert "the value depends on more than 128 others in a row" in summaries(evaluation.diagnostics)
        assert Num(1) == plain(evaluation)["a05000"]

    def test_a_value_that_grows_deeper_line_by_line_is_cut_off(self) -> None:
        """Each line wraps the one before it, so no line depends on many."""
        text = "values:\n  a000: 1\n" + "".join(f"  a{n:03}: ['${{a{n - 1:03}}}']\n" for n in range(1, 300))

        evaluation = opened(text)

        assert "the value is nested more than 100 levels deep" in summaries(evaluation.diagnostics)
        assert evaluation.environment is not None

    def test_limits_are_the_callers(self) -> None:
        """An operator may set them lower."""
        evaluation = opened("values: {a: [1, 2, 3, 4], b: '${a}'}\n", limits=Limits(values=3))

        assert TOO_LARGE == summaries(evaluation.diagnostics)

    def test_the_outcome_is_the_same_each_time(self) -> None:
        """No limit looks at a clock."""
        text = "values:\n  a00: [ha]\n" + "".join(f"  a{n:02}: ['${{a{n - 1:02}}}', '${{a{n - 1:02}}}']\n" for n in range(1, 20))

        assert opened(text, limits=Limits(values=5000)) == opened(text, limits=Limits(values=5000))
