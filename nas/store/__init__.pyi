from . import engine
from .files import checksum_of, link, new_file, sha256_of, write_bytes, write_json
from .kept_work import INDEX, finished, keep_only, workplace
from .progress import duration_in_words, readable
from .shards import Row, Shard, Shards, spread
from .tables import TABLE, collect, join_tables, read_columns, write_table
from .timing import timed

__all__ = [
    "INDEX",
    "TABLE",
    "Row",
    "Shard",
    "Shards",
    "checksum_of",
    "collect",
    "duration_in_words",
    "engine",
    "finished",
    "join_tables",
    "keep_only",
    "link",
    "new_file",
    "read_columns",
    "readable",
    "sha256_of",
    "spread",
    "timed",
    "workplace",
    "write_bytes",
    "write_json",
    "write_table",
]
