"""Addresses that contain a login, which is used to fetch but never shown or stored."""

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from wfci_sleep.errors import InputError


def masked(mirror: str) -> str:
    """A mirror without the login in its address; a folder as it is.

    Raises
    ------
    InputError
        If the end of the login is ambiguous. The message doesn't repeat the address.

    Examples
    --------
    >>> masked("https://anna:secret@example.org/files"), masked("https://example.org/files")
    ('https://***@example.org/files', 'https://example.org/files')
    """
    scheme, login, place = _split(mirror)
    return f"{scheme}***@{place}" if login else mirror


def bare(address: str) -> str:
    """The address without its login, masked or not.

    Examples
    --------
    >>> bare("https://***@example.org/files")
    'https://example.org/files'
    """
    scheme, _, place = _split(address)
    return scheme + place


def login_of(mirror: str) -> tuple[bytes, bytes] | None:
    """User and password in the address of a mirror, or None.

    Examples
    --------
    >>> login_of("https://anna:p%40ss@example.org/files")
    (b'anna', b'p@ss')
    """
    _, login, _ = _split(mirror)
    user, _, password = login.partition(":")
    return (unquote_to_bytes(user), unquote_to_bytes(password)) if login else None


def configured_login(config: Mapping) -> tuple[bytes, bytes] | None:
    """Login in `dataset.physionet.mirror` of a configuration as the user wrote it."""
    return login_of(config["dataset"].get("physionet", {}).get("mirror", ""))


def _split(address: str) -> tuple[str, str, str]:
    """`https://`, login and rest of an address; a path that is no address is all rest."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return "", "", address
    host, slash, path = rest.partition("/")
    if "@" in path:
        raise InputError(
            "dataset.physionet.mirror has an @ behind a /, so that a password in it might be shown: "
            "write an @ that doesn't end the login as %40, and a / in a password as %2F"
        )
    login, _, host = host.rpartition("@")
    return scheme + separator, login, host + slash + path
