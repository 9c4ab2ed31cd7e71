"""GitHub's limits, each with where it is written; texts are measured in bytes of UTF-8.

GitHub counts characters in most places and UTF-16 in some; a text has never more of either than
bytes, so what fits in bytes fits however it is counted.
"""

BODY = 65_000
"""Bodies of pull requests, issues and comments: 65,536 characters, 422 "body is too long" beyond,
on create and on update (peter-evans/create-or-update-comment #181, #205; danger/danger #424).
The rest is for what GitHub or a person puts around them."""

CHECK_TEXT = 65_535
"""``output.summary`` and ``output.text`` of a check run, each: "Only 65535 characters are allowed"
(REST "Create a check run"; reviewdog ``service/github/check.go``)."""

ANNOTATIONS_PER_REQUEST = 50
"""REST "Create a check run": more annotations need more requests, each of which appends."""

ANNOTATION_TITLE = 255
"""REST "Create a check run": ``annotations[].title``, in characters."""

ANNOTATION_MESSAGE = 64 * 1024
"""REST "Create a check run": ``annotations[].message``, 64 KB."""

TITLE = 256
"""Titles of issues and pull requests, in characters (422 "title is too long" beyond)."""

LABEL = 50
"""Names of labels, in characters (422 beyond)."""

LABELS = 100
"""Labels of one issue or pull request (422 beyond)."""

STATUS_DESCRIPTION = 140
"""Descriptions of commit statuses, in characters (422 beyond)."""

STATUSES_PER_COMMIT = 1_000
"""REST "Create a commit status": statuses for each commit and context."""

CHECK_NAME = 255
"""Names of check runs; nowhere written down, the length of a usual column."""

SUMMARY = 1024 * 1024
"""A step's job summary: 1 MiB, else the upload fails ("Workflow commands", "Step isolation and
limits")."""

COMMANDS_PER_LEVEL = 10
"""Annotations by workflow commands: 10 errors, 10 warnings and 10 notices for each step
(orgs/community discussion 26680; reviewdog #411); the rest is silently dropped."""

OUTPUTS = 1024 * 1024
"""Outputs of a job: 1 MB, counted as UTF-16 ("Workflow syntax", ``jobs.<job_id>.outputs``)."""

SARIF_BYTES = 10 * 1024 * 1024
"""A SARIF upload after gzip ("SARIF results exceed limits")."""

SARIF_RESULTS = 25_000
"""Results of a run; the 5,000 worst are kept (the same page)."""

SARIF_RESULTS_KEPT = 5_000
"""Results of a run that are shown: more are not worth sending."""

SARIF_RULES = 25_000
"""Rules of a run (the same page)."""

SARIF_RUNS = 20
"""Runs of a file (the same page)."""

SARIF_TAGS = 20
"""Tags of a rule, of which 10 are kept (the same page)."""


def size(text: str) -> int:
    """How much of a limit a text takes, in bytes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
