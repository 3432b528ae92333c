"""Typed readers of the environment. Each fails loudly, naming the variable and the mend; none has a hidden default.

Wiring: used by settings only. A secret may also come from a file: `NAME_FILE` holds its path.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
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
    if not value:
        raise ImproperlyConfigured(f"{name} is empty. Give it a random value of at least 32 characters.")
    return value


def read_flag(name: str, default: bool) -> bool:
    """A yes or no. Raises ImproperlyConfigured for any other word."""
    value = os.environ.get(name, str(default)).strip().lower()
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} must be one of true, false; it is neither.")
    return value in TRUE


def read_number(name: str, default: int) -> int:
    """A whole number. Raises ImproperlyConfigured for anything else."""
    value = os.environ.get(name, str(default))
    try:
        return int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error


def read_words(name: str, separator: str = ",") -> list[str]:
    """The parts of a list, blanks dropped; an unset variable is an empty list."""
    return [part.strip() for part in os.environ.get(name, "").split(separator) if part.strip()]
