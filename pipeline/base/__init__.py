"""What knows nothing about pipelines: errors, processes, git, files, locks, console, resources."""
