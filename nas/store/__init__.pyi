from . import engine
from .cluster import Place, elsewhere
from .files import (
    checksum_of,
    expanded,
    link,
    move,
    new_file,
    read_json,
    reading,
    sha256_of,
    state_of,
    write_bytes,
    write_json,
)
from .given import Source, sha256_of_file
from .kept_work import INDEX, digest, finish, finished, is_finished, keep_only, workplace
from .processes import in_processes, lacks_memory, n_cores, reason_of
from .progress import Progress, duration_in_words, readable
from .shards import Row, Shard, Shards, Stored, opened, spread
from .tables import TABLE, collect, join_tables, read_columns, read_table, write_table
from .timing import threads, timed
from .words import one_line
from .yaml_files import Dumper, read_yaml

__all__ = [
    "INDEX",
    "TABLE",
    "Dumper",
    "Place",
    "Progress",
    "Row",
    "Shard",
    "Shards",
    "Source",
    "Stored",
    "checksum_of",
    "collect",
    "digest",
    "duration_in_words",
    "elsewhere",
    "engine",
    "expanded",
    "finish",
    "finished",
    "in_processes",
    "is_finished",
    "join_tables",
    "keep_only",
    "lacks_memory",
    "link",
    "move",
    "n_cores",
    "new_file",
    "one_line",
    "opened",
    "read_columns",
    "read_json",
    "read_table",
    "read_yaml",
    "readable",
    "reading",
    "reason_of",
    "sha256_of",
    "sha256_of_file",
    "spread",
    "state_of",
    "threads",
    "timed",
    "workplace",
    "write_bytes",
    "write_json",
    "write_table",
]
