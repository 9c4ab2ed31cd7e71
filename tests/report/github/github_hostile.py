"""Texts that want to be more than text."""

from hypothesis import strategies as st

FRAGMENTS = (
    "@octocat", "@octo/team", "#1", "GH-1", "octo/shop#1", "fixes #1", "https://evil.example/x",
    "www.evil.example", "http://", "://", "a@b.example", "mailto:a@b.example", "<!-- x -->", "-->",
    "<!--", "<img src=x>", "<details>", "</details>", "</sub>", "<script>",
    "![x](http://e.example/x)",
    "[x](http://e.example)", "[x]: http://e.example", "[^1]", "`", "``", "```", "~~~", "|", "\\|",
    "\\", "\n", "\r", "\r\n", "\n\n", "\t", "\u2028", "\u202e", "\u200b",
    "\x1b[31m", "\x1b]0;x\x07",
    "\x1b", "\0", "::error::x", "::stop-commands::x", "##[error]x", "&lt;", "&#64;", "&", "* ",
    "1. ",
    "> ", "# ", "    ", "===", "---", "***", "_a_", "**", "$x$", ":tada:", "javascript:",
    "%0A", "%",
    "- [x] ", "| --- |", "<a href=x>", "]]>", "\ud800", "😀", "ä", "€", " ", "x",
)  # fmt: skip  # a list of words reads better in rows

hostile = st.lists(st.one_of(st.text(max_size=8), st.sampled_from(FRAGMENTS)), max_size=10).map(
    "".join
)
hostile_bytes = st.one_of(
    st.binary(max_size=40), hostile.map(lambda text: text.encode("utf-8", "surrogatepass"))
)
