"""One good request for tests to vary."""

from __future__ import annotations

from vso_controller.foundation.secret import Secret
from vso_controller.vault.requests import Method, Operation, VaultRequest

TOKEN = "hvs.canary-token-0123456789"
READ = VaultRequest(
    operation=Operation.READ,
    method=Method.GET,
    path=("secret", "data", "app"),
    repeatable=True,
    token=Secret(TOKEN),
)
ISSUE = VaultRequest(
    operation=Operation.READ,
    method=Method.PUT,
    path=("pki", "issue", "web"),
    repeatable=False,
    body=Secret({"common_name": "canary.example"}),
    token=Secret(TOKEN),
)
