"""The tables of signing in: by address and password, through identity providers, by SAML and SCIM, and of machines."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, UniqueConstraint

from common.db.tables.schema import ID, LONG_TEXT, table

# People who sign in with an address and a password. `users.email` holds an address only once it is known to be theirs; here
# it may still be unverified: an address belongs to one verified account at the most, and one more may claim it, so that
# making an account does not tell whether a user has one. `pending_email` is the address they asked to change to.
email_accounts = table(
    "email_accounts",
    Column("user_id", ID, primary_key=True),
    Column("email", String(255), nullable=False),
    Column("is_verified", Boolean, nullable=False),
    Column("pending_email", String(255), nullable=True),
    Column("password_hash", String(255), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("email", "is_verified"),
)

# Links that are sent by mail: the hash of each, good once. `purpose` says what it does, `email` for which address.
one_time_links = table(
    "one_time_links",
    Column("token_hash", String(64), primary_key=True),
    Column("purpose", String(20), nullable=False),
    Column("user_id", ID, nullable=False),
    Column("email", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_one_time_links_user_id", "user_id"),
    Index("ix_one_time_links_expires_at", "expires_at"),
)

# How often something was tried in a window of time; `id` is the hash of what is counted, so it names no user.
throttles = table(
    "throttles",
    Column("id", String(64), primary_key=True),
    Column("window_at", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Index("ix_throttles_window_at", "window_at"),
)

# Which account at an identity provider is which user. `provider`: github.com, gitlab.com, oidc, or saml: and an
# organization's id; `subject` is the provider's own unchangeable id of the account.
identities = table(
    "identities",
    Column("provider", String(60), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("user_id", ID, nullable=False),
    Column("login", String(255), nullable=False),
    Column("email", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Index("ix_identities_user_id", "user_id"),
)

# Sign-ins that were sent to a provider and have not come back. Each is taken once; `browser_hash` binds it to the browser
# that began it, `user_id` says who links another identity to their account.
sign_ins = table(
    "sign_ins",
    Column("state_hash", String(64), primary_key=True),
    Column("provider", String(60), nullable=False),
    Column("browser_hash", String(64), nullable=False),
    Column("verifier", String(128), nullable=False),
    Column("nonce", String(64), nullable=False),
    Column("return_to", String(2048), nullable=False),
    Column("user_id", ID, nullable=True),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_sign_ins_expires_at", "expires_at"),
)

# An organization's own SAML provider: its metadata as it was sent.
saml_providers = table(
    "saml_providers",
    Column("org_id", ID, primary_key=True),
    Column("descriptor", LONG_TEXT, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
)

# Assertions that were taken, until they would have expired anyway: none is good twice.
saml_assertions = table(
    "saml_assertions",
    Column("org_id", ID, primary_key=True),
    Column("assertion_hash", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_saml_assertions_expires_at", "expires_at"),
)

# Answers of SAML providers that were found good and whose browser has yet to fetch its session: each is good once, for minutes.
# `request_id` and `state` are of the sign-in in `sign_ins` that it answers; both are empty when the provider began it.
saml_answers = table(
    "saml_answers",
    Column("code_hash", String(64), primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("state", String(64), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("email", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("return_to", String(2048), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_saml_answers_expires_at", "expires_at"),
)

scim_tokens = table(
    "scim_tokens",
    Column("org_id", ID, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_by", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=True),
)

# People whom an organization's directory provisions. `user_name` and `email`, the primary address, are in lower case;
# `document` is what the directory sent. Only this organization trusts the address.
scim_users = table(
    "scim_users",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("user_id", ID, nullable=False),
    Column("user_name", String(255), nullable=False),
    Column("external_id", String(255), nullable=True),
    Column("email", String(255), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("document", LONG_TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    UniqueConstraint("org_id", "user_name"),
    UniqueConstraint("org_id", "user_id"),
    Index("ix_scim_users_external_id", "org_id", "external_id"),
    Index("ix_scim_users_email", "org_id", "email"),
)

# Groups of the directory: each is a team of kind `scim`, with the team's id.
scim_groups = table(
    "scim_groups",
    Column("team_id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("display_name", String(255), nullable=False),
    Column("external_id", String(255), nullable=True),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    UniqueConstraint("org_id", "display_name"),
    Index("ix_scim_groups_external_id", "org_id", "external_id"),
)

# Issuers of identity tokens that an organization trusts, each with its policy. `static_keys`: the JWKS that the registration
# gave; `fetched_keys` and `keys_at` what was fetched last, and when; `keys_asked_at` when a process last set out to fetch them.
# `thumbprints` and `policies` are JSON.
oidc_issuers = table(
    "oidc_issuers",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("name", String(255), nullable=False),
    Column("url", String(512), nullable=False),
    Column("issuer", String(512), nullable=False),
    Column("thumbprints", LONG_TEXT, nullable=False),
    Column("static_keys", LONG_TEXT, nullable=True),
    Column("fetched_keys", LONG_TEXT, nullable=True),
    Column("keys_at", BigInteger, nullable=True),
    Column("keys_asked_at", BigInteger, nullable=True),
    Column("max_expiration_seconds", Integer, nullable=False),
    Column("policy_id", ID, nullable=False, unique=True),
    Column("policy_version", Integer, nullable=False),
    Column("policies", LONG_TEXT, nullable=False),
    Column("policy_modified_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=True),
    UniqueConstraint("org_id", "url"),
    UniqueConstraint("org_id", "issuer"),
    UniqueConstraint("org_id", "name"),
)

# The machines that an issuer's tokens act as: one for each thing they may be (`subject`: a plain member, an admin, or the id
# of a team or a role), so that what one of them made gives nothing to another.
oidc_machines = table(
    "oidc_machines",
    Column("issuer_id", ID, primary_key=True),
    Column("subject", String(48), primary_key=True),
    Column("user_id", ID, nullable=False),
)

# What a token that was given for an identity token may be renewed with. `request` says what was asked for and with which
# claims, so that the policy is asked again; `token_id` is the access token that came with it. A used one is kept until it
# expires: its second use ends the whole `family_id`.
refresh_tokens = table(
    "refresh_tokens",
    Column("token_hash", String(64), primary_key=True),
    Column("family_id", ID, nullable=False),
    Column("org_id", ID, nullable=False),
    Column("issuer_id", ID, nullable=False),
    Column("token_id", ID, nullable=False),
    Column("request", LONG_TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=True),
    Index("ix_refresh_tokens_family_id", "family_id"),
    Index("ix_refresh_tokens_issuer_id", "issuer_id"),
    Index("ix_refresh_tokens_expires_at", "expires_at"),
)

# Mail to send, and for a while what was sent. It holds no secret: a link with one is made when the mail is written.
mails = table(
    "mails",
    Column("id", ID, primary_key=True),
    Column("purpose", String(20), nullable=False),
    Column("address", String(255), nullable=False),
    Column("user_id", ID, nullable=True),
    Column("subject_id", String(36), nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("problem", String(255), nullable=False),
    Column("sent_at", BigInteger, nullable=True),
    Index("ix_mails_due_at", "due_at"),
    Index("ix_mails_created_at", "created_at"),
)
