"""The command `python -m tests.replay`."""

import sys

from tests.replay.command import main

sys.exit(main())
