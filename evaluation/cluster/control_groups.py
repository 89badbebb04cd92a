"""
A control group for each process that is to be cut off alone: new sockets are known by it.

A socket belongs for good to the group that its process was in when it was made, so those that a
process has already are told by their ports.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

# Within `ip netns exec` /sys is mounted anew, without the groups that nft has to look at.
RULE = """\
mount -t cgroup2 none /sys/fs/cgroup &&
nft 'add rule inet cluster run socket cgroupv2 level 1 "{name}" drop'
"""


def root() -> Path | None:
    """Return where groups of the second version are mounted, None where they are not."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            return Path(where)
    return None


def join(name: str, pid: int) -> None:
    """Let a process be in a group, which is made if need be."""
    top = root()
    if top is None:
        raise NotImplementedError("no process can be told from others here: no cgroup2 is mounted")
    (top / name).mkdir(exist_ok=True)
    (top / name / "cgroup.procs").write_text(f"{pid}\n")


def dissolve(name: str) -> None:
    """Let all of a group be where everybody is, and remove it."""
    top = root()
    if top is None or not (top / name).exists():
        return
    for pid in (top / name / "cgroup.procs").read_text().split():
        with suppress(OSError):  # it may have ended
            (top / "cgroup.procs").write_text(f"{pid}\n")
    with suppress(OSError):  # what is about to end is in it for a moment longer
        (top / name).rmdir()
