"""The one exception that speaks to the user."""


class InputError(ValueError):
    """Something the user can put right: a file, a value, a setting.

    The message is one line that names the place, what was found, what was expected and, where it helps, what to do.
    """
