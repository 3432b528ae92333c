"""Typed readers of the environment. Each fails loudly, naming the variable and the mend; none has a hidden default.

Wiring: used by settings only. A secret may also come from a file: `NAME_FILE` holds its path.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
MOST = 2**31 - 1
"""What PostgreSQL keeps as an integer."""
MOST_PROBES = 127
"""Linux sends a silent peer no more of them, one a second, and makes no connection that asks for more."""
FALSE = {"0", "false", "no", "off", ""}


def read_text(name: str, default: str | None = None) -> str:
    """The variable's text. Raises ImproperlyConfigured where it is missing and no default is given."""
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(
            f"{name} is not set. `make up` sets it; in production set it in the environment."
        )
    return value


def read_secret(name: str) -> str:
    """A secret from `NAME`, or from the file that `NAME_FILE` points to. Raises ImproperlyConfigured where empty."""
    path = os.environ.get(f"{name}_FILE")
    try:
        value = Path(path).read_text(encoding="utf-8").strip() if path else read_text(name)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        # without the error it comes from, whose text holds bytes of the secret
        raise ImproperlyConfigured(f"{name}_FILE holds no text in UTF-8.") from None
    if not value:
        raise ImproperlyConfigured(f"{name} is empty. Give it a random value of at least 32 characters.")
    return value


def read_flag(name: str, default: bool) -> bool:
    """A yes or no. Raises ImproperlyConfigured for any other word."""
    value = os.environ.get(name, str(default)).strip().lower()
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} must be one of true, false; it is neither.")
    return value in TRUE


def read_number(name: str, default: int, least: int = 1, most: int = MOST) -> int:
    """A whole number from least to most. Raises ImproperlyConfigured for anything else."""
    value = os.environ.get(name, str(default))
    try:
        number = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error
    if not least <= number <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}.")
    return number


def read_words(name: str, separator: str = ",") -> list[str]:
    """The parts of a list, blanks dropped; an unset variable is an empty list."""
    return [part.strip() for part in os.environ.get(name, "").split(separator) if part.strip()]


def read_folders(name: str) -> list[Path]:
    """Folders, separated by colons. Raises ImproperlyConfigured where one would depend on where a process was started."""
    folders = [Path(word) for word in read_words(name, ":")]
    if not all(folder.is_absolute() for folder in folders):
        raise ImproperlyConfigured(f"{name} must name absolute folders, separated by colons.")
    return folders


def read_hosts(name: str) -> list[str]:
    """Hosts in small letters, perhaps with a port, separated by commas.

    Raises ImproperlyConfigured for an address or a pattern: no host is one.
    """
    hosts = [word.lower() for word in read_words(name)]
    if any(mark in host for host in hosts for mark in "/@* "):
        raise ImproperlyConfigured(
            f"{name} must name hosts such as stac.example.org, each in full, without https:// and without a path."
        )
    return hosts


def read_redis(name: str, schemes: Sequence[str]) -> str:
    """The address of a Redis. Raises ImproperlyConfigured where it is missing, begins otherwise or is none."""
    address = read_text(name)
    if not address.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ImproperlyConfigured(
            f"{name} must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}."
        )
    try:
        _ = urlsplit(address).port
    except ValueError:
        # without the error it comes from: an address can hold a password
        raise ImproperlyConfigured(
            f"{name} is no address, or has a port that is no number from 0 to 65535."
        ) from None
    return address
