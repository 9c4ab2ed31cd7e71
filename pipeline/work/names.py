"""Which names some file system takes for ``.git``."""

# Code points that HFS+ leaves out when it compares names (git's utf8.c, next_hfs_char).
_IGNORED = dict.fromkeys(
    (*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF)
)


def takes_for_git(name: bytes) -> bool:
    """Whether a file or directory of this name could be a repository's ``.git`` somewhere.

    Covers case, NTFS (trailing dots and spaces, streams, the short name ``git~1``) and HFS+
    (ignored code points).
    """
    if name.isascii() and b"git" not in name.lower():
        return False
    text = name.decode("utf-8", "surrogateescape").translate(_IGNORED).casefold()
    return text.partition(":")[0].rstrip(". ") in (".git", "git~1")
