"""What mails say. Nothing that somebody chose freely stands in a mail to a stranger: logins alone, without spaces and dots."""

INVITATION = """\
{sender} invites you to the organization {org}.

To accept, open

{link}

and sign in, or make an account with this address. If you do not know what this is about, you need not do anything.
"""
VERIFICATION = """\
The user {login} says that this address is theirs.

If that is you, open

{link}

and sign in as {login}. The link is good for three days, once. If it is not you, you need not do anything: the address stays
unconfirmed.
"""
RESET = """\
Somebody, probably you, asks for a new password for the account with this address.

To set one, open

{link}

The link is good for an hour, once. If you did not ask for it, you need not do anything: the password stays as it is.
"""
ADDRESS_CHANGED = """\
The user {login} now has another address than this one, confirmed by a link that was mailed there.

If that was not you, ask an administrator of the installation for help at once.
"""
FOOT = """
--\x20
The Pulumi backend at {place} sent this. Nobody reads answers to it.
"""
