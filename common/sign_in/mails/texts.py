"""The texts of mails. A mail to a stranger contains no text that a user chose freely: only logins, without spaces and dots."""

INVITATION = """\
{sender} invites you to the organization {org}.

To accept, open

{link}

and sign in, or create an account with this address. If you did not expect this mail, ignore it.
"""
VERIFICATION = """\
The user {login} entered this as their address.

If that is you, open

{link}

and sign in as {login}. The link works once, for three days. If it is not you, ignore this mail: the address stays unconfirmed.
"""
RESET = """\
Someone, probably you, asked to reset the password of the account with this address.

To set a new password, open

{link}

The link works once, for an hour. If you did not ask for it, ignore this mail: the password stays as it is.
"""
ADDRESS_CHANGED = """\
The user {login} has changed their address from this one to another one, which was confirmed by a mailed link.

If that was not you, ask an administrator of the server for help at once.
"""
FOOTER = """
--\x20
Sent by the Pulumi backend at {place}. Replies to this mail are not read.
"""
