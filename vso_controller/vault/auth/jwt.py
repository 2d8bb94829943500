"""Log in with a JWT that Vault verifies by itself.

Source: the HTTP API documentation of the `jwt` auth method. It takes what the
`kubernetes` method takes; only who checks the token is another.
"""

from __future__ import annotations

from vso_controller.vault.auth.kubernetes import KubernetesLogin


class JwtLogin(KubernetesLogin):
    """The `jwt` auth method: a role, and a token that is fetched for each login."""
