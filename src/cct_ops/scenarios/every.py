"""All scenarios: a module of this package is the scenarios of one playbook, if it has some."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from cct_ops import scenarios
from cct_ops.scenarios.breakage import Breakage
from cct_ops.scenarios.scenario import HandlersOnly, Scenario

_MODULES = [
    import_module(f"{scenarios.__name__}.{each.name}") for each in iter_modules(scenarios.__path__)
]
EVERY: tuple[Scenario, ...] = tuple(
    scenario for module in _MODULES for scenario in getattr(module, "SCENARIOS", ())
)
ALSO_HANDLERS_ONLY: tuple[HandlersOnly, ...] = tuple(
    case for module in _MODULES for case in getattr(module, "ALSO_HANDLERS_ONLY", ())
)
# Playbooks that are still being made.
DRAFTS = {scenario.playbook for scenario in EVERY if scenario.draft}
# A game day drills one scenario of each playbook.
DRILLED = {scenario.playbook: scenario for scenario in EVERY if scenario.drill}
# What somebody may break in a sandbox, by its name.
BREAKAGES: dict[str, Breakage] = {
    each.name: each for module in _MODULES for each in getattr(module, "BREAKAGES", ())
}
