"""Errors for people: one sentence that says what to do."""


class UserError(Exception):
    """An error that the user of a command can correct. Commands print only its text and exit with 1.

    The first argument is the sentence; each further one is a line below it.
    """

    def __str__(self) -> str:
        """Return all lines."""
        return "\n".join(map(str, self.args))
