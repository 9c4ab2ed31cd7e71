"""Hostile and honest patches beside the given ones, on the same repository."""

import base64
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from hostile_bench import SCOPE, TWENTY_LINES, Bench

from pipeline.model.patch import PERMISSIVE, PatchPolicy, Reason
from pipeline.model.scope import Scope

WIDE = Scope(("src/**",), ("src/**",))
DEFAULT = PatchPolicy()
BINARY = replace(DEFAULT, allow_binary=True)
LINKS = replace(DEFAULT, allow_symlinks=True)


@dataclass(frozen=True)
class Case:
    """``reason``, where given, has to be among those of the objections."""

    name: str
    expect: str
    patch: bytes | Callable[[Bench], bytes]
    reason: Reason | None = None
    policy: PatchPolicy = DEFAULT
    scope: Scope = SCOPE
    setup: Callable[[Bench], object] | None = None
    is_large: bool = False


def created(path: str | bytes, text: str | bytes = "x = 1\n", mode: str = "100644") -> bytes:
    """A section that creates a file, names as they are."""
    name = path.encode() if isinstance(path, str) else path
    lines = (text.encode() if isinstance(text, str) else text).splitlines(keepends=True)
    head = b"diff --git a/%b b/%b\nnew file mode %b\n" % (name, name, mode.encode())
    if not lines:
        return head
    hunk = b"--- /dev/null\n+++ b/%b\n@@ -0,0 +1,%d @@\n" % (name, len(lines))
    return head + hunk + b"".join(b"+" + line for line in lines)


def quoted(path: str, text: str = "x = 1\n") -> bytes:
    """As ``created``, the name already in the form that stands between quotes."""
    plain = created("NAME", text)
    plain = plain.replace(b"a/NAME", b'"a/%b"' % path.encode())
    return plain.replace(b"b/NAME", b'"b/%b"' % path.encode())


def line_five(line: str | bytes, head: bytes = b"") -> bytes:
    """A section that puts another line five into ``src/app.py``."""
    data = line.encode() if isinstance(line, str) else line
    return (
        b"diff --git a/src/app.py b/src/app.py\n%b--- a/src/app.py\n+++ b/src/app.py\n"
        b"@@ -4,3 +4,3 @@\n line 4\n-line 5\n+%b\n line 6\n" % (head, data)
    )


def text(patch: str) -> bytes:
    return patch.encode()


def put(name: str | bytes, content: str | bytes, mode: int = 0o644) -> Callable[[Bench], object]:
    return lambda bench: bench.put(name, content, mode)


def remove(name: str) -> Callable[[Bench], object]:
    return lambda bench: (bench.top / name).unlink()


def by_git(change: Callable[[Bench], object]) -> Callable[[Bench], bytes]:
    """The patch that the user's own git writes for a change."""

    def make(bench: Bench) -> bytes:
        change(bench)
        return bench.difference("--binary")

    return make


def packed(data: bytes) -> bytes:
    """Base 85 of deflated bytes in the lines of a binary patch."""
    squeezed = zlib.compress(data)
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    lines = []
    for at in range(0, len(squeezed), 52):
        piece = squeezed[at : at + 52]
        lines.append(letters[len(piece) - 1 : len(piece)] + base64.b85encode(piece, pad=True))
    return b"\n".join(lines) + b"\n\n"


def binary(new_oid: str, fragment: bytes, old_oid: str = "0" * 40) -> bytes:
    return (
        b"diff --git a/src/new.py b/src/new.py\nnew file mode 100644\nindex %b..%b\n"
        b"GIT binary patch\n%b" % (old_oid.encode(), new_oid.encode(), fragment)
    )


def foreign_blob(bench: Bench) -> bytes:
    oid = bench.git("rev-parse", "HEAD:private/key.txt").decode().strip()
    return binary(oid, b"literal 3\n" + packed(b"\0ok"))


def add_gitlink(bench: Bench) -> None:
    (bench.top / "src" / "sub").mkdir()
    bench.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},src/sub")


def add_link(bench: Bench) -> None:
    (bench.top / "src" / "link").symlink_to("util.py")


def retarget(bench: Bench) -> None:
    (bench.top / "src" / "link").unlink()
    (bench.top / "src" / "link").symlink_to("../private/key.txt")


def link_becomes_file(bench: Bench) -> None:
    (bench.top / "src" / "link").unlink()
    bench.put("src/link", "a file now\n")


def move(bench: Bench, source: str, target: str) -> None:
    (bench.top / target).parent.mkdir(parents=True, exist_ok=True)
    (bench.top / source).rename(bench.top / target)


def delta_bomb(bench: Bench) -> bytes:
    """A delta of a few bytes that makes 100 MB of an old megabyte."""
    oid = bench.git("rev-parse", "HEAD:src/data.bin").decode().strip()
    size = b"\x80\x80\x40"  # 2**20 in 7-bit pieces, the lowest first
    result = b"\x80\xc2\xd7\x2f"
    order = b"\xff" + b"\0\0\0\0" + b"\xff\xff\xff"
    delta = size + result + order * 6
    return (
        b"diff --git a/src/data.bin b/src/data.bin\nindex %b..%b 100644\nGIT binary patch\n"
        b"delta %d\n%b" % (oid.encode(), b"2" * 40, len(delta), packed(delta))
    )


def in_app(name: str, line: str | bytes, reason: Reason, expect: str = "refuse") -> Case:
    return Case(name, expect, line_five(line), reason)


def refused_name(name: str, path: str, *, is_quoted: bool = False) -> Case:
    patch = quoted(path) if is_quoted else created(path)
    return Case(name, "refuse", patch, Reason.UNSAFE_PATH, scope=WIDE)


NAMES = [
    refused_name("dotgit-granted-by-glob", "src/.git/config"),
    refused_name("dotgit-stream", "src/.git::$INDEX_ALLOCATION/config"),
    refused_name("dotgit-full-width", "src/\uff0egit/config"),
    refused_name("dotgit-trailing-dot", "src/.git./config"),
    refused_name("dotgit-feff", "src/.gi\ufefft/config"),
    refused_name("dotgit-file", "src/.Git"),
    refused_name("gitmodules-short-name", "src/GITMOD~1"),
    refused_name("case-twin-of-a-file", "src/App.py"),
    refused_name("case-twin-file-and-folder", "src/UTIL.PY/x.py"),
    refused_name("decomposed-name", "src/e\u0301.py"),
    refused_name("invisible-in-name", "src/ap\u200bp.py"),
    refused_name("bidi-in-name", "src/\u202eyp.ppa.txt"),
    refused_name("line-feed-in-name", "src/a\\nb.py", is_quoted=True),
    refused_name("escape-in-name", "src/a\\033[2Jb.py", is_quoted=True),
    refused_name("quoted-backslash", "src\\\\..\\\\app.py", is_quoted=True),
    refused_name("stream-of-a-file", "src/app.py::$DATA"),
    refused_name("trailing-dot", "src/app.py."),
    refused_name("double-slash", "src//x.py"),
    refused_name("reserved-with-ending", "src/COM1.tar.gz"),
    refused_name("reserved-superscript", "src/com\u00b9.txt"),
    refused_name("seventy-directories-deep", "src/" + "d/" * 70 + "x.py"),
    Case(
        "case-twins-both-new",
        "refuse",
        created("src/x/A.py") + created("src/x/a.py"),
        Reason.UNSAFE_PATH,
        scope=WIDE,
    ),
    Case(
        "composed-and-decomposed",
        "refuse",
        created("src/\u00e9.py") + created("src/e\u0301.py"),
        Reason.UNSAFE_PATH,
        scope=WIDE,
    ),
    Case(
        "ligature-twin",
        "refuse",
        created("src/\ufb01le.py"),
        Reason.UNSAFE_PATH,
        scope=WIDE,
        setup=lambda bench: bench.put("src/file.py", "x\n"),
    ),
    Case("protected-in-another-case", "refuse", created("src/Conftest.py"), Reason.PROTECTED,
         scope=WIDE),
    Case("protected-folder-in-another-case", "refuse", created("src/.GitHub/x.yml"),
         Reason.PROTECTED, scope=WIDE),
    Case("look-alike-name", "flag", created("src/\u0430pi.py"), Reason.UNSAFE_PATH, scope=WIDE),
]  # fmt: skip

MODES = [
    Case("submodule-bump", "refuse", text(
        "diff --git a/src/sub b/src/sub\n--- a/src/sub\n+++ b/src/sub\n@@ -1 +1 @@\n"
        f"-Subproject commit {'1' * 40}\n+Subproject commit {'2' * 40}\n"),
        setup=add_gitlink),
    Case("submodule-created", "refuse", created("src/new.py", f"Subproject commit {'1' * 40}\n",
        mode="160000"), Reason.FORMAT),
    Case("submodule-deleted", "refuse", text(
        "diff --git a/src/sub b/src/sub\ndeleted file mode 160000\n--- a/src/sub\n+++ /dev/null\n"
        f"@@ -1 +0,0 @@\n-Subproject commit {'1' * 40}\n"), Reason.FORMAT, setup=add_gitlink),
    Case("link-retargeted", "refuse", by_git(retarget), Reason.SPECIAL_FILE, setup=add_link),
    Case("link-retargeted-mode-left-out", "refuse", text(
        "diff --git a/src/link b/src/link\n--- a/src/link\n+++ b/src/link\n@@ -1 +1 @@\n-util.py\n"
        "\\ No newline at end of file\n+../private/key.txt\n\\ No newline at end of file\n"),
        Reason.SPECIAL_FILE, setup=add_link),
    Case("link-becomes-file", "refuse", by_git(link_becomes_file), Reason.FORMAT, setup=add_link),
    Case("index-mode-says-link", "refuse",
         line_five("evil", b"index 1111111..2222222 120000\n"), Reason.FORMAT),
    Case("index-mode-says-executable", "refuse",
         line_five("evil", b"index 1111111..2222222 100755\n"), Reason.FORMAT),
    Case("old-mode-says-link", "refuse",
         line_five("evil", b"old mode 120000\nnew mode 100644\n"), Reason.FORMAT),
    Case("setuid-by-mode-lines", "refuse", text(
        "diff --git a/src/app.py b/src/app.py\nold mode 100644\nnew mode 104755\n"), Reason.FORMAT),
    Case("executable-in-scope", "refuse", text(
        "diff --git a/src/app.py b/src/app.py\nold mode 100644\nnew mode 100755\n"), Reason.MODE),
    Case("executable-with-edit", "refuse",
         line_five("edit", b"old mode 100644\nnew mode 100755\n"), Reason.MODE),
    Case("created-executable", "refuse", created("src/new.py", mode="100755"), Reason.MODE),
    Case("allowed-link-leads-outside", "refuse", created("src/new.py", "../../outside", "120000")
         + b"\n\\ No newline at end of file\n", Reason.SPECIAL_FILE, LINKS),
    Case("allowed-link-is-absolute", "refuse", created("src/new.py", "/etc/passwd", "120000")
         + b"\n\\ No newline at end of file\n", Reason.SPECIAL_FILE, LINKS),
    Case("allowed-link-into-dotgit", "refuse", created("src/new.py", "../.GIT/config", "120000")
         + b"\n\\ No newline at end of file\n", Reason.SPECIAL_FILE, LINKS),
    Case("allowed-link-is-the-top", "refuse", created("src/new.py", "..", "120000")
         + b"\n\\ No newline at end of file\n", Reason.SPECIAL_FILE, LINKS),
]  # fmt: skip

GRAMMAR = [
    Case("dev-null-for-an-existing-file", "refuse",
         line_five("evil").replace(b"--- a/src/app.py", b"--- /dev/null"), Reason.FORMAT),
    Case("deleted-but-named", "refuse", text(
        "diff --git a/src/util.py b/src/util.py\ndeleted file mode 100644\n--- a/src/util.py\n"
        "+++ b/src/util.py\n@@ -1,2 +0,0 @@\n-u1\n-u2\n"), Reason.FORMAT),
    Case("new-file-that-exists", "refuse", created("src/app.py"), Reason.FORMAT, scope=WIDE),
    Case("deletion-of-a-part", "refuse", text(
        "diff --git a/src/util.py b/src/util.py\ndeleted file mode 100644\n--- a/src/util.py\n"
        "+++ /dev/null\n@@ -1 +0,0 @@\n-u1\n"), Reason.FORMAT),
    Case("deletion-by-header-alone", "refuse", text(
        "diff --git a/src/util.py b/src/util.py\ndeleted file mode 100644\n"), Reason.FORMAT),
    Case("timestamp", "refuse", line_five("evil").replace(
        b"+++ b/src/app.py", b"+++ b/src/app.py\t2020-01-01 00:00:00"), Reason.FORMAT),
    Case("copy-of-a-private-file", "refuse", text(
        "diff --git a/private/key.txt b/src/new.py\nsimilarity index 100%\n"
        "copy from private/key.txt\ncopy to src/new.py\n"), Reason.FORMAT),
    Case("copy-onto-itself", "refuse", text(
        "diff --git a/src/new.py b/src/new.py\nsimilarity index 100%\n"
        "copy from private/key.txt\ncopy to src/new.py\n"), Reason.FORMAT),
    Case("carriage-return-in-index-line", "refuse",
         line_five("evil", b"index 1111111..2222222 100644\r\n"), Reason.FORMAT),
    Case("halves-that-differ", "refuse", line_five("evil").replace(
        b"a/src/app.py b/src/app.py\n", b"a/src/app.py b/src/app.py b/src/util.py\n"),
        Reason.FORMAT),
    Case("halves-with-the-separator-inside", "refuse", line_five("evil").replace(
        b"a/src/app.py b/src/app.py\n", b"a/src/app.py b/src/app.py b/src/app.py b/src/app.py\n"),
        Reason.FORMAT),
    Case("one-name-quoted", "refuse", line_five("evil").replace(
        b"git a/src/app.py", b'git "a/src/app.py"'), Reason.FORMAT),
    Case("needless-quotes", "refuse", line_five("evil").replace(
        b"git a/src/app.py b/src/app.py", b'git "a/src/app.py" "b/src/app.py"'), Reason.FORMAT),
    Case("quoted-twice", "refuse", quoted("src/\\134056\\134056/x.py"), Reason.FORMAT),
    Case("octal-beyond-a-byte", "refuse", quoted("src/\\777.py"), Reason.FORMAT),
    Case("traditional-header", "refuse", text(
        "--- /dev/null\n+++ b/src/new.py\n@@ -0,0 +1 @@\n+x\n"), Reason.FORMAT),
    Case("leading-blank-line", "refuse", b"\n" + line_five("evil"), Reason.FORMAT),
    Case("leading-byte-order-mark", "refuse", b"\xef\xbb\xbf" + line_five("evil"), Reason.FORMAT),
    Case("trailing-chat", "refuse", line_five("evil") + b"Let me know!\n", Reason.FORMAT),
    Case("trailing-blank-line", "refuse", line_five("evil") + b"\n", Reason.FORMAT),
    Case("signature", "refuse", line_five("evil") + b"-- \n2.39.5\n", Reason.FORMAT),
    Case("last-line-without-end", "refuse", line_five("evil")[:-1], Reason.FORMAT),
    Case("descending-hunks", "refuse", line_five("edit")
         + b"@@ -1,2 +1,2 @@\n-line 1\n+line 1x\n line 2\n", Reason.FORMAT),
    Case("new-position-lies", "refuse", line_five("edit").replace(b"+4,3", b"+9,3"), Reason.FORMAT),
    Case("number-too-large", "refuse",
         line_five("edit").replace(b"-4,3", b"-99999999999999999999,3"), Reason.FORMAT),
    Case("negative-count", "refuse", line_five("edit").replace(b"+4,3", b"+4,-3"), Reason.FORMAT),
    Case("hunk-changes-nothing", "refuse", text(
        "diff --git a/src/util.py b/src/util.py\n--- a/src/util.py\n+++ b/src/util.py\n"
        "@@ -1,2 +1,2 @@\n u1\n u2\n"), Reason.FORMAT),
    Case("section-without-effect", "refuse", line_five("edit") + text(
        "diff --git a/src/util.py b/src/util.py\n--- a/src/util.py\n+++ b/src/util.py\n"
        "@@ -1,2 +1,2 @@\n-u1\n+u1\n u2\n"), Reason.FORMAT),
    Case("end-of-file-in-the-middle", "refuse", line_five("edit").replace(
        b"+edit\n", b"+edit\n\\ No newline at end of file\n"), Reason.FORMAT),
    Case("end-of-file-before-the-end", "refuse", text(
        "diff --git a/src/app.py b/src/app.py\n--- a/src/app.py\n+++ b/src/app.py\n"
        "@@ -4,2 +4,2 @@\n line 4\n-line 5\n+line 5 \n\\ No newline at end of file\n"),
        Reason.FORMAT),
    Case("insertion-at-line-nought", "refuse", text(
        "diff --git a/src/app.py b/src/app.py\n--- a/src/app.py\n+++ b/src/app.py\n"
        "@@ -0,0 +1 @@\n+evil\n"), Reason.FORMAT),
    Case("context-of-a-repeated-block", "refuse", text(
        "diff --git a/src/dup.py b/src/dup.py\n--- a/src/dup.py\n+++ b/src/dup.py\n"
        "@@ -4,3 +4,3 @@\n start\n-check()\n+pass\n end\n"), Reason.FORMAT,
        setup=lambda bench: bench.put("src/dup.py", "start\ncheck()\nend\nfiller\n" * 3)),
    Case("a-nul-in-a-line", "refuse", line_five("a\0b"), Reason.FORMAT),
    Case("a-hundred-thousand-files", "refuse",
         b"".join(b"diff --git a/%d b/%d\nnew file mode 100644\n" % (n, n) for n in range(10**5)),
         Reason.SIZE, is_large=True),
    Case("a-hundred-thousand-sections-of-few-bytes", "refuse", b"diff --git \n" * 10**5,
         Reason.SIZE, is_large=True),
    Case("binary-changed-in-transit", "refuse", binary("3" * 40, b"literal 3\nIc$@<O00001000\n\n"),
         Reason.FORMAT, BINARY),
    Case("binary-with-another-blob-in-mind", "refuse", foreign_blob, Reason.FORMAT, BINARY),
    Case("garbage-behind-binary", "refuse", lambda bench: by_git(
         put("src/new.py", b"\0\1\2"))(bench) + b"done\n", Reason.FORMAT, BINARY),
    Case("binary-of-another-size", "refuse", binary("3" * 40, b"literal 9\n" + packed(b"\0ok")),
         Reason.FORMAT, BINARY),
    Case("binary-larger-than-allowed", "refuse",
         binary("3" * 40, b"literal 300000000\n" + packed(bytes(10**6))), Reason.SIZE, BINARY),
    Case("delta-bomb", "refuse", delta_bomb, Reason.SIZE, BINARY,
         setup=lambda bench: bench.put("src/data.bin", bytes(2**20))),
    Case("binary-named-without-content", "refuse", text(
        "diff --git a/src/new.py b/src/new.py\nnew file mode 100644\n"
        "Binary files /dev/null and b/src/new.py differ\n"), Reason.BINARY, BINARY),
]  # fmt: skip

SECRET_LINES = {
    "aws": "key = 'AKIA" + "Z7Q2M4XW9RT3LK8P'",
    "github": "token: ghp_" + "a1B2" * 9,
    "gitlab": "glpat-" + "x9Y8z7W6v5U4t3S2r1Q0",
    "slack": "xoxb-" + "123456789012-abcdefGHIJKL",
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "anthropic": "sk-ant-" + "api03-" + "Ab1-" * 20,
    "openai": "sk-proj-" + "Ab1_" * 12,
    "google": "AIza" + "SyD3f-4Gh5_Jk6Lm7Np8Qr9St0Uv1Wx2Yz3",
    "json-web-token": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0In0.c2lnbmF0dXJlIQ",
    "private-key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "assignment": 'PASSWORD = "' + "vK9#mQ2$xL7pR4tW" + '"',
    "bare-assignment": "API_KEY=" + "q8Zr3Lm9Tx2Vb7Nw4Kc6Pd1",
    "address": "postgres://app:" + "vK9mQ2xL7pR4tW" + "@db/main",
}

CONTENT = [
    Case("not-utf-8", "refuse", line_five(b"caf\xe9"), Reason.BINARY),
    in_app("carriage-return-alone", "ok\rgit push", Reason.CONTENT),
    in_app("crlf-in-a-file-of-lf", "edit\r", Reason.CONTENT),
    in_app("right-to-left-override", "ok = '\u202e \u2066# check\u2069'", Reason.CONTENT),
    in_app("right-to-left-mark", "ok = '\u200f'", Reason.CONTENT),
    in_app("zero-width-space", "pass\u200bword", Reason.CONTENT),
    in_app("soft-hyphen", "pass\u00adword", Reason.CONTENT),
    in_app("hangul-filler", "a\u3164 = 1", Reason.CONTENT),
    in_app("joiner-in-ascii", "is\u200d_admin", Reason.CONTENT),
    in_app("selectors-that-carry-bytes", "# ok\U0001f600\ufe01\ufe02\ufe03", Reason.CONTENT),
    in_app("supplementary-selectors", "# ok\U0001f600\U000e0101\U000e0102", Reason.CONTENT),
    in_app("escape-sequence", "print('\x1b[2J')", Reason.CONTENT),
    in_app("c1-control", "print('\u009b2J')", Reason.CONTENT),
    in_app("byte-order-mark-inside", "a\ufeffb", Reason.CONTENT),
    in_app("line-longer-than-a-screenful", "x" * 3000, Reason.CONTENT, expect="flag"),
    in_app("line-that-nobody-reads", "x" * 70_000, Reason.BINARY),
    in_app("old-runner-command", "echo '##[set-env name=A]b'", Reason.CONTENT, expect="flag"),
    in_app("greek-look-alike", "def \u03bfpen(x): s\u03bfrt(x)", Reason.CONTENT, expect="flag"),
    Case("new-file-with-controls", "refuse", created("src/new.py", "a\x0bb\n"), Reason.CONTENT),
    Case("crlf-against-the-policy", "refuse", created("src/new.py", b"a\r\n"), Reason.CONTENT,
         replace(DEFAULT, allow_crlf=False)),
    Case("more-lines-than-allowed", "refuse", line_five("edit"), Reason.SIZE,
         replace(DEFAULT, max_lines_changed=1)),
    Case("more-files-than-allowed", "refuse", line_five("edit") + created("src/new.py"),
         Reason.SIZE, replace(DEFAULT, max_files_changed=1)),
    Case("file-larger-than-allowed", "refuse", created("src/new.py", "x" * 99 + "\n"),
         Reason.SIZE, replace(DEFAULT, max_file_bytes=99)),
    Case("patch-larger-than-allowed", "refuse", line_five("edit"), Reason.SIZE,
         replace(DEFAULT, max_patch_bytes=99)),
    Case("limits-off-but-dotgit", "refuse", created("src/.gIt/config"), Reason.UNSAFE_PATH,
         PERMISSIVE, WIDE),
    *(in_app(f"secret-{name}", line, Reason.SECRET) for name, line in SECRET_LINES.items()),
]  # fmt: skip


def honest(
    name: str,
    change: Callable[[Bench], object],
    *,
    policy: PatchPolicy = DEFAULT,
    setup: Callable[[Bench], object] | None = None,
) -> Case:
    return Case(f"honest-{name}", "accept", by_git(change), policy=policy, scope=WIDE, setup=setup)


PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f\u200d\U0001f525 1\ufe0f\u20e3"
HONEST = [
    honest("spaces-in-a-name", put("src/a file.py", "x\n")),
    honest("edit-of-a-name-with-spaces", put("src/a b/c d.py", "y\n"),
           setup=put("src/a b/c d.py", "x\n")),
    honest("separator-in-a-name", put("src/x b/src/x", "x\n")),
    honest("unicode-name", put("src/\u00fcber \u4f60\u597d.py", "x\n")),
    honest("emoji-name", put("src/\U0001f600.md", "x\n")),
    honest("nested-new-folder", put("src/a/b/c/d.py", "x\n")),
    honest("last-file-of-a-folder-goes", remove("src/pkg/only.py"),
           setup=put("src/pkg/only.py", "x\n")),
    honest("file-becomes-folder", lambda bench: (remove("src/util.py")(bench),
           bench.put("src/util.py/x.py", "x\n"))),
    honest("no-line-feed-at-the-end", put("src/util.py", "u1\nu2")),
    honest("line-feed-comes-back", put("src/util.py", "u1\nu2\n"),
           setup=put("src/util.py", "u1\nu2")),
    honest("edit-without-line-feed", put("src/util.py", "u1\nu3"),
           setup=put("src/util.py", "u1\nu2")),
    honest("crlf-file-edited", put("src/dos.txt", "a\r\nB\r\nc\r\n"),
           setup=put("src/dos.txt", "a\r\nb\r\nc\r\n")),
    honest("crlf-file-created", put("src/dos.txt", "a\r\nb\r\n")),
    honest("crlf-turned-into-lf", put("src/dos.txt", "a\nb\n"),
           setup=put("src/dos.txt", "a\r\nb\r\n")),
    honest("executable-by-policy", put("src/app.py", TWENTY_LINES, 0o755),
           policy=replace(DEFAULT, allow_mode_change=True)),
    honest("created-executable-by-policy", put("src/run", "#!/bin/sh\n", 0o755),
           policy=replace(DEFAULT, allow_mode_change=True)),
    honest("executable-moves", lambda bench: move(bench, "src/run", "src/bin/run"),
           setup=put("src/run", "#!/bin/sh\n", 0o755)),
    honest("large-but-allowed", put("src/big.txt", "0123456789abcdef\n" * 15_000)),
    honest("binary-created", put("src/data.bin", bytes(range(256)) * 9), policy=BINARY),
    honest("binary-edited-by-delta", put("src/data.bin", os.urandom(1) + bytes(range(256)) * 99),
           policy=BINARY, setup=put("src/data.bin", bytes(range(256)) * 99)),
    honest("binary-emptied", put("src/data.bin", b""), policy=BINARY,
           setup=put("src/data.bin", b"\0\1")),
    honest("binary-deleted", remove("src/data.bin"), setup=put("src/data.bin", b"\0\1")),
    honest("latin-1-by-policy", put("src/old.txt", b"caf\xe9 2\n"), policy=BINARY,
           setup=put("src/old.txt", b"caf\xe9\n")),
    honest("rename", lambda bench: move(bench, "src/util.py", "src/lib/util.py")),
    honest("rename-of-case-alone", lambda bench: move(bench, "src/util.py", "src/Util.py")),
    honest("folder-renamed-in-case", lambda bench: move(bench, "src/pkg/a.py", "src/Pkg/a.py"),
           setup=put("src/pkg/a.py", "x\n")),
    honest("moved-with-form-feeds", lambda bench: move(bench, "src/old.c", "src/c/old.c"),
           setup=put("src/old.c", "a\n\x0c\nb\n")),
    honest("edit-beside-old-controls", put("src/old.c", "a\n\x0c\nB\n"),
           setup=put("src/old.c", "a\n\x0c\nb\n")),
    honest("edit-beside-old-bidi", put("src/i18n.txt", "\u202bx\u202c\nnew\n"),
           setup=put("src/i18n.txt", "\u202bx\u202c\nold\n")),
    honest("old-name-that-would-not-do-today", put("src/[id].tsx", "y\n"),
           setup=put("src/[id].tsx", "x\n")),
    honest("link-by-policy", add_link, policy=LINKS),
    honest("link-becomes-file-by-policy", link_becomes_file, policy=LINKS, setup=add_link),
    honest("empty-file-created", put("src/__init__.py", "")),
    honest("empty-file-deleted", remove("src/py.typed"), setup=put("src/py.typed", "")),
    honest("file-emptied", put("src/util.py", "")),
    honest("empty-file-filled", put("src/py.typed", "x\n"), setup=put("src/py.typed", "")),
    honest("byte-order-mark-at-the-start", put("src/bom.cs", "\ufeffusing System;\n")),
    honest("joined-emoji", put("src/notes.md", FAMILY + "\n")),
    honest("persian", put("src/fa.json", f'{{"want": "{PERSIAN}"}}\n')),
    honest("cyrillic-prose", put("src/ru.md", "\u041f\u0440\u0438\u0432\u0435\u0442, test\n")),
    honest("greek-mathematics", put("src/m.py", "\u0394t = \u03bb_max * \u00b5s\n")),
    honest("japanese-and-latin", put("src/ja.md", "Python\u306e\u672c\n")),
    honest("rust-paths", put("src/e.rs", "use std::error::Error;\nstd::debug::x::y();\n")),
    honest("hashes", put("src/h.py", "sha1 = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'\n")),
    honest("lock-file", put("src/poetry.lock", 'token = "q8Zr3Lm9Tx2Vb7Nw4Kc6Pd1"\n')),
    honest("secrets-only-named", put("src/c.py", "password = os.environ['DB_PASSWORD']\n"
           "token = 'your-token-goes-here'\napi_key = settings.api_key_from_vault\n")),
    Case("honest-zero-context", "refuse", line_five("x").replace(b"-4,3 +4,3", b"-5 +5")
         .replace(b" line 4\n", b"").replace(b" line 6\n", b""), Reason.FORMAT),
    Case("honest-blank-context-without-sign", "accept", text(
        "diff --git a/src/gap.py b/src/gap.py\n--- a/src/gap.py\n+++ b/src/gap.py\n"
        "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n"), setup=put("src/gap.py", "a\n\nb\n")),
    Case("honest-index-line-of-another-blob", "accept",
         line_five("edit", b"index 1111111111111111111111111111111111111111.."
                   b"2222222222222222222222222222222222222222 100644\n")),
    Case("honest-hunk-heading", "accept", line_five("edit").replace(
        b"@@\n", b"@@ def f(x):\n")),
]  # fmt: skip

OWN_CASES = NAMES + MODES + GRAMMAR + CONTENT + HONEST
