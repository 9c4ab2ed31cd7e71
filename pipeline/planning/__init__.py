"""From bundles on disk to a frozen plan."""
