"""All metrics that our parts show, from the code that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import NamedTuple

from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase

from cct_ops.controller import gate_metrics, metrics as controller
from cct_ops.gateway import metrics as gateway
from cct_ops.people import metrics as people
from cct_ops.worker import metrics as worker

_SERIES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("_sum", "_count"),
    "gauge": ("",),
}


class Exposed(NamedTuple):
    """One metric: who shows it, its name as queries begin with it, and what it means."""

    part: str
    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names that queries use."""
        return tuple(self.name + ending for ending in _SERIES[self.kind])

    @property
    def row(self) -> str:
        """The metric as a row of a table."""
        name = self.series[0] if self.kind == "counter" else self.name
        labels = ", ".join(f"`{label}`" for label in self.labels)
        return f"| `{name}` | {self.kind} | {labels} | {self.meaning} |"


def exposed() -> Iterator[Exposed]:
    """Yield all of them, part by part."""
    yield from _all("gateway", gateway, people, read=gateway.described())
    yield from _all("controller", controller, people, read=controller.described())
    yield from _all("gate", gate_metrics)
    yield from _all("worker", worker)


def _all(part: str, *modules: ModuleType, read: Iterable[Metric] = ()) -> Iterator[Exposed]:
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, MetricWrapperBase) and not name.startswith("_"):
                labels, kind = tuple(value._labelnames), str(value._type)
                yield Exposed(part, value._name, kind, labels, value._documentation)
    for family in read:
        if family.type == "gauge":
            labels = getattr(family, "_labelnames", ())
            yield Exposed(part, family.name, "gauge", tuple(labels), family.documentation)


def metrics_table(part: str) -> str:
    """Return one part's metrics as a table in Markdown."""
    head = ["| Metric | Kind | Labels | Meaning |", "| -- | -- | -- | -- |"]
    return "\n".join([*head, *(each.row for each in exposed() if each.part == part)])
