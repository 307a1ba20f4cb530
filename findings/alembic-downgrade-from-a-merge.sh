#!/bin/bash
# Guess: "alembic downgrade -1" undoes the revision that was applied last, and "alembic downgrade ours" leaves the tables as revision
# "ours" made them.
# What happens: where two branches were merged, "-1" from the merge fails with "Ambiguous walk". "downgrade ours" from the merge
# succeeds and undoes the merge alone: the other branch stays applied, and `alembic current` shows both. "-1" then undoes one of the two
# branches, at random from run to run, with no more than a warning. "ours@-1" says which branch is meant.
# Why it matters here: a team that takes a revision of the template beside one of its own merges the two, and finds no way back with the
# command that it knows. UPGRADING.md names the merge, and tests/test_migrations.py of a service walks each branch by its name.
# Seen on 2026-11-30 with alembic 1.20.1, SQLAlchemy 2.0.58, SQLite.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q alembic==1.20.1 sqlalchemy==2.0.58
PATH=$tmp/venv/bin:$PATH

alembic init migrations > /dev/null
sed -i 's#^sqlalchemy.url.*#sqlalchemy.url = sqlite:///rows.db#' alembic.ini
revision() {
    printf 'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "%s"\ndown_revision = %s\n' "$1" "$2"
    printf '\n\ndef upgrade() -> None:\n    %s\n\n\ndef downgrade() -> None:\n    %s\n' "$3" "$4"
}
added() { revision "$1" "$2" "op.add_column('t', sa.Column('$1', sa.Integer))" "op.drop_column('t', '$1')"; }
revision first None "op.create_table('t', sa.Column('id', sa.Integer, primary_key=True))" "op.drop_table('t')" \
    > migrations/versions/first.py
added ours '"first"' > migrations/versions/ours.py
added theirs '"first"' > migrations/versions/theirs.py
revision merge '("ours", "theirs")' pass pass > migrations/versions/merge.py

now() {
    columns="import sqlite3; print(*sorted(row[1] for row in sqlite3.connect('rows.db').execute('PRAGMA table_info(t)')))"
    echo "  revisions: $(alembic current 2> /dev/null | sed 's/ .*//' | sort | xargs); columns: $(python3 -c "$columns")"
}
downgrade() {
    said=$(alembic downgrade -- "$1" 2>&1 || true)
    said=$(grep -oE "Ambiguous walk|multiple heads is ambiguous" <<< "$said" || echo done)
    echo "downgrade $1: $(head -n 1 <<< "$said")"
    now
}

cat > expected << 'TXT'
upgrade head
  revisions: merge; columns: id ours theirs
downgrade -1: Ambiguous walk
  revisions: merge; columns: id ours theirs
downgrade ours: done
  revisions: ours theirs; columns: id ours theirs
downgrade ours@-1: done
  revisions: theirs; columns: id theirs
downgrade -1 of two, thrice: undid ours or theirs, after a warning
TXT
{
    echo "upgrade head"
    alembic upgrade head 2> /dev/null
    now
    downgrade -1
    downgrade ours
    downgrade ours@-1
    for _ in 1 2 3; do
        alembic upgrade heads 2> /dev/null
        alembic downgrade ours 2> /dev/null
        [[ $(downgrade -1) =~ "multiple heads is ambiguous"[[:space:]]+"revisions: "(ours|theirs)";" ]]
    done
    echo "downgrade -1 of two, thrice: undid ours or theirs, after a warning"
} > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-30)." >&2; exit 1; }
echo "As described."
