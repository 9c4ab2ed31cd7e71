"""Ends with a message when something in the shop does not hold."""

import sys

from shop.prices import total
from shop.stock import available

if total([1, 2, 3]) != 6:
    sys.exit("shop/prices.py:4: total() does not add up")
if available("apple") != 3 or available("nothing") != 0:
    sys.exit("shop/stock.py:6: available() does not count")
