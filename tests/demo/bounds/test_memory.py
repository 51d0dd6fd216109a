"""What a large block took goes back to the system, also after large ones were freed before."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from pathlib import Path
from demo.bounds.memory import keep_little
if sys.argv[1] == "little":
    keep_little()
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
blocks = [bytes(20 << 20)]
blocks.clear()
before = resident()
small = []
for _ in range(4):
    blocks.append(b"x" * (19 << 20))
    # It lies behind the large one, which can no longer be cut off the heap's end.
    small.append([bytearray(90_000) for _ in range(4)])
blocks.clear()
print(resident() - before)
"""

if sys.platform == "linux":

    def kept(how: str) -> int:
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True, cwd=ROOT
        )
        return int(result.stdout)

    def test_large_blocks_are_not_kept() -> None:
        assert kept("little") < 8 << 20
