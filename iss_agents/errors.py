"""Errors that are meant for people: one sentence that says what to do."""


class UserError(Exception):
    """Something the person who typed the command can mend. Commands print it alone and exit with 1."""
