"""Pages with a reCAPTCHA, where one is configured: the only ones with another script than ours, which is the service's."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Response

from common.config.settings import Settings
from common.sign_in import captcha

# The name of the field that the service's script adds to the form around it.
FIELD = "g-recaptcha-response"
# Its script loads a second one from there.
_MORE_SCRIPTS = "https://www.gstatic.com/recaptcha/"


@dataclass(frozen=True, slots=True)
class Captcha:
    """What templates need: the site's key, empty where nothing is checked, and the address of the service's script."""

    key: str
    script: str


def shown(settings: Settings) -> Captcha:
    """Return what a page shows."""
    key = settings.recaptcha_site_key if captcha.is_configured(settings) else ""
    return Captcha(key, f"{_endpoint(settings)}.js")


def allowed(response: Response, settings: Settings) -> Response:
    """Return a page whose browser may load the service's script and frame, where one is configured."""
    if shown(settings).key:
        parts = urlsplit(_endpoint(settings))
        place = f"{parts.scheme}://{parts.netloc}/recaptcha/"
        policy = response.headers["Content-Security-Policy"]
        policy = policy.replace("script-src 'self'", f"script-src 'self' {place} {_MORE_SCRIPTS}")
        policy = policy.replace("connect-src 'self'", f"connect-src 'self' {place}")
        response.headers["Content-Security-Policy"] = f"{policy}; frame-src {place}"
    return response


def _endpoint(settings: Settings) -> str:
    return settings.recaptcha_endpoint.rstrip("/")
