"""Keys by which rows of the views about a database's inside name each other."""

from hashlib import sha256


def statistics_key(object_id: int, number: int) -> int:
    """Both numbers of statistics in one."""
    return 1000 * object_id + number


def query_hash(text: str) -> bytes:
    """Eight bytes that stand for a statement."""
    return sha256(text.encode()).digest()[:8]
