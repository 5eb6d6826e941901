"""The database: how it is opened, what is in it, how it changes from release to release."""
