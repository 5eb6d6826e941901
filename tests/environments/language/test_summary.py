"""What a definition uses, found without evaluating it."""

from common.environments.language import evaluate
from common.environments.language.summary import Summary, summarize

TEXT = """\
imports: [app/base, {app/extra: {merge: false}}, app/base]
values:
  db-main:
    fn::rotate::postgres:
      inputs: {login: '${environments.ops.admin.login}'}
      state: {current: {password: {fn::secret: hush}}}
  list:
    - fn::rotate: {provider: password, inputs: {}}
  url: db://${environments.ops.admin.host}/${environments.net["x"].dns}
  aws: {fn::open::aws-login: {static: {accessKeyId: {fn::secret: a}, secretAccessKey: {fn::secret: b}}}}
  broken: ${environments.ops}
"""


class TestSummarize:
    def test_everything_is_named_once(self) -> None:
        """Functions are counted, rotators and environments are listed in the order of the document."""
        definition, _ = evaluate.load("e", TEXT.encode())
        assert definition is not None

        assert Summary(
            {"fn::open::aws-login": 1, "fn::rotate": 1, "fn::rotate::postgres": 1, "fn::secret": 3},
            ['["db-main"]', "list[0]"],
            ['values["db-main"]["fn::rotate::postgres"].state', 'values.list[0]["fn::rotate"].state'],
            ["app/base", "app/extra"],
            ["ops/admin", "net/x"],
        ) == summarize(definition)
