"""What lies here are other repositories' files: their tests are run in copies of them."""

collect_ignore_glob = ["*"]
