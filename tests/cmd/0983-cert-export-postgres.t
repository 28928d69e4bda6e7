#!/bin/sh
# Goal: cert-export reads a store of PostgreSQL as it reads one of SQLite.
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/postgres.sh
. "$SRC/tests/lib/postgres.sh"
. "$SRC/tests/lib/export.sh"
skip_unless_has openssl

start_postgres
make_export_store "$postgres&$(schema acmed)"
enter a DNS:a.example
enter b 'DNS:b.example,DNS:*.w.example'

export_cert a.example
is "$out" "$(cat "$T/a.crt")" 'by name'
export_cert x.w.example
is "$out" "$(cat "$T/b.crt")" '... that a wildcard has'
export_cert "$(openssl x509 -in "$T/a.crt" -noout -fingerprint | cut -d= -f2)"
is "$out" "$(cat "$T/a.crt")" 'by SHA-1'
export_cert --key a.example
is "$out" "$(openssl pkey -in "$T/a.key")" 'a key'
export_cert --json a.example
exits 0 'JSON'
export_cert nosuch.example
exits 1 'one that is not there'

export_cert --tree haproxy "$T/tree"
exits 0 'a tree'
is "$(printf '%s\n' "$out" | wc -l)" 4 '... of three names'
is "$(cat "$T/tree/certs/b.example.pem")" \
    "$(cat "$T/b.crt" && openssl pkey -in "$T/b.key")" '... as they should be'
sign a
export_cert --tree haproxy --since 1h --delete "$T/tree"
exits 0 'a renewed one'
is "$(printf '%s\n' "$out" | sed 1d | cut -f1,2)" \
    "$(printf 'a.example\tchanged')" '... is in the tree'
export_cert --tree haproxy --delete "$T/tree"
exits 0 'again'
is "$out$err" '' '... there is nothing to do'

done_testing
