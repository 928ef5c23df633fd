"""C2SP signed notes (c2sp.org/signed-note), checkpoints (c2sp.org/tlog-checkpoint) and keys.

Signatures are Ed25519 (RFC 8032). Keys are written as Go's sumdb/note writes them, so that
other tools read them: `NAME+ID+KEY` to verify, `PRIVATE+KEY+NAME+ID+SEED` to sign.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from engine.log import LogFault
from engine.log.tree import SIZE

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_ED25519 = b"\x01"
_KEY_BYTES = 32
_MOST_SIGNATURES = 100
_DASH = "\u2014 "
_PRIVATE = "PRIVATE+KEY+"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZE_TEXT = re.compile(r"0|[1-9][0-9]{0,17}")


class NoteFault(LogFault):
    """A note, checkpoint or key that is malformed, or not signed by the key it must be."""


def base64_text(data: bytes) -> str:
    """Standard base64 (RFC 4648, section 4)."""
    return b64encode(data).decode("ascii")


def base64_bytes(text: str, what: str) -> bytes:
    """The bytes of standard base64, refusing every other spelling of them.

    Raises: NoteFault, which says `what` is malformed.
    """
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise NoteFault(f"{what} is not base64") from None
    if base64_text(data) != text:
        raise NoteFault(f"{what} is not base64 as it should be written")
    return data


def check_name(name: str) -> None:
    """Refuse what may not name a key or a log. Raises: NoteFault."""
    if not name or "+" in name or not name.isprintable() or any(c.isspace() for c in name):
        raise NoteFault("a log's name must have no space, no `+` and no control character")
    if len(name.encode()) > 200:
        raise NoteFault("a log's name must have at most 200 bytes")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A name and the public key that signs under it."""

    name: str
    public: bytes

    @classmethod
    def read(cls, text: str) -> Verifier:
        """The key in `NAME+ID+KEY`. Raises: NoteFault."""
        name, key_id, key = _key_parts(text, "the public key")
        verifier = cls(name, key)
        if verifier.key_id != key_id:
            raise NoteFault("the public key does not have the id that it states")
        return verifier

    @property
    def key_id(self) -> bytes:
        """The four bytes by which signatures say which key made them."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def text(self) -> str:
        """The key as `NAME+ID+KEY`."""
        return f"{self.name}+{self.key_id.hex()}+{base64_text(_ED25519 + self.public)}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made `signature` over `message`."""
        from cryptography.exceptions import InvalidSignature

        try:
            _public_key(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A name and the private key (its 32-byte seed) that signs under it."""

    name: str
    seed: bytes = field(repr=False)

    @classmethod
    def new(cls, name: str) -> Signer:
        """A fresh key from the system's random numbers. Raises: NoteFault for a bad name."""
        check_name(name)
        return cls(name, secrets.token_bytes(_KEY_BYTES))

    @classmethod
    def read(cls, text: str) -> Signer:
        """The key in `PRIVATE+KEY+NAME+ID+SEED`. Raises: NoteFault."""
        if not text.startswith(_PRIVATE):
            raise NoteFault("this is not a private key of a log")
        name, key_id, seed = _key_parts(text.removeprefix(_PRIVATE), "the private key")
        signer = cls(name, seed)
        if signer.verifier().key_id != key_id:
            raise NoteFault("the private key does not have the id that it states")
        return signer

    def text(self) -> str:
        """The key as `PRIVATE+KEY+NAME+ID+SEED`: keep it secret."""
        key_id = self.verifier().key_id.hex()
        return f"{_PRIVATE}{self.name}+{key_id}+{base64_text(_ED25519 + self.seed)}"

    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, _private_key(self.seed).public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`, 64 bytes."""
        return _private_key(self.seed).sign(message)


def _key_parts(text: str, what: str) -> tuple[str, bytes, bytes]:
    """The name, id and 32 bytes of a written key. Raises: NoteFault."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not re.fullmatch(r"[0-9a-f]{8}", parts[1]):
        raise NoteFault(f"{what} is not of the form NAME+ID+KEY")
    check_name(parts[0])
    key = base64_bytes(parts[2], what)
    if len(key) != 1 + _KEY_BYTES or key[:1] != _ED25519:
        raise NoteFault(f"{what} is not an Ed25519 key")
    return parts[0], bytes.fromhex(parts[1]), key[1:]


@lru_cache(maxsize=16)
def _public_key(public: bytes) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(public)


@lru_cache(maxsize=16)
def _private_key(seed: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)


# --- notes ----------------------------------------------------------------------------


def sign_note(text: str, signer: Signer) -> str:
    """The text with its signature. Raises: NoteFault if a note cannot hold it."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteFault("a note's text must end with a newline and have no control characters")
    signature = signer.verifier().key_id + signer.sign(text.encode())
    return f"{text}\n{_DASH}{signer.name} {base64_text(signature)}\n"


def open_note(note: str, verifier: Verifier) -> str:
    """The text of a note signed by `verifier`'s key; signatures of other keys are passed over.

    Raises: NoteFault if the note is malformed or that key did not sign it.
    """
    text, signatures = _note_parts(note)
    signed = False
    for name, signature in signatures:
        if name == verifier.name and signature[:4] == verifier.key_id:
            if not verifier.verifies(signature[4:], text.encode()):
                raise NoteFault(f"the signature of `{verifier.name}` is false")
            signed = True
    if not signed:
        raise NoteFault(f"the note is not signed by the key of `{verifier.name}`")
    return text


def _note_parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text, and the name and bytes of each signature. Raises: NoteFault."""
    if _CONTROL.search(note):
        raise NoteFault("the note has control characters")
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise NoteFault("the note has no signatures")
    signatures = []
    for line in lines[:-1].split("\n"):
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not space:
            raise NoteFault("the note has a malformed signature line")
        check_name(name)
        signature = base64_bytes(encoded, "a signature of the note")
        if len(signature) < 5:
            raise NoteFault("the note has a signature that is too short")
        signatures.append((name, signature))
        if len(signatures) > _MOST_SIGNATURES:
            raise NoteFault(f"the note has more than {_MOST_SIGNATURES} signatures")
    return text + "\n", signatures


def note_digest(note: str) -> str:
    """`sha256:` and the SHA-256 of a note, its signatures included."""
    return "sha256:" + sha256(note.encode()).hexdigest()


# --- checkpoints ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: its name (origin), how many entries it has, and its tree's root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64_text(self.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> str:
    """The checkpoint as a signed note."""
    return sign_note(checkpoint.text(), signer)


def read_checkpoint(note: str) -> Checkpoint:
    """The checkpoint in a note, whoever signed it: not to be relied on as it is.

    Raises: NoteFault if the note holds none.
    """
    lines = _note_parts(note)[0].split("\n")
    if len(lines) != 4 or not lines[0] or not _SIZE_TEXT.fullmatch(lines[1]):
        raise NoteFault("the note is not a checkpoint")
    root = base64_bytes(lines[2], "the root of the checkpoint")
    if len(root) != SIZE:
        raise NoteFault("the root of the checkpoint is not a SHA-256 hash")
    return Checkpoint(lines[0], int(lines[1]), root)


def open_checkpoint(note: str, verifier: Verifier) -> Checkpoint:
    """The checkpoint in a note, signed by the log's key. Raises: NoteFault."""
    open_note(note, verifier)
    checkpoint = read_checkpoint(note)
    if checkpoint.origin != verifier.name:
        raise NoteFault(f"the checkpoint is of another log than `{verifier.name}`")
    return checkpoint
