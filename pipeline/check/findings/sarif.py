"""Reads SARIF 2.1.0, the format that most static analysers can write (OASIS, sarif-v2.1.0-os)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from pipeline.check.findings.reading import (
    UnreadableOutputError,
    as_count,
    as_list,
    as_object,
    as_text,
    bounded,
    load_json,
    plain_text,
    repository_path,
)
from pipeline.model.finding import Finding, Severity

_LEVELS = {"error": Severity.ERROR, "warning": Severity.WARNING}
_NOT_A_PROBLEM = frozenset({"pass", "notApplicable"})
_MAX_BASES = 8  # how many uriBaseIds may be chained
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # two letters at least: C: is a drive
_PLACEHOLDER = re.compile(r"\{(\d{1,3})\}")


def read(
    stdout: bytes, stderr: bytes, report: bytes | None, *, tool: str, root: bytes
) -> tuple[Finding, ...]:
    """Return the results of all runs that are neither suppressed nor gone.

    A tool that says of itself that it did not run to the end has given no account: that is
    unreadable when it lists no result, and one more error when it does.
    """
    document = load_json(stdout if report is None else report)
    if not isinstance(document, dict) or not isinstance(document.get("runs"), list):
        raise UnreadableOutputError("the output is not a SARIF document with runs")
    if not as_text(document.get("version")).startswith("2.1"):
        raise UnreadableOutputError(f"SARIF version {document.get('version')!r} is not 2.1.0")
    runs = [_Run(as_object(run, "run"), tool, root) for run in document["runs"]]
    return bounded((finding for run in runs for finding in run.findings()), tool=tool)


class _Run:
    """One run of a SARIF document and the tables that its results point into."""

    def __init__(self, run: Mapping[str, Any], tool: str, root: bytes) -> None:
        self._tool = tool
        self._root = root
        self._results = as_list(run.get("results"), "results")
        self._artifacts = as_list(run.get("artifacts"), "artifacts")
        self._bases = as_object(run.get("originalUriBaseIds"), "originalUriBaseIds")
        self._invocations = as_list(run.get("invocations"), "invocations")
        driver = as_object(as_object(run.get("tool"), "tool").get("driver"), "driver")
        self._rules = [as_object(rule, "rule") for rule in as_list(driver.get("rules"), "rules")]
        self._rules_by_id = {as_text(rule.get("id")): rule for rule in self._rules}

    def findings(self) -> Iterator[Finding]:
        """Give the run's findings in their order."""
        unfinished = self._unfinished()
        if unfinished is not None and not self._results:
            raise UnreadableOutputError(unfinished)
        for item in self._results:
            result = as_object(item, "result")
            if not _is_absent(result):
                yield self._finding(result)
        if unfinished is not None:
            yield Finding(self._tool, "tool-execution", plain_text(unfinished))

    def _finding(self, result: Mapping[str, Any]) -> Finding:
        rule = self._rule(result)
        first = next(iter(as_list(result.get("locations"), "locations")), None)
        place = as_object(as_object(first, "location").get("physicalLocation"), "physicalLocation")
        region = as_object(place.get("region"), "region")
        return Finding(
            tool=self._tool,
            code=as_text(result.get("ruleId")) or as_text(rule.get("id")),
            message=plain_text(_message(result, rule)),
            path=self._path(as_object(place.get("artifactLocation"), "artifactLocation")),
            line=as_count(region.get("startLine")),
            column=as_count(region.get("startColumn")),
            end_line=as_count(region.get("endLine")),
            severity=_severity(result, rule),
            is_fixable=bool(result.get("fixes")),
        )

    def _rule(self, result: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = as_object(result.get("rule"), "rule")
        index = result.get("ruleIndex", reference.get("index"))
        if isinstance(index, int) and 0 <= index < len(self._rules):
            return self._rules[index]
        return self._rules_by_id.get(as_text(result.get("ruleId") or reference.get("id")), {})

    def _path(self, location: Mapping[str, Any]) -> bytes | None:
        index = location.get("index")
        if "uri" not in location and isinstance(index, int) and 0 <= index < len(self._artifacts):
            artifact = as_object(self._artifacts[index], "artifact")
            location = as_object(artifact.get("location"), "location")
        uri = as_text(location.get("uri"))
        if not uri:
            return None
        base = "" if _SCHEME.match(uri) else self._base(as_text(location.get("uriBaseId")))
        path = repository_path(_uri_path(base + uri), self._root)
        # A base in another machine's checkout (a container's, say) is not this one: try without.
        return repository_path(_uri_path(uri), self._root) if path is None and base else path

    def _base(self, name: str) -> str:
        """Return the address that a base id stands for; nothing where the run does not say."""
        address = ""
        for _ in range(_MAX_BASES):
            base = as_object(self._bases.get(name), "uriBaseId") if name else {}
            uri = as_text(base.get("uri"))
            address = (uri if not uri or uri.endswith("/") else uri + "/") + address
            name = as_text(base.get("uriBaseId"))
            if not name or "://" in address:
                break
        return address

    def _unfinished(self) -> str | None:
        for item in self._invocations:
            invocation = as_object(item, "invocation")
            if invocation.get("executionSuccessful") is False:
                notes = as_list(invocation.get("toolExecutionNotifications"), "notifications")
                words = [_message(as_object(note, "notification"), {}) for note in notes[:5]]
                return "the tool says that it did not run to the end: " + "; ".join(words)
        return None


def _is_absent(result: Mapping[str, Any]) -> bool:
    """Whether a result is no problem: passed, gone since the baseline, or suppressed (3.27.23)."""
    if result.get("kind") in _NOT_A_PROBLEM or result.get("baselineState") == "absent":
        return True
    suppressions = as_list(result.get("suppressions"), "suppressions")
    states = {as_object(item, "suppression").get("status", "accepted") for item in suppressions}
    return states == {"accepted"}


def _severity(result: Mapping[str, Any], rule: Mapping[str, Any]) -> Severity:
    """Return the level: the result's own, its rule's, else ``warning`` (3.27.10)."""
    if result.get("kind", "fail") != "fail":
        return Severity.INFO
    default = as_object(rule.get("defaultConfiguration"), "defaultConfiguration")
    level = as_text(result.get("level")) or as_text(default.get("level")) or "warning"
    return _LEVELS.get(level, Severity.INFO)


def _message(result: Mapping[str, Any], rule: Mapping[str, Any]) -> str:
    message = as_object(result.get("message"), "message")
    text = as_text(message.get("text"))
    if not text:
        templates = as_object(rule.get("messageStrings"), "messageStrings")
        template = as_object(templates.get(as_text(message.get("id"))), "message")
        text = as_text(template.get("text"))
    arguments = as_list(message.get("arguments"), "arguments")
    if arguments:
        text = _PLACEHOLDER.sub(lambda match: _argument(match, arguments), text)
    return text


def _argument(match: re.Match[str], arguments: list[Any]) -> str:
    index = int(match[1])
    return as_text(arguments[index]) if index < len(arguments) else match[0]


def _uri_path(uri: str) -> bytes:
    """Return the path of a ``file:`` address or a relative reference as bytes, else nothing."""
    scheme = _SCHEME.match(uri)
    if scheme is not None:
        if scheme[0].lower() != "file:":
            return b""
        uri = uri[scheme.end() :]
        if uri.startswith("//"):
            uri = "/" + uri[2:].partition("/")[2]
    return unquote_to_bytes(uri)
