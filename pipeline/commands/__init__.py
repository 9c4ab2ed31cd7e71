"""One module a verb: arguments in, a flow called, an exit code out."""
