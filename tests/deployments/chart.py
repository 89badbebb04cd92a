"""Run by the Python of `make tools`: lints the chart and renders it with the values on stdin."""

from __future__ import annotations

import json
import sys

import helm_python

_ERROR = 3  # a chart without an icon is one of 1

folder, values = sys.argv[1], json.load(sys.stdin)
with helm_python.Chart.load(folder) as chart:
    chart.validate_schema(values)
    manifests = chart.render(values, name="ops", namespace="prod")
found = [each for each in helm_python.lint(folder, values)["messages"] if each["severity"] > 1]
if found:
    sys.exit(json.dumps(found, indent=2))
sys.stdout.write("\n---\n".join(manifests.values()))
