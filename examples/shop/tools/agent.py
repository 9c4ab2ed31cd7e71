"""Stands in for an agent: reads its prompt, writes a handbook, does better when told why not."""

import sys
from pathlib import Path

prompt = Path(sys.argv[1]).read_text(encoding="utf-8")
is_told = "was not accepted" in prompt
heading = "# Handbook" if is_told else "Handbook"
Path("docs").mkdir(exist_ok=True)
Path("docs/handbook.md").write_text(f"{heading}\n\nApples are cheap.\n", encoding="utf-8")
