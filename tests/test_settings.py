import re
from pathlib import Path

import pytest

from common import stores
from common.errors import StartUpError
from common.settings import SETTINGS, Kind, Setting, Settings, Status, notices

ROOT = Path(__file__).parents[1]


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
                assert setting.default == Settings({setting.name: setting.default}).text(setting.name)

    def test_marks_whatever_holds_a_secret(self) -> None:
        """What is named like a secret is one, or doctor would show it."""
        open_names = {
            "API_TLS_CERTIFICATE",
            "PULUMI_KMS_KEY",
            "SAML_CERTIFICATE_PUBLIC_KEY",
            "PULUMI_LOCAL_KEYS",
            "STACKHOLD_RECAPTCHA_SITE_KEY",
        }
        named = {setting for setting in SETTINGS if setting.name.endswith(("_KEY", "_SECRET", "_PASSWORD", "_TOKEN"))}

        assert set() == {setting.name for setting in named if setting.kind is not Kind.SECRET} - open_names - {
            "MYSQL_ALLOW_EMPTY_PASSWORD"  # a switch, not a password
        }

    def test_says_something_about_each(self) -> None:
        """The documentation is made of these texts."""
        assert [] == [setting.name for setting in SETTINGS if len(setting.meaning) < 5]


# The SDK reads these by itself from the environment.
_OF_SDK = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID"}


class TestEffect:
    def test_of_every_setting_in_use(self) -> None:
        """A setting that is accepted without a word is read somewhere; one that is not yet says so at the start."""
        text = code_besides("common/settings.py", "common/setting_groups.py")
        used = {setting.name for setting in SETTINGS if setting.status is Status.USED and not setting.name.endswith("*")}

        assert _OF_SDK == {name for name in used if not re.search(rf"\b{name}\b", text)}

    def test_of_every_store_that_is_opened(self) -> None:
        """A store that a setting names has something put into it, unless the setting's text says that nothing is yet."""
        text = code_besides("common/settings.py", "common/stores.py", "common/opening.py")
        fields = {
            "checkpoints": stores.CHECKPOINTS,
            "batches": stores.BATCHES,
            "policy_packs": stores.POLICY_PACKS,
            "metadata": stores.METADATA,
        }
        meanings = {setting.name: setting.meaning for setting in SETTINGS}

        assert set(fields.values()) == set(stores.PURPOSES)
        for field, name in fields.items():
            is_used = re.search(rf"backend\.{field}\.put|backend\.{field}\.put_stored", text) is not None
            assert is_used is ("none are stored yet" not in meanings[name]), name


class TestSettings:
    def test_take_known_names_only(self) -> None:
        """The rest of the environment is nobody's business."""
        assert {"STACKHOLD_PORT": "1"} == Settings({"STACKHOLD_PORT": "1", "HOME": "/home/alice"}).as_env()

    def test_count_an_empty_value_as_unset(self) -> None:
        """Templates pass empty values on for what they do not configure."""
        settings = Settings({"STACKHOLD_PORT": ""})

        assert not settings.is_set("STACKHOLD_PORT")
        assert 8080 == settings.integer("STACKHOLD_PORT")

    @pytest.mark.parametrize("value", ["0", "12x", "-1", "\uff11", "1.5", "9" * 30, "257"])
    def test_refuse_numbers_out_of_range(self, value: str) -> None:
        """A number is decimal digits within its limits; the message names setting and limits."""
        with pytest.raises(StartUpError, match="STACKHOLD_WORKERS must be a whole number from 1 to 256"):
            Settings({"STACKHOLD_WORKERS": value})

    @pytest.mark.parametrize(("value", "meant"), [("true", True), ("FALSE", False), ("1", True), ("0", False), ("off", False)])
    def test_read_switches(self, value: str, meant: bool) -> None:  # noqa: FBT001 - a table of cases
        """A switch has the usual spellings."""
        assert meant is Settings({"STACKHOLD_MIGRATE_AT_START": value}).flag("STACKHOLD_MIGRATE_AT_START")

    def test_do_not_check_what_is_not_used(self) -> None:
        """A setting without effect cannot stop the start."""
        Settings({"PULUMI_ENABLE_DEPRECATED_METRICS": "perhaps", "PULUMI_LOCAL_DATABASE_PORT": "none"})

    def test_show_no_values(self) -> None:
        """What ends in a log by accident holds no secret."""
        assert "Settings(STACKHOLD_BOOTSTRAP_TOKEN)" == repr(Settings({"STACKHOLD_BOOTSTRAP_TOKEN": "pul-1"}))

    def test_can_be_replaced(self) -> None:
        """Options of the command line win, are checked too, and leave the original alone."""
        settings = Settings({"STACKHOLD_PORT": "1"})

        assert 2 == settings.replaced(STACKHOLD_PORT="2").integer("STACKHOLD_PORT")
        assert 1 == settings.integer("STACKHOLD_PORT")
        with pytest.raises(StartUpError):
            settings.replaced(STACKHOLD_PORT="x")


class TestNotices:
    @pytest.mark.parametrize(
        "setting", [setting for setting in SETTINGS if setting.status is not Status.USED], ids=lambda s: s.name
    )
    def test_name_each_setting_without_effect(self, setting: Setting) -> None:
        """Whatever is set in vain is said, in one line, without its value."""
        lines = notices({setting.name.replace("*", "X"): "hush"})

        assert 1 == len(lines)
        assert setting.name.removesuffix("*") in lines[0]
        assert "hush" not in lines[0]

    def test_are_silent_about_what_is_used_or_empty(self) -> None:
        """Nothing is said about settings that work, or that are not set."""
        assert [] == notices({"STACKHOLD_PORT": "1", "PULUMI_LICENSE_KEY": "", "HOME": "/home/alice"})

    def test_warn_of_unknown_names_of_ours_once(self) -> None:
        """Misspelt settings are named together."""
        lines = notices({"STACKHOLD_PORTS": "1", "STACKHOLD_DATE": "2"})

        assert 1 == len(lines)
        assert lines[0].startswith("STACKHOLD_DATE, STACKHOLD_PORTS: not a setting")
