"""Exports on demand that are larger than one reply of a function: made in parts, by requests and by a job, and sent by a link."""
