"""`python -m vso_controller.settings PAGE [--check]`: see `page`."""

from __future__ import annotations

import sys

from vso_controller.settings.page import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
