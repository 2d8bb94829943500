"""The order of resource versions.

Kubernetes promises that the versions of one resource type compare as integers
(KEP-5504; true of etcd revisions long before). A server that writes them in
another way is taken at its word: what it says last is the newest.
"""

from __future__ import annotations


def is_older(version: str, than: str) -> bool:
    """Return whether `version` is known to precede `than`.

    False when they are equal, and when either is not a decimal number.
    """
    if not (version.isdecimal() and than.isdecimal()):
        return False
    # Decimal numbers without leading zeros: the longer is the greater.
    return (len(version), version) < (len(than), than)
