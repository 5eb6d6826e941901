"""Settings of sign-in and mail."""

from common.config.setting import flag, integer, secret, text


class SignInSettings:
    """Who may sign in and sign up, and how."""

    disable_email_login = flag("PULUMI_DISABLE_EMAIL_LOGIN", "`true`: no sign-in by email address and password.", default=False)
    disable_email_signup = flag(
        "PULUMI_DISABLE_EMAIL_SIGNUP",
        (
            "`false`: anyone may create an account by address; `true`: no one. Unset: only people who are invited;"
            " on a laptop (database and key in the data folder, loopback) anyone."
        ),
    )
    hide_email_login = flag("PULUMI_HIDE_EMAIL_LOGIN", "The console's name of PULUMI_DISABLE_EMAIL_LOGIN.", default=False)
    hide_email_signup = flag("PULUMI_HIDE_EMAIL_SIGNUP", "The console's name of PULUMI_DISABLE_EMAIL_SIGNUP.")
    sign_up_domains = text(
        "STACKHOLD_SIGN_UP_DOMAINS",
        (
            "Domains whose verified addresses may create an account through github.com or gitlab.com, separated by commas;"
            " `*`: all. Unset: only people who are invited."
        ),
        is_list=True,
    )
    organizations_by_anyone = flag(
        "STACKHOLD_ORGANIZATIONS_BY_ANYONE",
        "`true`: every user may create organizations; `false`: only site administrators. Unset: `true` on a laptop alone.",
    )
    session_hours = integer(
        "STACKHOLD_SESSION_HOURS", "Hours after which a browser has to sign in again.", default=12, lowest=1, highest=720
    )
    recaptcha_secret_key = secret("RECAPTCHA_SECRET_KEY", "Secret key of a reCAPTCHA, checked before a password reset is mailed.")
    recaptcha_site_key = text("RECAPTCHA_SITE_KEY", "Site key of that reCAPTCHA.")
    recaptcha_endpoint = text(
        "STACKHOLD_RECAPTCHA_ENDPOINT", "Where it is checked.", default="https://www.google.com/recaptcha/api"
    )
    gitlab_oauth_id = text("GITLAB_OAUTH_ID", "GitLab application's id: with its secret, people sign in with GitLab.")
    gitlab_oauth_secret = secret("GITLAB_OAUTH_SECRET", "GitLab application's secret.")
    gitlab_oauth_endpoint = text("GITLAB_OAUTH_ENDPOINT", "GitLab's address.", default="https://gitlab.com")
    github_oauth_id = text("GITHUB_OAUTH_ID", "GitHub application's id: with its secret, people sign in with GitHub.")
    github_oauth_secret = secret("GITHUB_OAUTH_SECRET", "GitHub application's secret.")
    github_oauth_endpoint = text(
        "GITHUB_OAUTH_ENDPOINT",
        "GitHub API's address, `https://host/api/v3` of an enterprise server.",
        default="https://api.github.com",
    )
    oidc_issuer = text("STACKHOLD_OIDC_ISSUER", "Address of an OpenID Connect provider that people sign in with.")
    oidc_client_id = text("STACKHOLD_OIDC_CLIENT_ID", "Client id of this server at that provider.")
    oidc_client_secret = secret("STACKHOLD_OIDC_CLIENT_SECRET", "Client secret; unset: a public client, with PKCE alone.")
    oidc_name = text("STACKHOLD_OIDC_NAME", "Name of the provider on the sign-in page.", default="single sign-on")
    oidc_scopes = text("STACKHOLD_OIDC_SCOPES", "Scopes to request, separated by spaces.", default="openid email profile")
    oidc_allowed_domains = text(
        "STACKHOLD_OIDC_ALLOWED_DOMAINS", "Domains of addresses that may sign in, separated by commas; unset: all.", is_list=True
    )
    oidc_groups_claim = text("STACKHOLD_OIDC_GROUPS_CLAIM", "Claim with the groups of a user.", default="groups")
    oidc_allowed_groups = text(
        "STACKHOLD_OIDC_ALLOWED_GROUPS",
        "Groups that may sign in, separated by commas; unset: all.",
        is_list=True,
    )
    oidc_group_teams = text(
        "STACKHOLD_OIDC_GROUP_TEAMS",
        (
            "`group=org` or `group=org/team`, separated by commas: people in the group join the organization, and the"
            " team, when they sign in; those no longer in it leave the team."
        ),
        is_list=True,
    )
    saml_certificate_public_key = text(
        "SAML_CERTIFICATE_PUBLIC_KEY", "Certificate of this service provider: a path, PEM text, or base64 of it.", is_pem=True
    )
    saml_certificate_private_key = secret(
        "SAML_CERTIFICATE_PRIVATE_KEY", "Its private key, likewise: requests are signed, assertions decrypted.", is_pem=True
    )
    outbound_allow = text(
        "STACKHOLD_OUTBOUND_ALLOW",
        (
            "Hosts, addresses and networks, separated by commas, that this program may call although they are not public;"
            " calls to them may use plain HTTP. Every account may send webhooks to them, and read them with environments, so list"
            " as little as you can."
        ),
        is_list=True,
    )


class MailSettings:
    """Outgoing mail."""

    smtp_server = text("SMTP_SERVER", "`host:port` of the outgoing mail server; unset: links are written to the log.")
    smtp_username = text("SMTP_USERNAME", "User name on that server.")
    smtp_password = secret("SMTP_PASSWORD", "Password on that server.")
    smtp_generic_sender = text("SMTP_GENERIC_SENDER", "Sender of mails.")
    smtp_tls = text("STACKHOLD_SMTP_TLS", "`starttls`, `implicit` or `none`; unset: implicit on port 465, else STARTTLS.")
