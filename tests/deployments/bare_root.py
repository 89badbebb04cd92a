"""
The image without Docker: the Dockerfile's steps, carried out in bare roots of the same Debian.

A stage begins with what `mmdebstrap` makes of the release that its base image has. RUN is run
there under chroot, with processes and mounts of its own; COPY copies what the ignore file lets
through. What this cannot tell: whether the base image has more or less than Debian's minimum.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.deployments import dockerfile
from tests.deployments.dockerfile import Step
from tests.deployments.ignore_file import IgnoreFile

NEEDED = ("mmdebstrap", "unshare", "setpriv")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CA = "/run/certificates-of-this-machine"
# What this machine trusts: its package registries may be mirrors of its own.
_TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass
class Stage:
    """A root, and what the steps so far have set for those that come."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    folder: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def inside(self, path: str) -> Path:
        """Return where a path of the stage is on this machine."""
        return self.root / Path(self.folder, path).relative_to("/")

    def argv(
        self,
        words: Sequence[str],
        *,
        binds: Mapping[str, Path] | None = None,
        read_only: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Return the command line that runs the words in the root, as the stage's user."""
        uid, gid = self.user.split(":")
        mounts = [f"mount --bind {self.root} {self.root}"]
        if read_only:
            mounts.append(f"mount -o remount,bind,ro {self.root}")
        mounts += [f"mount --bind {source} {self.root}{to}" for to, source in (binds or {}).items()]
        mounts += [
            f"cd {self.root}",
            "mount -t proc none proc",
            "mount -t tmpfs -o mode=1777 none tmp",
            "mount -t tmpfs none dev",
            "mkdir -m 1777 dev/shm",
            *(
                f"touch dev/{name} && mount --bind /dev/{name} dev/{name}"
                for name in ("null", "zero", "full", "random", "urandom")
            ),
        ]
        inner = f'cd "{self.folder}" && exec "$@"'
        chroot = ["chroot", str(self.root), "/bin/sh", "-c", inner, "in-the-root"]
        rights = ["/usr/bin/setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
        rights += ["--no-new-privs", "--bounding-set=-all"] if uid != "0" else []
        variables = [f"{name}={value}" for name, value in {**self.env, **(env or {})}.items()]
        return [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"),
            *("/bin/sh", "-ec", " && ".join(mounts) + ' && exec "$@"', "mounted"),
            *chroot,
            *("/usr/bin/env", "-i", *variables, *rights, *words),
        ]


class Builder:
    """Carries out a Dockerfile whose paths begin at ``context``."""

    def __init__(self, context: Path, ignored: Path, workspace: Path) -> None:
        self._context, self._workspace = context, workspace
        self._ignored = IgnoreFile.read(ignored)
        self._stages: dict[str, Stage] = {}
        self._bare: Path | None = None

    def build(self, path: Path) -> Stage:
        """Return the last stage, which is the image."""
        arguments = {
            name: value
            for step in dockerfile.steps(path)
            if step.name == "ARG"
            for name, _, value in [step.text.partition("=")]
        }
        stage = None
        for steps in dockerfile.stages(path):
            image, *name = dockerfile.filled_in(steps[0].text, arguments).split(" AS ")
            stage = Stage(self._root_of(image, f"stage-{len(self._stages)}"))
            self._stages[name[0] if name else str(len(self._stages))] = stage
            for step in steps[1:]:
                self._carry_out(stage, step)
        assert stage is not None
        return stage

    def _root_of(self, image: str, name: str) -> Path:
        """Make a bare root of the release that the image's tag names."""
        found = re.fullmatch(r"debian:(\w+)-\d{8}-slim", image)
        assert found, f"FROM {image}: only Debian's own images of a day can be stood in for"
        if self._bare is None:
            self._bare = self._workspace / "bare"
            _run(["mmdebstrap", "--quiet", "--variant=minbase", found[1], str(self._bare)])
        root = self._workspace / name
        _run(["cp", "--archive", "--reflink=auto", str(self._bare), str(root)])
        return root

    def _carry_out(self, stage: Stage, step: Step) -> None:
        match step.name:
            case "RUN":
                words = step.words if step.is_exec else ["/bin/sh", "-c", step.text]
                self._run_in(stage, words)
            case "COPY":
                self._copy(stage, step.words)
            case "ENV":
                before = dict(stage.env)  # one ENV does not see what it sets itself
                for name, value in dockerfile.pairs(step):
                    stage.env[name] = dockerfile.filled_in(value, before)
            case "WORKDIR":
                stage.folder = step.text
                (stage.root / step.text.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                stage.user = step.text
            case "ENTRYPOINT":
                stage.entrypoint = step.words
            case "CMD":
                stage.command = step.words
            case "LABEL" | "STOPSIGNAL" | "HEALTHCHECK":
                pass  # nothing in the root is made by them
            case _:
                raise AssertionError(f"{step.name}: no step like it was carried out so far")

    def _run_in(self, stage: Stage, words: list[str]) -> None:
        binds = {"/etc/resolv.conf": Path("/etc/resolv.conf"), _CA: _TRUSTED}
        for place in binds:
            (stage.root / place.lstrip("/")).touch()
        env = {"PIP_CERT": _CA, "PIP_DEFAULT_TIMEOUT": "120", "DEBIAN_FRONTEND": "noninteractive"}
        _run(stage.argv(words, binds=binds, env=env))
        (stage.root / _CA.lstrip("/")).unlink()

    def _copy(self, stage: Stage, words: list[str]) -> None:
        if words[0].startswith("--from="):
            built, source, to = words
            origin = self._stages[built.removeprefix("--from=")].root / source.lstrip("/")
            goal = stage.inside(to)
            goal.parent.mkdir(parents=True, exist_ok=True)
            _run(["cp", "--archive", "--no-target-directory", str(origin), str(goal)])
            return
        *names, to = words
        for name in names:
            assert not self._ignored.has(name), f"COPY {name}: the ignore file keeps it back"
            origin = self._context / name
            goal = stage.inside(to) / origin.name if to.endswith("/") else stage.inside(to)
            if origin.is_file():
                shutil.copy2(origin, goal)
            else:
                left_out = self._ignored.beneath(self._context)
                shutil.copytree(origin, goal, ignore=left_out, dirs_exist_ok=True)
            _run(["chown", "--recursive", "0:0", str(goal)])


def _run(command: Sequence[str]) -> None:
    ended = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert ended.returncode == 0, f"{command[-1]!r} did not work:\n{ended.stdout[-8000:]}"
