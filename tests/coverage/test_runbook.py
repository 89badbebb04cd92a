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
        ("Failures", "instruction", "Look at the dashboard / at https://grafana.example.com"),
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


WAYS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "another language": ("```sql\nDROP TABLE x;\n```", [("code", "DROP TABLE x;")]),
    "no language that is known": ("```\ndrop x\n```", [("command", "drop x")]),
    "words after the language": ('```bash title="x"\nrm x\n```', [("command", "rm x")]),
    "attributes": ("``` {.bash .copy}\nrm x\n```", [("command", "rm x")]),
    "a language with options": ("```sh,ignore\nrm x\n```", [("command", "rm x")]),
    "tildes": ("~~~~ python\nexit()\n~~~~", [("code", "exit()")]),
    "a fence that is never closed": ("```bash\nrm x\n", [("command", "rm x")]),
    "a fence indented by a tab": ("\t```bash\n\trm x\n\t```", [("command", "rm x")]),
    "a fence indented by spaces": ("   ```bash\n   rm x\n   ```", [("command", "rm x")]),
    "indented code": ("Then\n\n    rm x\n    rm y\n", [("command", "rm x"), ("command", "rm y")]),
    "a quoted fence": ("> ```bash\n> rm x\n> ```", [("command", "rm x")]),
    "a fence in a list": ("- first\n\n  ```bash\n  rm x\n  ```", [("command", "rm x")]),
    "a plus box": ("+ [ ] tell `x` people", [("checkbox", "tell `x` people")]),
    "a star box": ("* [X] tell people", [("checkbox", "tell people")]),
    "a numbered box": ("1) [ ] tell people", [("checkbox", "tell people")]),
    "a nested box": ("- a\n  - [ ] tell\n    more", [("checkbox", "tell more")]),
    "a quoted box": ("> - [ ] tell people", [("checkbox", "tell people")]),
    "a numbered step": ("1. Restart `x`\n2) Wait", [("point", "Restart `x`"), ("point", "Wait")]),
    "a bold step": ("1. **Restart**: use `r x`", [("point", "Restart"), ("code", "r x")]),
    "a nested step": ("- a\n  1. Restart\n", [("point", "Restart")]),
    "a step as a heading": ("#### 4. Restart", [("point", "4. Restart")]),
    "a step as a bold line": ("**Step 4: Restart**", [("point", "Step 4: Restart")]),
    "an option as a heading": ("#### Option D: Restart", [("option", "Option D: Restart")]),
    "an option underlined": ("Option D\n======", [("option", "Option D")]),
    "an option in another bold": ("__Option D__", [("option", "Option D")]),
    "an option in plain words": ("Option D: restart it", [("option", "Option D: restart it")]),
    "an option in a bullet": ("- **Option D**", [("option", "Option D")]),
    "code in a sentence": ("Run `rm x`, then ``r `y` ``.", [("code", "rm x"), ("code", "r `y`")]),
    "code in a bullet": ("- run `rm x`", [("code", "rm x")]),
    "code in a heading": ("### Then `rm x`", [("code", "rm x")]),
    "a table": ("|a|b|\n|-|-|\n|1|`rm x`|\n|2|rm y|", [("row", "1 | `rm x`"), ("row", "2 | rm y")]),
    "HTML": ("<div>\nrm x\n</div>", [("html", "<div> rm x </div>")]),
    "HTML in a sentence": ("Run <code>rm x</code>.", [("html", "Run <code>rm x</code>.")]),
    "an HTML box": ("<input type=checkbox> x", [("html", "<input type=checkbox> x")]),
    "words behind a comment": ("<!-- a --> rm x", [("html", "rm x")]),
    "a backslash and an empty line": ("```bash\nrm x \\\n\n```", [("command", "rm x")]),
    "a backslash alone": ("```bash\n\\\n\nrm x\n```", [("command", "rm x")]),
    "a backslash at the end": ("```bash\nrm x \\\n```", [("command", "rm x \\")]),
    "a quote that stays open": ("```bash\necho it's\nrm x\n```", [("command", "echo it's rm x")]),
    "a loop that stays open": (
        "```bash\nfor x in y; do\nrm x\n```",
        [("command", "for x in y; do rm x")],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_step_is_found_however_it_is_written(tmp_path: Path, way: str) -> None:
    written, found = WAYS[way]
    (tmp_path / "runbook.md").write_text(f"## Failures\n\n- [ ] last\n\n---\n\n{written}\n")

    items = [item for item in read(tmp_path / "runbook.md") if item.text != "last"]

    assert [(item.kind.value, item.text) for item in items] == found
    assert {item.section for item in items} == {"Failures"}


@pytest.mark.parametrize(
    "written",
    [
        "Words, *more* words, a [link](https://example.com) and ![a picture](x.png).",
        "- an ordinary bullet\n- **Slow**: it takes long",
        "### A heading",
        "<!-- nobody sees this -->",
        "<details>\n<summary></summary>",
        '```json\n{"not": "a command"}\n```',
        "1. [Contents](#contents)\n2. **[More](#more)**",
        "---",
    ],
)
def test_sentences_bullets_data_and_contents_ask_for_nothing(tmp_path: Path, written: str) -> None:
    (tmp_path / "runbook.md").write_text(f"## Failures\n\n{written}\n\n- [ ] last\n")

    assert [item.text for item in read(tmp_path / "runbook.md")] == ["last"]


def test_each_item_has_the_line_on_which_it_stands(tmp_path: Path) -> None:
    text = "## A\n\n> ```bash\n> rm x\n> # Look\n> ```\n\n|a|\n|-|\n|1|\n\n1. Go\n\n       rm y\n"
    (tmp_path / "runbook.md").write_text(text)

    lines = {item.text: item.line for item in read(tmp_path / "runbook.md")}

    assert lines == {"rm x": 4, "Look": 5, "1": 10, "Go": 12, "rm y": 14}


def test_a_section_begins_only_where_the_document_says_so(tmp_path: Path) -> None:
    """Not within a quotation, a list or a block of code."""
    text = "## A\n\n> ## B\n\n- ## C\n\n```bash\n## D\n\ngit log\n```\n\nE\n-\n\n- [ ] last\n"
    (tmp_path / "runbook.md").write_text(text)

    assert {i.text: i.section for i in read(tmp_path / "runbook.md")} == {
        "D": "A",
        "git log": "A",
        "last": "E",
    }


@pytest.mark.parametrize("levels", [30, 5000])
def test_what_is_nested_deeply_is_found_or_the_runbook_is_refused(
    tmp_path: Path, levels: int
) -> None:
    (tmp_path / "runbook.md").write_text(f"- [ ] first\n\n{'>' * levels} - [ ] last\n")

    try:
        found = [item.text for item in read(tmp_path / "runbook.md")]
    except BadConfiguration as error:
        found = [str(error).rpartition(": ")[2]]

    assert found == (["first", "last"] if levels == 30 else ["is nested too deeply to be read."])
