"""Imports: order, merging, circles, faults; and the root of a document. Compared with upstream's evaluator."""

import pytest

from common.environments.language import evaluate
from common.environments.language.interfaces import ANONYMOUS, LoadedEnvironment, World, WorldError
from tests.environments.language.documents import checked, opened, plain, shown, summaries
from tests.environments.language.goldens import Num
from tests.environments.language.providers import CONTEXT, Loader, Providers, Rot128, world


class TestLoad:
    @pytest.mark.parametrize(
        ("text", "diagnostics"),
        [
            ("", []),
            ("# only a comment\n", [" - environment must be an object"]),
            ("null\n", [" - environment must be an object"]),
            ("[a]\n", [" 1:1-3[0-2] environment must be an object"]),
            ("imports: a\n", ["imports 1:10-11[9-10] imports must be a list"]),
            ("description: ${x}\n", ["description 1:14-18[13-17] description must be a string"]),
            ("values: [a]\n", ["values 1:9-11[8-10] values must be an object"]),
            ("imports: [5]\n", ["imports[0] 1:11-12[10-11] import must be a string or an object"]),
            ("imports: [{a: 1, b: 2}]\n", ["imports[0] 1:11-22[10-21] import must have a single key"]),
            ("imports: [{a: 5}]\n", ["imports[0].a 1:15-16[14-15] import must be an object"]),
            ("imports: [{a: {merge: 5}}]\n", ["imports[0].a.merge 1:23-24[22-23] merge must be a boolean value"]),
            (
                "values: {'fn::x': 1}\n",
                ['values["fn::x"] 1:10-15[9-14] builtin function call "fn::x" not allowed at the top level'],
            ),
        ],
    )
    def test_the_root_has_a_shape(self, text: str, diagnostics: list[str]) -> None:
        """An empty text is an empty definition; anything else is an object of imports and values."""
        assert diagnostics == shown(evaluate.load("e", text.encode())[1])

    def test_unknown_and_repeated_keys_are_warnings(self) -> None:
        """The names there are follow, the most alike first; keys are compared without case."""
        _, diagnostics = evaluate.load("e", b"valuez: {}\nvalues: {a: 1}\nvalues: {b: 1}\nVALUES: {c: 1}\n")

        assert [
            "Field 'valuez' does not exist on Object 'environment'. Existing fields are: 'values', 'imports', 'description'",
            'duplicate key "values"',
        ] == summaries(diagnostics)
        assert {"warning"} == {one.severity for one in diagnostics}

    def test_an_empty_definition_has_no_environment(self) -> None:
        """Neither imports nor values: there is nothing to answer."""
        definition, _ = evaluate.load("e", b"description: nothing\n")

        assert evaluate.check(definition, world(), Rot128()).environment is None

    @pytest.mark.parametrize("name", ["imports", "context", "environments"])
    def test_reserved_names_are_refused(self, name: str) -> None:
        """They would hide what every environment can refer to."""
        assert [f'"{name}" is a reserved key'] == summaries(opened(f"values: {{{name}: 1, a: 2}}\n").diagnostics)

    def test_of_repeated_keys_the_first_counts(self) -> None:
        """The later one is an error."""
        evaluation = opened("values: {a: {b: 1, b: 2}}\n")

        assert ['values.a.b 1:20-21[19-20] duplicate key "b"'] == shown(evaluation.diagnostics)
        assert {"a": {"b": Num(1)}} == plain(evaluation)


class TestImports:
    def test_later_imports_win_and_values_win_last(self) -> None:
        """Objects merge deeply, lists and scalars replace, null stays."""
        files: dict[str, str | bytes] = {
            "one": "values: {o: {a: 1, b: {x: 1}}, l: [1, 2], n: 1, only: one}",
            "two": "values: {o: {b: {y: 2}}, l: [3], n: null}",
        }

        evaluation = opened("imports: [one, two]\nvalues: {o: {c: 3}}\n", files)

        assert {
            "l": [Num(3)],
            "n": None,
            "o": {"a": Num(1), "b": {"x": Num(1), "y": Num(2)}, "c": Num(3)},
            "only": "one",
        } == plain(evaluation)

    def test_an_import_of_another_environment_merges_with_its_neighbours(self) -> None:
        """A stack lists environments; that one of them imports does not hide the others (F35)."""
        files: dict[str, str | bytes] = {
            "default/env-a": "values: {pulumiConfig: {foo: env-a-config}}",
            "default/env-c": "values: {password: 12345}",
            "default/env-b": "imports: [default/env-c]\nvalues: {pulumiConfig: {bar: env-b-config}}",
        }
        expected = {"password": Num(12345), "pulumiConfig": {"foo": "env-a-config", "bar": "env-b-config"}}

        for imports in (["a", "b"], ["b", "a"], ["a", "a", "b"]):
            text = "imports:\n" + "".join(f"  - default/env-{name}\n" for name in imports)
            definition, _ = evaluate.load(ANONYMOUS, text.encode())
            assert expected == plain(evaluate.open_environment(definition, world(files), Rot128()))

    def test_below_an_anonymous_document_each_import_is_a_root(self) -> None:
        """Rules for identities speak of the environment that was opened, not of a document without a name."""
        files: dict[str, str | bytes] = {
            "p/a": "imports: [p/b]\nvalues: {a: '${context.rootEnvironment.name}'}",
            "p/b": "values: {b: '${context.rootEnvironment.name} ${context.currentEnvironment.name}'}",
        }
        definition, _ = evaluate.load(ANONYMOUS, b"imports: [p/a]\n")

        assert {"a": "p/a", "b": "p/a p/b"} == plain(evaluate.open_environment(definition, world(files), Rot128()))

    def test_an_object_over_an_unknown_over_itself_ends(self) -> None:
        """The same import below and above a value that is not known: no value is merged over itself."""
        files: dict[str, str | bytes] = {
            "one": "values: {o: {a: {x: 1}}}",
            "two": "imports: [one]\nvalues: {o: {'fn::toBase64': '${nope}'}}",
            "three": "imports: [two, one]\nvalues: {b: 1}",
        }

        evaluation = opened("imports: [one, three, two]\n", files)

        assert ['unknown property "nope"'] == summaries(evaluation.diagnostics)
        assert {"b": Num(1), "o": "[unknown]"} == plain(evaluation)

    def test_without_merge_an_import_is_there_by_name_only(self) -> None:
        """It is evaluated, and takes no part in the values."""
        evaluation = opened("imports: [{base: {merge: false}}]\nvalues: {v: '${imports.base.a}'}\n", {"base": "values: {a: 1}"})

        assert {"v": Num(1)} == plain(evaluation)

    def test_a_circle_of_imports_is_reported(self) -> None:
        """The import contributes nothing."""
        files: dict[str, str | bytes] = {"a": "imports: [b]\nvalues: {a: 1}", "b": "imports: [a]\nvalues: {b: 2}"}

        evaluation = opened("imports: [a]\n", files)

        assert ["cyclic import of a"] == summaries(evaluation.diagnostics)
        assert {"a": Num(1), "b": Num(2)} == plain(evaluation)

    def test_what_is_wrong_in_an_import_is_reported_there(self) -> None:
        """A diagnostic carries the name of the document it is about; the importer is evaluated without it."""
        evaluation = opened("imports: [bad, missing]\nvalues: {a: 1}\n", {"bad": "values: {a: *x}"})

        assert ["yaml: unknown anchor 'x' referenced", 'environment "missing" not found'] == summaries(evaluation.diagnostics)
        assert {"a": Num(1)} == plain(evaluation)

    def test_every_edge_is_authorized(self) -> None:
        """Also where the environment is loaded already; the loader learns whether the root imports."""
        loader = Loader({"a": "imports: [b]\nvalues: {a: 1}", "b": "values: {b: 1}"})
        definition, _ = evaluate.load("root", b"imports: [b, a]\n")

        evaluate.open_environment(definition, World(loader, Providers(), CONTEXT), Rot128())

        assert [("root", "b", True), ("root", "a", True), ("a", "b", False)] == loader.edges

    def test_a_refused_edge_is_a_diagnostic(self) -> None:
        """Who may not open an import sees nothing of it."""

        class Refusing(Loader):
            def authorize_import(self, importer: str, imported: str, *, importer_is_root: bool) -> None:
                raise WorldError(f"{importer} may not import {imported}")

        definition, _ = evaluate.load("root", b"imports: [b]\nvalues: {a: 1}\n")

        evaluation = evaluate.open_environment(definition, World(Refusing({"b": "values: {b: 1}"}), Providers()), Rot128())

        assert ["root may not import b"] == summaries(evaluation.diagnostics)
        assert {"a": Num(1)} == plain(evaluation)

    def test_an_import_may_be_replaced_by_another(self) -> None:
        """The loader decides: the import keeps its written name, ranges and context show what was loaded."""

        class Replacing(Loader):
            def load_environment(self, name: str) -> LoadedEnvironment:
                return super().load_environment("p/other" if name == "p/base" else name)

        files: dict[str, str | bytes] = {"p/other": "values: {a: '${context.currentEnvironment.name}'}"}
        definition, _ = evaluate.load("root", b"imports: [p/base]\nvalues: {b: '${imports[\"p/base\"].a}'}\n")

        evaluation = evaluate.open_environment(definition, World(Replacing(files), Providers()), Rot128())

        assert {"a": "p/other", "b": "p/other"} == plain(evaluation)
        assert evaluation.environment is not None
        assert evaluation.environment.properties is not None
        assert "p/other" == evaluation.environment.properties["a"].trace.definition.environment

    def test_what_only_a_rotation_needs_is_left_alone(self) -> None:
        """An open does not load it, since its credentials may not be the caller's; a check of the root does."""
        text = b"values: {v: {'fn::rotate::echo': {inputs: {next: '${environments.ops.creds.v}'}, state: {current: x}}}}\n"
        for loads, run in ((False, evaluate.open_environment), (True, evaluate.check), (True, evaluate.rotate)):
            loader = Loader({"ops/creds": "values: {v: new}"})
            definition, _ = evaluate.load("root", text)

            evaluation = run(definition, World(loader, Providers()), Rot128())

            assert [] == evaluation.diagnostics
            assert [("root", "ops/creds", True)] * loads == loader.edges


class TestExport:
    def test_an_override_of_what_is_not_known_names_it(self) -> None:
        """During a check, a member over one of a provider's result has an access as its base."""
        evaluation = checked(
            "imports: [base]\nvalues: {o: {record: {foo: x}}}\n", {"base": "values: {o: {'fn::open::schema': {}}}"}
        )

        assert evaluation.environment is not None
        assert evaluation.environment.exprs is not None
        record = (evaluation.environment.exprs["o"].object or {})["record"]
        assert record.base is not None
        assert record.base.access is not None
        assert ["record"] == [accessor.key for accessor in record.base.access.accessors]
