"""Run as a program: exits with 0 where a discount is in per cent."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from shop.prices import total

got = total([100, 300], discount=10)
if got != 360:
    sys.exit(f"shop/prices.py:6: total([100, 300], discount=10) is {got}, not 360")
