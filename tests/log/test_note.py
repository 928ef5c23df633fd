"""Keys, signed notes and checkpoints against RFC 8032, C2SP and Go's own example."""

from __future__ import annotations

import pytest

from engine.log.note import (
    Checkpoint,
    NoteFault,
    Signer,
    Verifier,
    base64_bytes,
    base64_text,
    open_checkpoint,
    open_note,
    sign_checkpoint,
    sign_note,
)

# RFC 8032, section 7.1: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
        "f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
        "4dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
# The documentation of golang.org/x/mod/sumdb/note.
GO_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NOTE = (
    GO_TEXT + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"
    "SNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
GO_SECOND = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWL"
    "ox33WWd1RvMc+QQ=\n"
)
# c2sp.org/signed-note.
SPEC_VERIFIER = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi"
    "2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
LOG = Signer("example.org/site-1", bytes(range(32)))
ROOT = bytes(range(100, 132))


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_ed25519(seed: str, public: str, message: str, signature: str) -> None:
    signer = Signer("n", bytes.fromhex(seed))
    verifier = signer.verifier()
    assert verifier.public.hex() == public
    assert signer.sign(bytes.fromhex(message)).hex() == signature
    assert verifier.verifies(bytes.fromhex(signature), bytes.fromhex(message))
    assert not verifier.verifies(bytes.fromhex(signature), bytes.fromhex(message) + b"x")


def test_a_signature_has_one_form() -> None:
    """Adding the group's order to S gives the same point: RFC 8032 says to refuse it."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = LOG.sign(b"x")
    larger = int.from_bytes(signature[32:], "little") + order
    again = signature[:32] + larger.to_bytes(32, "little")
    assert LOG.verifier().verifies(signature, b"x")
    assert not LOG.verifier().verifies(again, b"x")
    assert not LOG.verifier().verifies(signature[:63], b"x")
    assert not LOG.verifier().verifies(signature + b"\0", b"x")
    assert not LOG.verifier().verifies(b"", b"x")


def test_the_notes_of_go() -> None:
    signer = Signer.read(GO_SIGNER)
    assert signer.text() == GO_SIGNER
    assert signer.verifier().text() == GO_VERIFIER
    assert sign_note(GO_TEXT, signer) == GO_NOTE
    assert open_note(GO_NOTE, Verifier.read(GO_VERIFIER)) == GO_TEXT
    assert open_note(GO_NOTE + GO_SECOND, Verifier.read(GO_VERIFIER)) == GO_TEXT


def test_the_note_of_the_specification() -> None:
    verifier = Verifier.read(SPEC_VERIFIER)
    assert verifier.text() == SPEC_VERIFIER
    assert open_note(SPEC_NOTE, verifier) == "This is an example message.\n"


def test_a_private_key_is_not_shown() -> None:
    assert "seed" not in repr(LOG)
    assert Signer.new("a").seed != Signer.new("a").seed


@pytest.mark.parametrize("text", [GO_VERIFIER, GO_SIGNER])
def test_a_key_with_any_bit_flipped_is_refused(text: str) -> None:
    """Of the name, its id vouches; of the public key it vouches too."""
    read = Signer.read if text == GO_SIGNER else Verifier.read
    data = text.encode()
    for bit in range(8 * len(data)):
        bent = bytearray(data)
        bent[bit // 8] ^= 1 << bit % 8
        with pytest.raises((NoteFault, UnicodeDecodeError)):
            read(bent.decode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+c74f20a3",
        "name+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AR==",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
    ],
)
def test_a_malformed_key_is_refused(text: str) -> None:
    with pytest.raises(NoteFault):
        Verifier.read(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x7fb", "é" * 101])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(NoteFault):
        Signer.new(name)


@pytest.mark.parametrize("text", ["", "no end", "tab\there\n", "cr\r\n", "nul\0\n"])
def test_a_text_that_no_note_can_hold_is_refused(text: str) -> None:
    with pytest.raises(NoteFault):
        sign_note(text, LOG)


def test_a_text_may_have_empty_lines() -> None:
    text = "a\n\n— b c\n\n"
    assert open_note(sign_note(text, LOG), LOG.verifier()) == text


@pytest.mark.parametrize(
    "note",
    [
        "",
        GO_TEXT,
        GO_TEXT + "\n",
        GO_NOTE[:-1],
        GO_NOTE + "\n",
        GO_NOTE.replace("—", "-"),
        GO_NOTE.replace("— ", "—"),
        GO_NOTE.replace("PeterNeumann ", "PeterNeumann  "),
        GO_NOTE.replace("PeterNeumann", "Peter+Neumann"),
        GO_NOTE.replace("AM=", "AN="),
        GO_NOTE.replace("\n", "\r\n"),
        GO_TEXT + "\n— PeterNeumann x08goA==\n",
        GO_TEXT + "\n" + GO_NOTE.removeprefix(GO_TEXT + "\n") * 101,
        GO_TEXT + "\n" + GO_SECOND,
    ],
)
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(NoteFault):
        open_note(note, Verifier.read(GO_VERIFIER))


def test_one_false_signature_of_a_known_key_refuses_the_note() -> None:
    signer = Signer.read(GO_SIGNER)
    false = sign_note("else\n", signer).removeprefix("else\n\n")
    for note in (GO_NOTE + false, GO_TEXT + "\n" + false + GO_NOTE.removeprefix(GO_TEXT + "\n")):
        with pytest.raises(NoteFault, match="is false"):
            open_note(note, signer.verifier())


def test_a_checkpoint_is_read_back() -> None:
    for size in (0, 1, 20852163):
        checkpoint = Checkpoint(LOG.name, size, ROOT)
        note = sign_checkpoint(checkpoint, LOG)
        assert note.startswith(f"example.org/site-1\n{size}\nZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1")
        assert open_checkpoint(note, LOG.verifier()) == checkpoint


def test_a_checkpoint_with_any_bit_flipped_is_refused() -> None:
    note = sign_checkpoint(Checkpoint(LOG.name, 20852163, ROOT), LOG).encode()
    verifier = LOG.verifier()
    for bit in range(8 * len(note)):
        bent = bytearray(note)
        bent[bit // 8] ^= 1 << bit % 8
        try:
            text = bent.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(NoteFault):
            open_checkpoint(text, verifier)


@pytest.mark.parametrize(
    "text",
    [
        "example.org/site-1\n01\n" + base64_text(ROOT) + "\n",
        "example.org/site-1\n-1\n" + base64_text(ROOT) + "\n",
        "example.org/site-1\n1\n" + base64_text(ROOT[1:]) + "\n",
        "example.org/site-1\n1\n" + base64_text(ROOT) + "\nextension\n",
        "example.org/site-1\n1\n",
        "example.org/site-2\n1\n" + base64_text(ROOT) + "\n",
    ],
)
def test_what_is_signed_but_no_checkpoint_of_this_log_is_refused(text: str) -> None:
    with pytest.raises(NoteFault):
        open_checkpoint(sign_note(text, LOG), LOG.verifier())


@pytest.mark.parametrize("text", ["QQ", "QQ=", "QR==", "QQ==\n", "Q Q==", "QQ==QQ==", "_-=="])
def test_base64_has_one_spelling(text: str) -> None:
    assert base64_bytes("QQ==", "it") == b"A"
    with pytest.raises(NoteFault):
        base64_bytes(text, "it")
