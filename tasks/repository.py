"""Actions on CCT's repository at GitHub, and what shows that each took effect."""

from __future__ import annotations

from cct_ops.clients.github import GitHubReader
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call
from tasks.carry_out import Look, Sighting, System, action, carry_out
from tasks.connections import github_operator, github_reader

GITHUB = System("GitHub", github_reader, github_operator, one_request=False)
LATEST_RUNS = 20


@action
def propose_change(
    permit: Permit, path: str, patch: str, base_sha: str, branch: str, title: str
) -> None:
    """
    Open a pull request that changes one JSON file.

    Blast radius: one branch and one pull request. Idempotent. Undo: withdraw_change.
    """
    arguments = {"path": path, "patch": patch, "base_sha": base_sha}
    call = Call(method="propose_change", arguments={**arguments, "branch": branch, "title": title})
    carry_out(permit, call, change_proposed(branch=branch, **arguments, title=title), GITHUB)


@action
def withdraw_change(permit: Permit, branch: str) -> None:
    """
    Close the branch's pull request and delete the branch.

    Blast radius: the branch that propose_change made. Idempotent. Undo: none, propose it again.
    """
    call = Call(method="withdraw_change", arguments={"branch": branch})
    carry_out(permit, call, change_withdrawn(branch), GITHUB)


@action
def set_variable(permit: Permit, name: str, value: str) -> None:
    """
    Set a repository variable.

    Blast radius: every workflow that reads it. Idempotent. Undo: set_variable or delete_variable.
    """
    call = Call(method="set_variable", arguments={"name": name, "value": value})
    carry_out(permit, call, variable_is(name, value), GITHUB)


@action
def delete_variable(permit: Permit, name: str) -> None:
    """
    Remove a repository variable.

    Blast radius: every workflow that reads it. Idempotent. Undo: set_variable.
    """
    call = Call(method="delete_variable", arguments={"name": name})
    carry_out(permit, call, variable_gone(name), GITHUB)


@action
def dispatch_workflow(permit: Permit, workflow: str, ref: str, after_run_id: int) -> None:
    """
    Start a workflow on a branch.

    Blast radius: whatever the workflow does. Not idempotent. Undo: none.
    """
    arguments = {"workflow": workflow, "ref": ref, "after_run_id": after_run_id}
    call = Call(method="dispatch_workflow", arguments=arguments)
    carry_out(permit, call, dispatched(workflow, ref, after_run_id), GITHUB)


@action
def open_issue(permit: Permit, title: str, body: str) -> None:
    """
    Open an issue, unless there was one of this title before.

    Blast radius: who is told of new issues. Idempotent. Undo: close_issue.
    """
    call = Call(method="open_issue", arguments={"title": title, "body": body})
    carry_out(permit, call, issue_open(title, body), GITHUB)


@action
def close_issue(permit: Permit, title: str) -> None:
    """
    Close the issue of this title.

    Blast radius: that issue. Idempotent. Undo: none, reopen it by hand.
    """
    call = Call(method="close_issue", arguments={"title": title})
    carry_out(permit, call, issue_closed(title), GITHUB)


def issue_open(title: str, body: str) -> Look:
    """Show whether an issue of this title is open."""
    del body  # people may add to it

    def look(github: GitHubReader) -> Sighting:
        issue = github.issue(title)
        if issue is None:
            return Sighting(took_effect=False, seen=f"no issue {title!r}")
        return Sighting(issue.state == "open", f"{issue.html_url} is {issue.state}")

    return look


def issue_closed(title: str) -> Look:
    """Show whether no issue of this title is open."""

    def look(github: GitHubReader) -> Sighting:
        issue = github.issue(title)
        is_open = issue is not None and issue.state == "open"
        return Sighting(not is_open, f"{title!r} is {'open' if is_open else 'not open'}")

    return look


def change_proposed(path: str, patch: str, base_sha: str, branch: str, title: str) -> Look:
    """Show whether the branch has the change and an open pull request."""
    del patch, title  # what the branch is named after

    def look(github: GitHubReader) -> Sighting:
        pull = github.open_pull_request(branch)
        if pull is None:
            return Sighting(took_effect=False, seen=f"no open pull request of {branch}")
        file = github.file(path, branch)
        changed = file is not None and file.sha != base_sha
        return Sighting(changed, f"{pull.html_url} {'changes' if changed else 'leaves'} {path}")

    return look


def change_withdrawn(branch: str) -> Look:
    """Show whether branch and pull request are gone."""

    def look(github: GitHubReader) -> Sighting:
        there = github.open_pull_request(branch) is not None or github.head(branch) is not None
        return Sighting(not there, f"{branch} is {'still there' if there else 'gone'}")

    return look


def variable_is(name: str, value: str) -> Look:
    """Show whether the variable has this value."""

    def look(github: GitHubReader) -> Sighting:
        seen = github.variable(name)
        return Sighting(seen == value, f"{name} is {seen or 'not set'}")

    return look


def variable_gone(name: str) -> Look:
    """Show whether the variable is not set."""

    def look(github: GitHubReader) -> Sighting:
        seen = github.variable(name)
        return Sighting(seen is None, f"{name} is {seen or 'not set'}")

    return look


def dispatched(workflow: str, ref: str, after_run_id: int) -> Look:
    """Show whether a dispatched run of the workflow is newer than the one that is named."""

    def look(github: GitHubReader) -> Sighting:
        newer = [
            run
            for run in github.workflow_runs(workflow, LATEST_RUNS)
            if run.id > after_run_id and run.event == "workflow_dispatch"
        ]
        seen = f"run {newer[0].id} on {ref}" if newer else f"no new run of {workflow}"
        return Sighting(bool(newer), seen)

    return look
