"""What providers' errors mean, however an agent passes them on, and how agents say "nothing to do".

Adapters hand in text that is known to be an error's, never an answer: an agent may well write
about rate limits.
"""

import re

from pipeline.model.agent import AgentFailure, AgentOutcome, Usage
from pipeline.work.agents.reading import MESSAGE_LIMIT, cut

_LONGEST = 64 * 1024  # characters of an error that are looked at, half from either end

# The first that is found counts. What says more stands first: a quota that is used up comes with
# status 429, too, and a context that is too long with 400.
_SIGNATURES: tuple[tuple[AgentFailure, re.Pattern[str]], ...] = tuple(
    (failure, re.compile(expression, re.IGNORECASE))
    for failure, expression in (
        (
            AgentFailure.CONTEXT_TOO_LONG,
            r"context[_ -]?(length|window)[_ -]?(was |is )?(exceeded|limit)"
            r"|context_?window_?exceeded|exceeds? (the |your )?(model'?s? )?(maximum )?context"
            r"|maximum context length|prompt is too long|input is too long"
            r"|input token count .{0,40}exce|too many (input )?tokens"
            r"|reduce the length of the messages|request_too_large",
        ),
        # Gemini says "quota" of what is free again in a minute.
        (AgentFailure.RATE_LIMIT, r"please retry in \d|\"retryDelay\"|per_?minute"),
        (
            AgentFailure.QUOTA,
            r"insufficient_?quota|insufficient (credit|balance|funds)|exceeded your current quota"
            r"|quota[_ ]?exceeded|billing_hard_limit|billing_not_active|payment required"
            r"|credit balance is too low|(monthly|daily|usage) (\w+ )?limit (was |is )?reached"
            r"|out of (credits|premium requests)|premium request(s)? (limit|allowance)"
            r"|\b(status( code)?|http|error|code)\W{1,4}402\b",
        ),
        (
            AgentFailure.RATE_LIMIT,
            r"rate[_ -]?limit|ratelimiterror|too many requests|resource_?exhausted"
            r"|\b(status( code)?|http|error|code)\W{1,4}429\b",
        ),
        (
            AgentFailure.MODEL,
            r"model_?not_?found|llm provider not provided|you passed model="
            r"|\bmodels?\b[^\n]{1,120}(does not exist|(is |was )?not found|is not supported)"
            r"|issue with the selected model|(unknown|invalid|unsupported) model\b"
            r"|not_found_error[^\n]{1,60}\bmodel",
        ),
        (
            AgentFailure.NO_CREDENTIALS,
            r"authentication_?(failed|error)|failed to authenticate|not authenticated"
            r"|unauthori[sz]ed|(invalid|incorrect|missing|no) (x-)?api[_ -]?key|invalid_api_key"
            r"|api[_ ]key[_ ](is )?(not valid|invalid|missing)|permission_?denied"
            r"|permission_error|forbidden|no authentication information"
            r"|please (log ?in|run .{0,30}login)|not logged in"
            r"|\b(status( code)?|http|error|code)\W{1,4}40[13]\b",
        ),
        (
            AgentFailure.REFUSED,
            r"content[_ ]?(policy|filter|management)|usage polic(y|ies)|responsibleaipolicy"
            r"|flagged (by|as|for)|safety (reasons|settings|system)|policy[_ ]violation"
            r"|prohibited_content|stop_reason\W{1,4}refusal",
        ),
        (
            AgentFailure.UNREACHABLE,
            r"connection ?(error|refused|reset|aborted|closed|timed out)"
            r"|econn(refused|reset|aborted)|enotfound|eai_again|etimedout"
            r"|ehostunreach|network is unreachable|fetch failed"
            r"|unable to connect|cannot connect|could not (connect|resolve)|waiting for network"
            r"|name or service not known|getaddrinfo|socket hang up|dns error|request timed out"
            r"|overloaded|service[_ ]?unavailable|internal[_ ]?server[_ ]?error|bad gateway"
            r"|gateway timeout|error sending request|tls handshake"
            r"|\b(status( code)?|http|error|code)\W{1,4}5\d\d\b",
        ),
    )
)
_NOTHING_TO_DO = re.compile(
    r"^[ \t]*[*_`]{0,3}NOTHING TO DO:[*_`]{0,3}[ \t]*(?!<reason>)[^\s*_`]", re.MULTILINE
)

# In a diff such a line may be the file's own, and who prints a diff has something to do.
_DIFF = re.compile(r"^[ \t]{0,3}(?:diff --git |@@(?: |$))", re.MULTILINE)


def failure_in(error: str) -> AgentFailure | None:
    """What an error's text says went wrong; ``None`` where it says none of the known things."""
    text = error if len(error) <= _LONGEST else error[: _LONGEST // 2] + error[-_LONGEST // 2 :]
    for failure, expression in _SIGNATURES:
        if expression.search(text):
            return failure
    return None


def failure_of(status: int | None, error: str = "") -> AgentFailure | None:
    """What an HTTP status means, the error's text deciding where it says more.

    ``None`` for no status, success, and client errors that say nothing (a request that the
    provider does not understand is the adapter's or the profile's fault, not one of those).
    """
    told = failure_in(error)
    if status is None or told in (AgentFailure.QUOTA, AgentFailure.CONTEXT_TOO_LONG):
        return told
    if status in (401, 403):
        return AgentFailure.REFUSED if told is AgentFailure.REFUSED else AgentFailure.NO_CREDENTIALS
    if status == 402:
        return AgentFailure.QUOTA
    if status == 413:
        return AgentFailure.CONTEXT_TOO_LONG
    if status == 429:
        return AgentFailure.RATE_LIMIT
    if status == 408 or status >= 500:
        return AgentFailure.UNREACHABLE
    return told


def nothing_to_do(answer: str) -> bool:
    """Whether an answer has a line ``NOTHING TO DO: reason``, as the prompt asks for.

    The reason has to be there, and not be the placeholder of the prompt given back. An answer
    with a diff does not say so, whatever the lines around its changes are.
    """
    return _NOTHING_TO_DO.search(answer) is not None and _DIFF.search(answer) is None


def concluded(
    usage: Usage, failure: AgentFailure | None, message: str, answer: str
) -> AgentOutcome:
    """The outcome of a call; to edit nothing is no failure where that is what the answer says."""
    is_done = nothing_to_do(answer)
    if failure is AgentFailure.NO_EDITS and is_done:
        failure, message = None, ""
    return AgentOutcome(
        usage=usage,
        failure=failure,
        message=cut(message, MESSAGE_LIMIT),
        answer=answer,
        has_nothing_to_do=is_done and failure is None,
    )
