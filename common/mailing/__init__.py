"""Mail to send: an outbox of rows, written with what they tell of and sent by a job."""
