"""A git repository with rules of its own, and the made-up week that they are tried on."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from cct_ops.replay.rules import RuleFiles
from tests.conftest import ROOT

WEEK = ROOT / "evaluation" / "history" / "week.jsonl"
_WHO = ("-c", "user.name=A person", "-c", "user.email=person@example.com")


class Repo:
    """The repository; its rules are those that are shipped until a test edits them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        self.rules = root / "deployments"
        if not self.rules.exists():
            self.rules.mkdir()
            for name in ("routes.yaml", "policy.yaml"):
                shutil.copy(ROOT / "deployments" / name, self.rules)
        shutil.copy(ROOT / "evaluation" / "history" / "sources.yaml", self.rules)
        self.git("init", "--quiet")

    @property
    def files(self) -> RuleFiles:
        """Where its rules are."""
        return RuleFiles(*(self.rules / f"{name}.yaml" for name in ("sources", "routes", "policy")))

    def git(self, *words: str) -> None:
        """Run git in it."""
        subprocess.run(["git", "-C", str(self.root), *_WHO, *words], check=True)

    def commit(self) -> None:
        """Commit all that there is."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-gpg-sign", "--message", "As it is")

    def edit(self, name: str, old: str, new: str) -> None:
        """Change one of the rules."""
        path = self.rules / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
