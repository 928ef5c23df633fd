"""The list of a pack's files, as a log keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from engine.log.entry import DIGEST, EntryFault


def pack_manifest(pack: Mapping[str, bytes]) -> bytes:
    """How a log keeps a pack: a line for each file, its path and the SHA-256 of its bytes.

    The digest of these lines is the digest by which decisions name the pack.
    """
    lines = (f"{path} {sha256(pack[path]).hexdigest()}\n" for path in sorted(pack))
    return "".join(lines).encode()


def read_manifest(manifest: bytes) -> dict[str, str]:
    """By path, the digest of each file of a pack, as entries write digests.

    Raises: EntryFault if these bytes are no manifest.
    """
    files = {}
    for line in manifest.decode("utf-8", "replace").split("\n")[:-1]:
        path, _, digest = line.rpartition(" ")
        files[path] = f"sha256:{digest}"
        inside = not {"", ".", ".."} & set(path.split("/")) and "\\" not in path
        if not inside or not DIGEST.fullmatch(files[path]):
            raise EntryFault("the list of a pack's files is malformed")
    return files
