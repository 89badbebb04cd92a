"""``cct-ops new``: what is written from templates."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from cct_ops.commands.options import Json

app = App(name="new", help="Write something new from templates: a playbook.")


@app.command
def playbook(
    name: Annotated[str, Parameter(help="Its deployment's name, such as cache-warming.")],
    *,
    probe: Annotated[
        str | None,
        Parameter(help="A new endpoint that it reads, such as cache/status, of a new family."),
    ] = None,
    action: Annotated[
        str | None,
        Parameter(help="A new endpoint by which it changes CCT, such as cache/warm; with a probe."),
    ] = None,
    when: Annotated[
        str | None, Parameter(help="When it is needed, in a few words: a cache is cold.")
    ] = None,
    as_json: Json = False,
) -> int:
    """
    Write a playbook that works: flow, diagnosis, deployment, policy, route, page, scenario, tests.

    With a probe it has a model and a family of the sandbox as well, and with an action its class
    and its task. Without, it looks at the canary of a page and opens an issue. What it makes passes
    `make check` and its tests at once; what is left to fill in is listed.
    """
    from pathlib import Path

    from cct_ops.scaffold.names import Endpoint, Names
    from cct_ops.scaffold.playbook import make
    from cct_ops.stack.config import project_of

    names = Names(
        name=name,
        probe=Endpoint(probe) if probe is not None else None,
        action=Endpoint(action) if action is not None else None,
        when=when if when is not None else f"{name.replace('-', ' ')} needs attention",
    )
    made = make(project_of(Path.cwd()), names)
    if as_json:
        print(made.model_dump_json(indent=2))
        return 0
    print(f"{made.playbook} is written, and passes as it is:")
    print("\n".join(f"  {path}" for path in made.written))
    print("It was added to:")
    print("\n".join(f"  {path}" for path in made.changed))
    print("Left to you:")
    print("\n".join(f"  {each.path}: {each.what}" for each in made.to_fill))
    print(f"Then: make check, make test ARGS=tests/flows/test_{names.snake}.py")
    return 0
