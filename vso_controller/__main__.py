"""`python -m vso_controller`: the same as the `vso-controller` command."""

from __future__ import annotations

import sys

from vso_controller.cli import main

if __name__ == "__main__":
    sys.exit(main())
