"""The workflows that ``pipeline init --github`` writes: small callers of git-pipeline's own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline import __version__
from pipeline.commands.init_source import ToolSource

FOLDER = Path(".github", "workflows")

_HEAD = """\
# Written by `pipeline init --github`; yours to change. What it calls is pinned to one commit of
# @REPOSITORY@: `docs/workflows.md` there says what each job does with which rights.
"""
_RUN_RIGHTS = """\
    permissions:
      contents: write # the publishing job pushes branches and the journal
      pull-requests: write # it creates and updates pull requests
      checks: write # it says what the gates found
      statuses: write # where check runs are not allowed
      issues: write # comments, labels, and an issue for what waits for people
"""

PIPELINE = """\
name: pipeline

on:
  push:
    branches: ["workstreams/**"]
  workflow_dispatch:
    inputs:
      only:
        description: Ids of workstreams, separated by spaces; empty for all
        type: string
        default: ""
      sha:
        description: The commit whose bundles are run; that of the event where it is empty
        type: string
        default: ""
      dry-run:
        description: Print what would be written to GitHub instead of writing it
        type: boolean
        default: false

permissions: {}

concurrency:
  group: pipeline-${{ inputs.sha || github.ref }}
  cancel-in-progress: false

jobs:
  pipeline:
    name: Pipeline
@RUN_RIGHTS@    uses: @CALL@pipeline.yml@PIN@
    with:
      only: ${{ inputs.only || '' }}
      sha: ${{ inputs.sha || '' }}
      dry-run: ${{ inputs.dry-run || false }}
"""

ZERO_TOUCH = """\
name: zero-touch

on:
  schedule:
    - cron: "17 */6 * * *"
  workflow_dispatch:

permissions: {}

concurrency:
  group: zero-touch
  cancel-in-progress: false

jobs:
  zero-touch:
    name: Unattended pipeline
@RUN_RIGHTS@    uses: @CALL@zero-touch.yml@PIN@
    with:
      notify: issue # or nobody, or webhook: the secret NOTIFY_WEBHOOK of environment `pipeline`
"""

FIX_CI = """\
name: fix-ci

on:
  workflow_run: # zizmor: ignore[dangerous-triggers] fixers have read rights only
    workflows: @WATCHED@
    types: [completed]
  workflow_dispatch:
    inputs:
      workflow-run:
        description: The id of the failed workflow run
        type: string
        required: true

permissions: {}

concurrency:
  group: fix-ci-${{ inputs.workflow-run || github.event.workflow_run.id }}
  cancel-in-progress: false

jobs:
  fix-ci:
    name: Fix a failed workflow
    # Not for forks, whose code is nobody's yet, nor for what bots or a fix itself have pushed.
    if: >-
      github.event_name == 'workflow_dispatch' ||
      (github.event.workflow_run.conclusion == 'failure' &&
      github.event.workflow_run.head_repository.id == github.event.repository.id &&
      github.event.workflow_run.actor.type == 'User' &&
      !startsWith(github.event.workflow_run.head_branch, 'pipeline/'))
    permissions:
      contents: write # the publishing job pushes the branch with the fix
      pull-requests: write # it proposes it
      checks: write # it says what the failing check says now
      statuses: write # where check runs are not allowed
      issues: write # labels and comments
      actions: read # to fetch the log of the failed run
    uses: @CALL@fix-ci.yml@PIN@
    with:
      workflow-run: ${{ inputs.workflow-run || github.event.workflow_run.id }}
"""

REVIEW = """\
name: review

on:
  issue_comment: # zizmor: ignore[dangerous-triggers] checks no pull request out
    types: [created]

permissions: {}

concurrency:
  group: review-${{ github.event.issue.number }}
  cancel-in-progress: false

jobs:
  review:
    name: Answer a comment
    if: >-
      startsWith(github.event.comment.body, '/pipeline') &&
      github.event.comment.user.type == 'User' &&
      contains(fromJSON('["OWNER", "MEMBER", "COLLABORATOR", "CONTRIBUTOR"]'),
      github.event.comment.author_association)
    permissions:
      contents: write # to push the answer as part of the journal
      issues: write # to react and to reply
      pull-requests: write # the same where the issue is a pull request
      actions: write # to dispatch the workflow that runs what was asked for, and to cancel it
    uses: @CALL@review.yml@PIN@
"""

CLEANUP = """\
name: cleanup

on:
  schedule:
    - cron: "41 4 * * 1"
  workflow_dispatch:
    inputs:
      dry-run:
        description: Say what would be removed and remove nothing
        type: boolean
        default: true

permissions: {}

concurrency:
  group: cleanup
  cancel-in-progress: false

jobs:
  cleanup:
    name: Remove what is old
    permissions:
      contents: write # to delete branches and refs of runs whose time is over
    uses: @CALL@cleanup.yml@PIN@
    with:
      older-than: 30d
      dry-run: ${{ inputs.dry-run || false }}
"""

CALLERS: Mapping[str, str] = {
    "pipeline.yml": PIPELINE,
    "zero-touch.yml": ZERO_TOUCH,
    "fix-ci.yml": FIX_CI,
    "review.yml": REVIEW,
    "cleanup.yml": CLEANUP,
}
"""The files below ``.github/workflows``, before `callers` fills them in."""

NEXT = """\
Next:
  1. Settings, Actions, General: allow "GitHub Actions to create and approve pull requests".
  2. Commit these files on the default branch, then push bundles to a branch `workstreams/…`.
  3. What the default token pushes starts no workflows: if your own CI should run on the pull
     requests, create a GitHub App, add `app-client-id: …` below `with:`, and put its key as the
     secret APP_PRIVATE_KEY into an environment called `pipeline`.
  4. Tools have no secrets there: agents that need a key cannot work in these workflows."""


def callers(source: ToolSource, watched: Sequence[str]) -> dict[str, str]:
    """Each file's name and text; ``watched`` are the workflows that fix-ci mends."""
    values = {
        "@RUN_RIGHTS@": _RUN_RIGHTS,
        "@CALL@": f"{source.repository}/.github/workflows/",
        "@PIN@": f"@{source.commit} # {__version__}",
        "@WATCHED@": json.dumps(list(watched)),
        "@REPOSITORY@": source.repository,
    }
    texts = {name: f"{_HEAD}{text}" for name, text in CALLERS.items()}
    for mark, value in values.items():
        texts = {name: text.replace(mark, value) for name, text in texts.items()}
    return texts
