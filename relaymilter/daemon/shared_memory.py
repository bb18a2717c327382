"""Memory that the parent and all workers share, those of after a reload, too; it ends with the parent."""

import fcntl
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedMemory:
    """Octets, zero at first; made before workers are forked, who then write to the same ones."""

    def __init__(self, size: int) -> None:
        self.octets = memoryview(mmap.mmap(-1, size))
        self._file = os.memfd_create("relaymilter")
        self._threads = threading.Lock()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within, no other thread and no other process is; of one that dies the kernel gives the lock up."""
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
