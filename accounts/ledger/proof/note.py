"""Signed notes (pure) after C2SP signed-note: a text, a blank line, signatures of named keys. Ed25519 only.

A key's name and id say which key signed; the id binds name, kind and key together. Signatures of unknown keys are
skipped, so that keys can be changed and witnesses can add theirs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519, COSIGNATURE = 1, 4
"""Kinds of keys: one that signs notes; a witness's, which signs a time with them (C2SP tlog-cosignature)."""
MAX_SIGNATURES = 100
MAX_BYTES = 1_000_000
DASH = "\u2014 "


class NoteRefused(ValueError):
    """A text is no note, a key is no key, or no known key has signed."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name, as `name+id+base64` names it. kind: ED25519 or COSIGNATURE; public: 32 bytes."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256 over name, newline, kind and key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encode_base64(bytes([self.kind]) + self.public)}"

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature over the message is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note: who says to have signed, and what follows the key's id."""

    name: str
    key_id: bytes
    content: bytes

    def __str__(self) -> str:
        return f"{DASH}{self.name} {encode_base64(self.key_id + self.content)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, with its final newline, and what stands under it."""

    text: str
    signatures: Sequence[Signature]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(str(signature) for signature in self.signatures)}"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its name. Never shown: only `write_secret` gives it away, for the file that keeps it."""

    name: str
    kind: int
    seed: bytes = field(repr=False)

    @property
    def verifier(self) -> VerifierKey:
        """Its public half."""
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return VerifierKey(self.name, self.kind, private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of a signature over the message."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    def write_secret(self) -> str:
        """`PRIVATE+KEY+name+id+base64`, the form in which Go's note package keeps keys."""
        secret = encode_base64(bytes([self.kind]) + self.seed)
        return f"PRIVATE+KEY+{self.name}+{self.verifier.id.hex()}+{secret}"


def make_key(name: str, kind: int = ED25519) -> SigningKey:
    """A new key from the system's randomness. Raises NoteRefused for a name that cannot stand in a note."""
    refuse_name(name)
    return SigningKey(name, kind, Ed25519PrivateKey.generate().private_bytes_raw())


def read_signing_key(text: str) -> SigningKey:
    """A private key from `PRIVATE+KEY+name+id+base64`. Raises NoteRefused, and never repeats the text."""
    private, word, name, key_id, encoded = _split_key(text.strip(), 5)
    if (private, word) != ("PRIVATE", "KEY"):
        raise NoteRefused("This is no private key: it does not begin with PRIVATE+KEY.")
    kind, seed = _open_key(encoded)
    key = SigningKey(name, kind, seed)
    if key.verifier.id.hex() != key_id:
        raise NoteRefused("The id in the private key is not the id of this key.")
    return key


def read_verifier_key(text: str) -> VerifierKey:
    """A public key from `name+id+base64`. Raises NoteRefused."""
    name, key_id, encoded = _split_key(text.strip(), 3)
    key = VerifierKey(name, *_open_key(encoded))
    if key.id.hex() != key_id:
        raise NoteRefused("The id in the public key is not the id of this key.")
    return key


def parse_note(text: str) -> Note:
    """A note, its signatures not yet looked at. Raises NoteRefused for anything that is not formed as a note."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise NoteRefused("The note is too long.")
    if any((ord(char) < 0x20 and char != "\n") or 0xD800 <= ord(char) < 0xE000 for char in text):
        raise NoteRefused("The note holds a control character.")
    head, blank, tail = text.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise NoteRefused("The note has no signatures, or does not end with a newline.")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteRefused("The note has too many signatures.")
    return Note(head + "\n", [parse_signature(line) for line in lines])


def parse_signature(line: str) -> Signature:
    """One signature line, without its newline. Raises NoteRefused."""
    name, blank, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not blank:
        raise NoteRefused("A line under the note is no signature.")
    refuse_name(name)
    content = decode_base64(encoded)
    if len(content) < 5:
        raise NoteRefused("A signature is too short.")
    return Signature(name, content[:4], content[4:])


def sign_note(text: str, keys: Iterable[SigningKey]) -> Note:
    """The note of a text, signed with each key in turn. Raises NoteRefused for a text that cannot be a note's."""
    if not text.endswith("\n"):
        raise NoteRefused("The text of a note ends with a newline.")
    message = text.encode()
    note = Note(text, [Signature(key.name, key.verifier.id, key.sign(message)) for key in keys])
    return parse_note(str(note))


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    """The known keys that have signed the text, each once, in the order of their signatures.

    Raises NoteRefused where none has, or where a signature that names a known key is not that key's.
    """
    known = {(key.name, key.id): key for key in keys if key.kind == ED25519}
    message, found = note.text.encode(), []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None or key in found:
            continue
        if not key.has_signed(message, signature.content):
            raise NoteRefused(f"The signature of {key.name} is wrong.")
        found.append(key)
    if not found:
        raise NoteRefused("No known key has signed this note.")
    return found


def refuse_name(name: str) -> None:
    """Raise NoteRefused for a key name that is empty or holds a space, a plus sign or a control character."""
    if not name or "+" in name or any(char.isspace() or ord(char) < 0x20 for char in name):
        raise NoteRefused("A key's name is not empty and holds neither spaces nor a plus sign.")


def encode_base64(content: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(content).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes of standard base64, in the one spelling that `encode_base64` writes. Raises NoteRefused."""
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise NoteRefused("This is not base64.") from error
    if encode_base64(content) != text:
        raise NoteRefused("This is base64 in an unusual spelling.")
    return content


def _split_key(text: str, parts: int) -> list[str]:
    # base64 may hold plus signs, names may not
    found = text.split("+", parts - 1)
    if len(found) != parts:
        raise NoteRefused("A key has the form name+id+base64.")
    refuse_name(found[-3])
    return found


def _open_key(encoded: str) -> tuple[int, bytes]:
    content = decode_base64(encoded)
    if len(content) != 33 or content[0] not in (ED25519, COSIGNATURE):
        raise NoteRefused("Only Ed25519 keys are known here.")
    return content[0], content[1:]
