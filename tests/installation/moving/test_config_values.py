"""The spellings of a configuration."""

import yaml

from common.installation.moving import config_values
from common.installation.moving.model import ConfigValue
from tests.factories.moving import SECRET_CONFIG, sealed

DIY = {"shop:name": "alice", "shop:pin": {"secure": sealed("4711")}, "shop:keys": {"a": {"secure": sealed("1")}, "b": [2]}}


def test_both_spellings_say_the_same() -> None:
    """A text, a secret, and an object with a secret in it; an object without one is no secret."""
    assert DIY == config_values.to_diy(SECRET_CONFIG)
    assert SECRET_CONFIG.keys() == config_values.from_diy(DIY).keys()
    assert DIY == config_values.to_diy(config_values.from_diy(DIY))
    assert ConfigValue('{"b":[2]}', object=True) == config_values.from_diy({"k": {"b": [2]}})["k"]


def test_each_secret_is_encrypted_anew() -> None:
    """Also one inside an object."""
    new = config_values.translated(SECRET_CONFIG, lambda old: {value: f"new {value}" for value in old})

    assert [sealed("4711"), sealed("1")] == list(config_values.ciphertexts(SECRET_CONFIG))
    assert [f"new {sealed('4711')}", f"new {sealed('1')}"] == list(config_values.ciphertexts(new))
    assert new["shop:name"] == SECRET_CONFIG["shop:name"]


def test_the_file_of_a_stack() -> None:
    """It is the one that the client writes, with the salt of a passphrase if there is one."""
    assert {"encryptionsalt": "v1:a:b", "config": DIY} == yaml.safe_load(config_values.file_text(SECRET_CONFIG, "v1:a:b"))
    assert {"config": DIY} == yaml.safe_load(config_values.file_text(SECRET_CONFIG))
