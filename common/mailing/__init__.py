"""Mails to send: rows that are written in the transaction of their cause and sent by a job."""
