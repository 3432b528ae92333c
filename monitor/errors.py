"""What can go wrong in a service or at the door, in words for the person who asked. Pure."""

from __future__ import annotations

import errno

from accounts.ledger.entry import Refusal


class NotThere(Refusal, LookupError):
    """The object does not exist, or the viewer may not know that it does: the two look the same (P8)."""

    def __init__(self) -> None:
        super().__init__("There is nothing here for you under this address.")


class NotNow(RuntimeError):
    """The request is well formed and permitted, but the object's state does not allow it."""


class NotYours(Refusal, PermissionError):
    """The viewer's role or position does not allow this act, whatever the object."""


class QuotaSpent(Refusal, RuntimeError):
    """The account has been shown as many different exact cells today as it may be."""

    def __init__(self) -> None:
        super().__init__(
            "You have been shown as many exact cells today as one account may see. It goes on at midnight UTC, or when a"
            " regulator of your region or an administrator releases more: POST to the address that 'quota' in"
            " /api/v1/me names."
        )


class VaultSealed(RuntimeError):
    """The vault returned nothing: the ticket is missing, spent, too old or for something else."""


class TooMany(RuntimeError):
    """More rows than a file of this format may hold."""

    def __init__(self) -> None:
        super().__init__(
            "That is more than a GeoPackage from here may hold. Ask for a smaller box or another format."
        )


class StreamCut(ConnectionResetError):
    """An answer that was under way ends here: the right to read it has ended. The server closes the connection.

    It is an error of the connection because that is what the client sees, and because servers end an answer at one
    without writing the request into a log.
    """

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "The right to read this has ended.")


def describe_fault(error: BaseException) -> str:
    """What kind of unknown error arose, and where in this project: all that a log may say of it.

    The text of an error can hold anything, a failed statement's values among it, so it is never part of this.
    """
    origin, trace = "outside this project", error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.split(".")[0] in {"monitor", "accounts", "tasks"}:
            origin = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__qualname__} in {origin}"
