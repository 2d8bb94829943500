"""Runs the command line."""

from devcluster.cli import main

raise SystemExit(main())
