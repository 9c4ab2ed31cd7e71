"""Errors of providers are told apart, and an agent that has nothing to do says so."""

import pytest

from pipeline.model.agent import AgentFailure as F
from pipeline.work.agents.signatures import failure_in, failure_of, nothing_to_do


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ("litellm.AuthenticationError: OpenAIException - bad key", F.NO_CREDENTIALS),
        ("Failed to authenticate. API Error: 401 invalid x-api-key", F.NO_CREDENTIALS),
        ("unexpected status 401 Unauthorized: Invalid API key", F.NO_CREDENTIALS),
        ("API key not valid. Please pass a valid API key.", F.NO_CREDENTIALS),
        ("Error: No authentication information found.", F.NO_CREDENTIALS),
        ("HTTP 403 Forbidden", F.NO_CREDENTIALS),
        ("litellm.RateLimitError: RateLimitError: OpenAIException - slow down", F.RATE_LIMIT),
        ("exceeded retry limit, last status: 429 Too Many Requests", F.RATE_LIMIT),
        ('{"error":{"status":"RESOURCE_EXHAUSTED"}}', F.RATE_LIMIT),
        ("You exceeded your current quota. Please retry in 34.2s.", F.RATE_LIMIT),
        ("Rate limit reached for gpt-4.1 on tokens per min", F.RATE_LIMIT),
        ("429: You exceeded your current quota, please check your plan", F.QUOTA),
        ('{"error":{"code":"insufficient_quota"}}', F.QUOTA),
        ("Your credit balance is too low to access the API", F.QUOTA),
        ("The model `gpt-9` does not exist or you do not have access to it.", F.MODEL),
        ('{"error":{"code":"model_not_found"}}', F.MODEL),
        ("There's an issue with the selected model (claude-9). It may not exist.", F.MODEL),
        ('{"type":"not_found_error","message":"model: claude-9"}', F.MODEL),
        ("models/gemini-9 is not found for API version v1beta", F.MODEL),
        (
            "litellm.BadRequestError: LLM Provider NOT provided. You passed model=mock-modle",
            F.MODEL,
        ),
        ("This model's maximum context length is 128000 tokens", F.CONTEXT_TOO_LONG),
        ('{"code": "context_length_exceeded"}', F.CONTEXT_TOO_LONG),
        ("litellm.ContextWindowExceededError: boom", F.CONTEXT_TOO_LONG),
        ("prompt is too long: 210000 tokens > 200000 maximum", F.CONTEXT_TOO_LONG),
        ("The input token count (1200000) exceeds the maximum", F.CONTEXT_TOO_LONG),
        ("Unable to connect to API (ConnectionRefused)", F.UNREACHABLE),
        ("litellm.InternalServerError: InternalServerError: Connection error.", F.UNREACHABLE),
        ("Reconnecting... waiting for network", F.UNREACHABLE),
        ('{"type":"overloaded_error","message":"Overloaded"}', F.UNREACHABLE),
        ("request to http://127.0.0.1:9 failed, reason: connect ECONNREFUSED", F.UNREACHABLE),
        ("API Error: status code 529", F.UNREACHABLE),
        ("The response was filtered by the content management policy", F.REFUSED),
        ("request violates our Usage Policy", F.REFUSED),
    ],
)
def test_an_error_is_read(error: str, failure: F) -> None:
    assert failure_in(error) is failure


@pytest.mark.parametrize("error", ["", "ValueError: 401", "line 429 of main.py", "took 503 ms"])
def test_a_number_alone_says_nothing(error: str) -> None:
    assert failure_in(error) is None


@pytest.mark.parametrize(
    ("status", "error", "failure"),
    [
        (401, "", F.NO_CREDENTIALS),
        (403, "", F.NO_CREDENTIALS),
        (403, "blocked by content_policy", F.REFUSED),
        (402, "", F.QUOTA),
        (429, "", F.RATE_LIMIT),
        (429, "insufficient_quota", F.QUOTA),
        (400, "context_length_exceeded", F.CONTEXT_TOO_LONG),
        (413, "", F.CONTEXT_TOO_LONG),
        (500, "", F.UNREACHABLE),
        (529, "Overloaded", F.UNREACHABLE),
        (400, "thinking block expected", None),
        (200, "", None),
        (None, "fetch failed", F.UNREACHABLE),
        (None, "", None),
    ],
)
def test_a_status_is_read(status: int | None, error: str, failure: F | None) -> None:
    assert failure_of(status, error) is failure


def test_a_huge_error_is_read_at_both_ends() -> None:
    assert failure_in("x" * 5_000_000 + " rate_limit") is F.RATE_LIMIT
    assert failure_in("rate_limit " + "x" * 5_000_000) is F.RATE_LIMIT


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("NOTHING TO DO: the file has it already", True),
        ("I looked.\n\n**NOTHING TO DO:** it is there\n", True),
        ("`NOTHING TO DO: done before`", True),
        ("NOTHING TO DO:", False),
        ("NOTHING TO DO: <reason>", False),
        ("NOTHING TO DO:   \nreason", False),
        ("I was told to say NOTHING TO DO: reason where that is so", False),
        ("nothing to do: lower case is prose", False),
        ("> NOTHING TO DO: a quotation", False),
        ("", False),
    ],
)
def test_nothing_to_do_is_said_in_a_line_of_its_own(answer: str, says: bool) -> None:
    assert nothing_to_do(answer) is says
