"""Checksum of a stored binary: the CRC-32 of what follows it, in 4 bytes."""

from zlib import crc32

CRC_BYTES = 4


def with_checksum(content: bytes) -> bytes:
    """Return the content after its checksum."""
    return crc32(content).to_bytes(CRC_BYTES) + content


def without_checksum(stored: bytes) -> bytes:
    """Return the content without its checksum.

    Raises:
        ValueError: it is not what was stored.
    """
    checksum, content = stored[:CRC_BYTES], stored[CRC_BYTES:]
    if crc32(content).to_bytes(CRC_BYTES) != checksum:
        raise ValueError("its bytes are not those that were stored")
    return content
