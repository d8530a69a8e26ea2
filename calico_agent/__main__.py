"""`python -m calico_agent`."""

import sys

from calico_agent.cli.main import main

sys.exit(main())
