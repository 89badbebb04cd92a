"""
The senders and their keys as they are now: read again whenever one of the files changes.

A change that is not valid is refused as a whole and said in the log, and what was valid before goes
on: a slip while a key is being replaced must not shut the door.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from cct_ops.config import yaml_files
from cct_ops.config.sources import Sources
from cct_ops.errors import BadConfiguration
from cct_ops.gateway.senders.keys import Keys, read_keys, shared

LOOK_SECONDS = 1.0

log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int] | None


@dataclass(frozen=True)
class Admission:
    """The senders that are let in, with their keys: one file's content, never a mixture of two."""

    sources: Sources
    keys: Keys


class Registry:
    """Holds the current admission, and follows the files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamps = {path: _stamp(path)}
        self._refused = ""  # why the newest content does not count
        self.current = self._read()

    def run(self, stopping: threading.Event) -> None:
        """Follow the files until ``stopping`` is set."""
        while not stopping.wait(LOOK_SECONDS):
            self.refresh()

    def refresh(self) -> bool:
        """
        Read anew if a file changed; returns True if new content is in force.

        What was refused is tried again and again: it may lack a file that nobody watches yet.
        """
        stamps = {path: _stamp(path) for path in self._stamps}
        if stamps == self._stamps and not self._refused:
            return False
        # Remembered before reading: what changes meanwhile is read again at the next look.
        self._stamps = stamps
        try:
            self.current = self._read()
        except BadConfiguration as error:
            if str(error) != self._refused:
                log.error("the sources stay as they were: %s", error)  # noqa: TRY400 -- an answer
            self._refused = str(error)
            return False
        self._refused = ""
        log.info("the sources were read anew")
        return True

    def _read(self) -> Admission:
        sources = yaml_files.load(self._path, Sources)
        files = {
            reference.file
            for source in sources.sources.values()
            for reference in source.keys
            if reference.file is not None
        }
        stamps = {path: _stamp(path) for path in files}
        admission = Admission(sources, read_keys(self._path, sources))
        for names in shared(admission.keys):
            log.warning("%s have the same key: each can pose as the other", " and ".join(names))
        for name, doubt in sources.doubts().items():
            log.warning("%s: %s", yaml_files.place(self._path, "sources", name), doubt)
        self._stamps = {self._path: self._stamps[self._path], **stamps}
        return admission


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
