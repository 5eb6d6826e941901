"""What clients read from an opened environment."""

import pytest

from common.environments.language.environment import EscValue
from common.environments.language.projection import environment_variables, find_property, temporary_files, to_plain
from common.environments.language.syntax import path as paths
from common.environments.language.syntax.number import Number
from tests.environments.language.documents import environment_of, opened

TEXT = """\
values:
  environmentVariables: {A: x, B: 1.50, C: true, D: ~, E: [1], F: {a: b}, G: {'fn::secret': s3cr3t}}
  files: {KUBECONFIG: 'a: b', SECRET: {'fn::secret': s3cr3t}}
  list: [{"a b": 1}]
"""


class TestOutputs:
    def test_variables_are_scalars_as_text(self) -> None:
        """Lists and objects are left out, null is an empty text, a secret stays one."""
        variables = environment_variables(environment_of(opened(TEXT)))

        assert {"A": "x", "B": "1.5", "C": "true", "D": "", "G": "s3cr3t"} == {name: one.value for name, one in variables.items()}
        assert ["G"] == [name for name, one in variables.items() if one.secret]

    def test_files_are_read_the_same_way(self) -> None:
        """The name is the variable that will hold the path."""
        files = temporary_files(environment_of(opened(TEXT)))

        assert {"KUBECONFIG": ("a: b", False), "SECRET": ("s3cr3t", True)} == {
            name: (one.value, one.secret) for name, one in files.items()
        }

    def test_without_outputs_there_are_none(self) -> None:
        """An environment need not set anything."""
        assert {} == environment_variables(environment_of(opened("values: {a: 1}\n")))
        assert {} == temporary_files(environment_of(opened("values: {files: text}\n")))


class TestFindProperty:
    @pytest.mark.parametrize(
        ("path", "value"),
        [("environmentVariables.A", "x"), ('list[0]["a b"]', Number(1)), ("list[1]", None), ("nope.a", None), ("list.a", None)],
    )
    def test_a_path_finds_a_value(self, path: str, value: object) -> None:
        """What is not there is None."""
        found = find_property(environment_of(opened(TEXT)), paths.parse(path))

        assert value == (found.value if found is not None else None)


class TestToPlain:
    def test_a_secret_is_hidden_before_it_is_known(self) -> None:
        """A value that is both secret and unknown shows as secret where secrets are hidden."""
        both = EscValue(None, secret=True, unknown=True)

        assert "[secret]" == to_plain(both, is_redacted=True)
        assert "[unknown]" == to_plain(both, is_redacted=False)
