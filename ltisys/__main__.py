"""what `python -m ltisys` runs: the command line"""

import sys

from ltisys.cli import main

sys.exit(main())
