"""The exception for mistakes that the user can correct."""


class InputError(ValueError):
    """A file, value or setting is wrong, and the user can correct it.

    The message is one line that names the file or key, what was found, what was expected and, where it helps, what to
    do.
    """


def first_line(error: BaseException) -> str:
    r"""First line of an exception's message; the name of its type where the message is empty.

    Examples
    --------
    >>> first_line(ValueError("no number\nat line 3")), first_line(MemoryError())
    ('no number', 'MemoryError')
    """
    return (str(error).splitlines() or [type(error).__name__])[0]
