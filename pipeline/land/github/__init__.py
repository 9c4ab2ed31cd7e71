"""GitHub's side of publishing: each module says one kind of thing, again and again the same."""
