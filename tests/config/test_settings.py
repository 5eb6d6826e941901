import re
from pathlib import Path
from typing import Any

import pytest

from common.config import object_stores
from common.config.public_urls import require_domains
from common.config.setting import Kind, Setting, Status
from common.config.setting_groups import GROUPS, Group, incomplete_groups, require_groups
from common.config.setting_notices import notices
from common.config.settings import SETTINGS, Settings
from common.core.errors import StartUpError

ROOT = Path(__file__).parents[2]


def code_of(folder: str) -> str:
    """Return the text of the modules of a folder."""
    return "\n".join(path.read_text("utf-8") for path in sorted((ROOT / folder).rglob("*.py")))


def code_besides(*left_out: str) -> str:
    """Return the text of the product's modules but for some."""
    paths = sorted(path for folder in ("common", "functions", "aws") for path in (ROOT / folder).rglob("*.py"))
    return "\n".join(path.read_text("utf-8") for path in paths if str(path.relative_to(ROOT)) not in left_out)


class TestTable:
    def test_names_every_setting_once(self) -> None:
        """A name has one meaning."""
        names = [setting.name for setting in SETTINGS]

        assert sorted(set(names)) == sorted(names)

    def test_has_defaults_that_are_of_their_kind(self) -> None:
        """Setting a value to its own default changes nothing and is accepted."""
        for setting in SETTINGS:
            if setting.default and setting.status is Status.USED:
                assert setting.default == Settings({setting.name: setting.default}).text(setting)

    def test_marks_whatever_holds_a_secret(self) -> None:
        """What is named like a secret is one, or doctor would show it."""
        open_names = {
            "API_TLS_CERTIFICATE",
            "PULUMI_KMS_KEY",
            "STACKHOLD_SIGNING_KEY",
            "SAML_CERTIFICATE_PUBLIC_KEY",
            "PULUMI_LOCAL_KEYS",
            "RECAPTCHA_SITE_KEY",
        }
        named = {setting for setting in SETTINGS if setting.name.endswith(("_KEY", "_SECRET", "_PASSWORD", "_TOKEN"))}

        assert set() == {setting.name for setting in named if setting.kind is not Kind.SECRET} - open_names - {
            "MYSQL_ALLOW_EMPTY_PASSWORD"  # a switch, not a password
        }

    def test_makes_each_setting_in_use_an_attribute(self) -> None:
        """The attribute has the variable's name in lower case, without a prefix; its value is of the setting's kind."""
        settings = Settings({})
        types = {Kind.INTEGER: int, Kind.BOOLEAN: bool, Kind.PATH: Path}

        for setting in (setting for setting in SETTINGS if setting.status is Status.USED):
            name = setting.name.removeprefix("STACKHOLD_").removeprefix("PULUMI_").lower()
            attribute = {"data": "data_folder"}.get(name, name)
            assert setting is getattr(Settings, attribute)
            assert types.get(setting.kind, str) in type(getattr(settings, attribute)).__mro__, setting.name

    def test_says_something_about_each(self) -> None:
        """The documentation is made of these texts."""
        assert [] == [setting.name for setting in SETTINGS if len(setting.meaning) < 5]


# The SDK reads these by itself from the environment.
_OF_SDK = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID"}


class TestEffect:
    def test_of_every_setting_in_use(self) -> None:
        """A setting that is accepted without a word is read somewhere; one that is not yet says so at the start."""
        text = code_besides("common/config/setting_groups.py")
        attributes = {name: getattr(Settings, name) for name in dir(Settings)}
        used = {name for name, setting in attributes.items() if isinstance(setting, Setting)}
        # A function on AWS Lambda reads its own name from the environment, before there are settings.
        unused = {
            attributes[name].name
            for name in used
            if not re.search(rf"ettings\.{name}\b", text) and not re.search(rf'"{attributes[name].name}"', code_of("aws"))
        }

        assert _OF_SDK == unused

    def test_of_every_store_that_is_opened(self) -> None:
        """A store that a setting names has something put into it, unless the setting's text says that nothing is yet."""
        text = code_besides("common/config/object_stores.py", "common/backend.py")
        fields = {
            "checkpoints": object_stores.CHECKPOINTS,
            "batches": object_stores.BATCHES,
            "policy_packs": object_stores.POLICY_PACKS,
            "metadata": object_stores.METADATA,
        }

        assert set(fields.values()) == set(object_stores.PURPOSES)
        for field, setting in fields.items():
            is_used = re.search(rf"backend\.{field}\.put|backend\.{field}\.put_stored", text) is not None
            assert is_used is ("none are stored yet" not in setting.meaning), setting.name


class TestSettings:
    def test_take_known_names_only(self) -> None:
        """The rest of the environment is no one's business."""
        assert {"STACKHOLD_PORT": "1"} == Settings({"STACKHOLD_PORT": "1", "HOME": "/home/alice"}).as_env()

    def test_count_an_empty_value_as_unset(self) -> None:
        """Templates pass empty values on for what they do not configure."""
        settings = Settings({"STACKHOLD_PORT": ""})

        assert not settings.is_set(Settings.port)
        assert 8080 == settings.port

    @pytest.mark.parametrize("value", ["0", "12x", "-1", "\uff11", "1.5", "9" * 30, "257"])
    def test_refuse_numbers_out_of_range(self, value: str) -> None:
        """A number is decimal digits within its limits; the message names setting and limits."""
        with pytest.raises(StartUpError, match="STACKHOLD_WORKERS must be a whole number from 1 to 256"):
            Settings({"STACKHOLD_WORKERS": value})

    @pytest.mark.parametrize(("value", "meant"), [("true", True), ("FALSE", False), ("1", True), ("0", False), ("off", False)])
    def test_read_switches(self, value: str, meant: bool) -> None:
        """A switch has the usual spellings."""
        assert meant is Settings({"STACKHOLD_MIGRATE_AT_START": value}).migrate_at_start

    def test_refuse_what_is_none_of_the_choices(self) -> None:
        """A setting with few values names all of them."""
        assert "json" == Settings({"STACKHOLD_LOG_FORMAT": "json"}).log_format
        with pytest.raises(StartUpError, match="STACKHOLD_LOG_FORMAT must be text or json"):
            Settings({"STACKHOLD_LOG_FORMAT": "xml"})

    def test_name_the_values_to_hide(self) -> None:
        """The log gets the values of secrets that are set."""
        assert ("hush",) == Settings({"SMTP_PASSWORD": "hush", "SMTP_USERNAME": "alice"}).secret_values

    def test_do_not_check_what_is_not_used(self) -> None:
        """A setting without effect cannot stop the start."""
        Settings({"PULUMI_LOCAL_DATABASE_PORT": "none"})

    def test_do_not_count_a_replaced_default_as_set(self) -> None:
        """An entry point may bring a default of its own: it is in force, and passed on, but no one has set it."""
        settings = Settings({}, {"STACKHOLD_DATA": "/srv/stackhold"})

        assert not settings.is_set(Settings.data_folder)
        assert Path("/srv/stackhold") == settings.data_folder == settings.replaced(STACKHOLD_PORT="1").data_folder
        assert {"STACKHOLD_DATA": "/srv/stackhold"} == settings.as_env()

    def test_show_no_values(self) -> None:
        """What ends in a log by accident holds no secret."""
        assert "Settings(STACKHOLD_BOOTSTRAP_TOKEN)" == repr(Settings({"STACKHOLD_BOOTSTRAP_TOKEN": "pul-1"}))

    def test_can_be_replaced(self) -> None:
        """Options of the command line win, are checked too, and leave the original alone."""
        settings = Settings({"STACKHOLD_PORT": "1"})

        assert 2 == settings.replaced(STACKHOLD_PORT="2").port
        assert 1 == settings.port
        with pytest.raises(StartUpError):
            settings.replaced(STACKHOLD_PORT="x")


class TestNotices:
    @pytest.mark.parametrize(
        "setting", [setting for setting in SETTINGS if setting.status is not Status.USED], ids=lambda s: s.name
    )
    def test_name_each_setting_without_effect(self, setting: Setting[Any]) -> None:
        """Whatever is set in vain is said, in one line, without its value."""
        lines = notices({setting.name.replace("*", "X"): "hush"})

        assert 1 == len(lines)
        assert setting.name.removesuffix("*") in lines[0]
        assert "hush" not in lines[0]

    def test_are_silent_about_what_is_used_or_empty(self) -> None:
        """Nothing is said about settings that work, or that are not set."""
        assert [] == notices({"STACKHOLD_PORT": "1", "PULUMI_LICENSE_KEY": "", "HOME": "/home/alice"})

    def test_name_what_only_functions_on_lambda_read(self) -> None:
        """A server that is given the functions' settings as they are would go without those of their secrets."""
        (line,) = notices({"STACKHOLD_SETTINGS_SECRETS": "stackhold/settings"})

        assert "STACKHOLD_SETTINGS_SECRETS is set and has no effect here" in line

    def test_warn_of_unknown_names_of_ours_once(self) -> None:
        """Names of ours that are like no setting are named together."""
        lines = notices({"STACKHOLD_FROBNICATE": "1", "STACKHOLD_XYZZY": "2"})

        assert [
            "STACKHOLD_FROBNICATE, STACKHOLD_XYZZY: not a setting of this release; docs/configuration.md lists all of them"
        ] == lines

    @pytest.mark.parametrize(
        ("typo", "meant"),
        [
            ("PULUMI_DATABASE_ENDPOIN", "PULUMI_DATABASE_ENDPOINT"),
            ("PULUMI_DATABASE_ENDPONT", "PULUMI_DATABASE_ENDPOINT"),
            ("PULUMI_CHECKPOINT_BLOB_STORAGE_ENPOINT", "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT"),
            ("PULUMI_KMS_KEYS", "PULUMI_KMS_KEY"),
            ("STACKHOLD_PROT", "STACKHOLD_PORT"),
            ("API_TLS_CERTIFCATE", "API_TLS_CERTIFICATE"),
            ("DATABASE_CA_CERTIFICATES", "DATABASE_CA_CERTIFICATE"),
        ],
    )
    def test_name_what_a_misspelled_name_is_close_to(self, typo: str, meant: str) -> None:
        """A name that is almost that of a setting is warned of with the setting, without its value."""
        assert [f"{typo}: not a setting of this release; did you mean {meant}?"] == notices({typo: "hush"})

    def test_find_every_setting_with_a_letter_missing(self) -> None:
        """Each setting of the table, with any one of its letters in the middle missing, is recognised."""
        names = [s.name for s in SETTINGS if not s.name.endswith("*") and s.name.startswith(("PULUMI_", "STACKHOLD_", "API_"))]

        for name in names:
            typo = name[: len(name) // 2] + name[len(name) // 2 + 1 :]
            assert any("did you mean" in line for line in notices({typo: "1"})), typo

    @pytest.mark.parametrize("name", ["PULUMI_ACCESS_TOKEN", "PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_BACKEND_URL"])
    def test_leave_the_settings_of_the_command_line_alone(self, name: str) -> None:
        """What the unmodified client reads on the same machine is not taken for a misspelled setting."""
        assert [] == notices({name: "x"})

    @pytest.mark.parametrize("name", ["API_MIN_TLS_VERSION", "DATABASE_MIN_TLS_VERSION"])
    def test_say_that_an_old_version_of_tls_is_raised(self, name: str) -> None:
        """A version that is not obeyed is said."""
        assert [f"{name} is 1.0: 1.2 is the lowest version that is used"] == notices({name: "1.0"})


class TestGroups:
    @pytest.mark.parametrize(
        ("group", "setting"),
        [(group, setting) for group in GROUPS for setting in group.settings],
        ids=lambda part: part.name if isinstance(part, Setting) else "-",
    )
    def test_that_are_incomplete_are_refused_or_warned_of(self, group: Group, setting: Setting[Any]) -> None:
        """Each setting of each group, without what it needs, stops the start or is warned of; both names are said."""
        values = {setting.name: setting.default or {Kind.BOOLEAN: "true", Kind.INTEGER: "1"}.get(setting.kind, "x")}
        if group.is_refused:
            with pytest.raises(StartUpError, match=f"must be set with {setting}"):
                require_groups(Settings(values))
        else:
            require_groups(Settings(values))
            assert any(f"must be set with {setting}, which has no effect otherwise" in line for line in notices(values))

    def test_are_satisfied_by_what_they_need(self) -> None:
        """A whole group is neither refused nor warned of."""
        assert [] == incomplete_groups({setting.name for group in GROUPS for setting in (*group.settings, *group.needs)})


@pytest.mark.parametrize("name", ["PULUMI_API_DOMAIN", "PULUMI_CONSOLE_DOMAIN"])
class TestDomains:
    @pytest.mark.parametrize(
        "text", ["https://acme.example.com", "acme.example.com/", "acme.example.com/api", "a b", "acme:port"]
    )
    def test_that_are_addresses_are_refused(self, name: str, text: str) -> None:
        """A scheme, a slash or a blank makes broken links, so it stops the start."""
        with pytest.raises(StartUpError, match=f"{name} must be a host name"):
            require_domains(Settings({name: text}))

    @pytest.mark.parametrize("text", ["acme.example.com", "localhost:8080", "10.0.0.1:443", "[::1]:8080", "acme"])
    def test_that_are_hosts_are_accepted(self, name: str, text: str) -> None:
        """A host, with or without a port, is a domain."""
        require_domains(Settings({name: text}))
