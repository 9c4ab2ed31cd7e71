"""git-pipeline: let tools change a repository, safely and without watching them."""

__version__ = "0.1.0"
