"""`python -m calico_agent`."""

import sys

from calico_agent.cli import main

sys.exit(main())
