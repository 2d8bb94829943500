"""What templates cost: ten of those that people write, cold and compiled."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from random import SystemRandom
from statistics import median

from vso_controller.templating.functions import library
from vso_controller.templating.go.fields import Root
from vso_controller.templating.go.sets import compile_go
from vso_controller.templating.limits import Budget, Limits
from vso_controller.templating.registry import Environment
from vso_controller.templating.texts import Text

ONE_EXPRESSION = 20e-6
"""Seconds of CPU that the first template may take to be rendered."""
CONNECTION_FILE = 300e-6
"""Seconds of CPU that the second may take."""
ROUNDS = 300
SAMPLES = 7

SECRETS: dict[str, object] = {
    "username": "app-user",
    "password": "p@ss w0rd/!",
    "host": "db.example.internal",
    "port": "5432",
    "database": "orders",
    "replicas": ["db-1", "db-2", "db-3"],
    "options": {"sslmode": "verify-full", "timeout": "5"},
    "certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
}
TEMPLATES = {
    "one expression": "{{ .Secrets.username | b64enc }}",
    "a connection file of 20 lines": "\n".join(
        f"setting_{n} = {{{{ .Secrets.username }}}}@{{{{ .Secrets.host }}}}"
        for n in range(20)
    ),
    "a URL": (
        "postgres://{{ .Secrets.username | urlquery }}:"
        "{{ .Secrets.password | urlquery }}@{{ .Secrets.host }}:{{ .Secrets.port }}/"
        "{{ .Secrets.database }}?sslmode={{ .Secrets.options.sslmode }}"
    ),
    "a range": (
        "{{ range $n, $host := .Secrets.replicas }}{{ if $n }},{{ end }}"
        "{{ $host }}:{{ $.Secrets.port }}{{ end }}"
    ),
    "JSON": "{{ .Secrets | toPrettyJson }}",
    "a docker config": (
        '{"auths":{ {{- .Secrets.host | quote }}:{"auth":'
        '{{ printf "%s:%s" .Secrets.username .Secrets.password | b64enc | quote }}}}}'
    ),
    "YAML with indentation": "tls:\n  ca: |\n{{ .Secrets.certificate | indent 4 }}",
    "defaults": (
        '{{ .Secrets.missing | default "none" }} {{ coalesce .Secrets.a "b" }} '
        '{{ ternary "yes" "no" (hasKey .Secrets "port") }}'
    ),
    "a helper that is called": (
        '{{ define "line" }}{{ .name }}={{ .value }}\n{{ end }}'
        "{{ range $name, $value := .Secrets.options }}"
        '{{ template "line" (dict "name" $name "value" $value) }}{{ end }}'
    ),
    "regular expressions": (
        '{{ regexReplaceAll "[^a-z0-9]+" (lower .Secrets.host) "-" | trunc 63 }}'
    ),
}
_LIMITS = {
    "one expression": ONE_EXPRESSION,
    "a connection file of 20 lines": CONNECTION_FILE,
}


def main() -> int:
    """Print the figures; return 1 if a limit was missed."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    _say(f"{now}, Python {platform.python_version()}, load {load}; CPU, median\n")
    _say(f"{'':<32}{'compile':>12}{'render':>12}{'limit':>12}")
    missed = 0
    for name, text in TEMPLATES.items():
        compiled = _compiled(text)
        cold = _cost(partial(_compiled, text), 20)
        warm = _cost(compiled, ROUNDS)
        limit = _LIMITS.get(name)
        missed += limit is not None and warm > limit
        shown = "" if limit is None else f"{1e6 * limit:,.0f} µs"
        _say(f"{name:<32}{1e6 * cold:>9,.0f} µs{1e6 * warm:>9,.1f} µs{shown:>12}")
    _say(f"\n{missed} limits missed" if missed else "\nall limits met")
    return 1 if missed else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _compiled(text: str) -> Callable[[], bytes]:
    """Compile a template and return what renders it, with all that goes with that."""
    compiled = compile_go([Text("main", text)], library(), Limits())
    chance = SystemRandom()

    def render() -> bytes:
        environment = Environment(
            budget=Budget(Limits()), now=lambda: datetime.now(UTC), chance=chance
        )
        nothing: dict[str, object] = {}
        root = Root(
            {
                "Secrets": SECRETS,
                "Metadata": nothing,
                "Annotations": nothing,
                "Labels": nothing,
            }
        )
        return compiled.render("main", root, environment)

    return render


def _cost(work: Callable[[], object], rounds: int) -> float:
    """Return the seconds of CPU that one round takes."""
    samples = []
    for _ in range(SAMPLES):
        began = time.process_time()
        for _ in range(rounds):
            work()
        samples.append((time.process_time() - began) / rounds)
    return median(samples)
