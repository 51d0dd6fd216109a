import sys
from pathlib import Path
from tests.hostile.fuzz import fuzz
fuzz(int(sys.argv[1]), Path(sys.argv[2]))
