"""Reading a runbook: everything that it asks somebody to do is an item, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cct_ops.coverage.runbook import read
from cct_ops.errors import BadConfiguration

RUNBOOK = """
# Playbooks

1. [Contents](#contents)

## Failures ##

- an ordinary bullet
1. **Slow**: it takes long

```bash
# Look
gh run list \\
  --limit=10

curl -d '{
  "a": 1
}' "$URL" | jq
for i in {1..3}; do
  curl "$URL"   # not a comment of its own
done | grep -c "429"
# Look at the dashboard
# at https://grafana.example.com

git log
# Edit the workflow
```

**Option A: Mend it**

- [ ] Write it down
- [x] Tell people

```json
{"not": "a command"}
```

## More

~~~
git log
~~~
"""


def test_a_runbook_is_its_commands_instructions_options_checkboxes_and_points(
    tmp_path: Path,
) -> None:
    (tmp_path / "runbook.md").write_text(RUNBOOK)

    items = read(tmp_path / "runbook.md")

    assert [(item.section, item.kind.value, item.text) for item in items] == [
        ("Failures", "point", "Slow"),
        ("Failures", "command", "gh run list --limit=10"),
        ("Failures", "command", """curl -d '{ "a": 1 }' "$URL" | jq"""),
        (
            "Failures",
            "command",
            'for i in {1..3}; do curl "$URL" # not a comment of its own done | grep -c "429"',
        ),
        (
            "Failures",
            "instruction",
            "Look at the dashboard / at https://grafana.example.com",
        ),
        ("Failures", "command", "git log"),
        ("Failures", "instruction", "Edit the workflow"),
        ("Failures", "option", "Option A: Mend it"),
        ("Failures", "checkbox", "Write it down"),
        ("Failures", "checkbox", "Tell people"),
        ("More", "command", "git log"),
    ]
    assert items[1].line == 13


@pytest.mark.parametrize("content", [b"", b"# Only words\n", b"\xff"])
def test_what_is_no_runbook_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "runbook.md").write_bytes(content)

    with pytest.raises(BadConfiguration, match=r"runbook\.md: "):
        read(tmp_path / "runbook.md")
