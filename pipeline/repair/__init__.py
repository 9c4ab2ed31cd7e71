"""From findings to a better patch, within limits."""
