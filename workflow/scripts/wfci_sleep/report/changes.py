"""What experiments run with instead of what another one, or the paper, does."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wfci_sleep.run.settings import SECTIONS, defaults


class Change(NamedTuple):
    """A setting that differs."""

    key: str
    """Section and key, as `windows.seconds`."""
    value: Any
    other: Any
    """What it is there; the default where `shared` is False."""
    shared: bool
    """Whether the setting has a meaning there: another kind of network has other settings."""


def changes(settings: Mapping[str, Any], others: Mapping[str, Any]) -> Iterator[Change]:
    """The settings of an experiment that are not those of another one.

    Settings that only the other one has are left out: the kind of the network says that they have no meaning.

    Parameters
    ----------
    settings, others : mapping
        Settings of experiments as `settings.resolve` gives them.
    """
    own_defaults = defaults(settings["model"]["kind"])
    for section in SECTIONS:
        for key, value in settings[section].items():
            shared = key in others[section]
            other = (others if shared else own_defaults)[section][key]
            # What a network sees of an epoch follows from its kind.
            if value != other and (section, key) != ("windows", "input"):
                yield Change(f"{section}.{key}", value, other, shared)


class Told(NamedTuple):
    """An experiment, or a series of experiments of one parcel each, that texts tell of at once."""

    settings: Mapping[str, Any]
    """Those of the experiment, or of the series as it was asked for."""
    parcels: Mapping[int, str]
    """The experiment of each parcel of a series; empty of an experiment."""


def told(config: Mapping[str, Any]) -> dict[str, Told]:
    """What texts tell of, by name: experiments and series, in the order of the configuration.

    Parameters
    ----------
    config : mapping
        The configuration as `settings.resolve` gives it.
    """
    series_of = {member: name for name, members in config["series"].items() for member in members.values()}
    found: dict[str, Told] = {}
    for name, settings in config["experiments"].items():
        if name not in series_of:
            found[name] = Told(settings, {})
        elif series_of[name] not in found:
            together = {**settings, "model": {**settings["model"], "regions": "each"}}
            found[series_of[name]] = Told(together, config["series"][series_of[name]])
    return found
