"""Files that zstd has packed, by the package zstandard."""

import io
from typing import IO

import zstandard

_READ = 1 << 17
"""Octets of a packed file that are read at once."""


class Unpacked(io.RawIOBase):
    """What is in such a file, of all its frames. Reading raises EOFError where it is damaged, or ends too soon."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = b""
        self._ready = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """As RawIOBase has it."""
        while not self._ready and self._more():
            pass
        taken = self._ready[: len(buffer)]
        self._ready = self._ready[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def _more(self) -> bool:
        """Unpack a further piece; whether there was any."""
        self._packed = self._packed or self._stream.read(_READ)
        if not self._packed:
            if self._frame is not None:
                raise EOFError("it ends too soon")
            return False
        self._frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
        try:
            self._ready = self._frame.decompress(self._packed)
        except zstandard.ZstdError as error:
            raise EOFError(str(error)) from None
        self._packed = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = None
        return True
