"""The fork server and its supervisors: a program of its own that owns every tool's process tree.

It runs as ``python -I -S``, with this package at the top level, and imports nothing else of the
project: it must start in a few milliseconds and stay small, because it is forked for every tool.
Modules with an underscore are what ``signal`` and ``socket`` wrap; the wrappers take 15 ms.
"""
