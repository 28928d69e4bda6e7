#!/bin/sh
# Goal: renew-queue deploy brings what serves to trees and programs, once each,
# in their order; what fails is tried again, alone and without a new
# certificate; two runs share, and who is killed loses nothing.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
skip_unless_has openssl sqlite3 perl

make_export_store
targets=$T/targets.conf
printf '[client]\ntargets_file = %s\n' "$targets" >>"$T/acmed.conf"

queue() {
	run "$BIN/renew-queue" "$@" -c "$T/acmed.conf"
}
# asked FIELD: of all that the hook was told in its last run, sorted.
asked() {
	perl -MJSON::PP -ne '
		my $o = decode_json($_);
		my $v = $o->{$ENV{FIELD}};
		print ref $v ? "@$v" : $v // "null", "\n"' \
	    <"$T/hook.in" | sort | xargs
}
told() {
	FIELD=$1 asked
}
runs() {
	wc -l <"$T/hook.runs"
}
again() {
	sql 'UPDATE deployments SET retry_at = 0'
}

cat >"$T/hook" <<END
#!/bin/sh
cat >$T/hook.in
echo run >>$T/hook.runs
env >$T/hook.env
printf '%s\n' "\$@" >$T/hook.args
. $T/hook.does
END
chmod 755 "$T/hook"
: >"$T/hook.does"
: >"$T/hook.runs"

# ---- no targets ----------------------------------------------------------------

enter a DNS:a.example
queue deploy
exits 0 'no file of targets'
is "$out$err" '' '... is silent'
is "$(sql 'SELECT count(*) FROM serving_changes')" 0 '... and keeps no account'

# ---- trees and programs ------------------------------------------------------------

cat >"$targets" <<END
# what is read comes first, whatever stands first
[reload]
kind = hook
program = $T/hook
argument = --now
argument = a, b
environment = COLOUR=blue
timeout = 20s

[web]
kind = tree
layout = nginx
directory = $T/web
END
queue deploy
exits 0 'a tree and a hook'
is "$out$err" '' '... in silence'
ok '... the tree has the name' openssl x509 -in "$T/web/a.example.pem" -noout
is "$(runs)" 1 '... the hook has run once'
is "$(told id)/$(told names)" 1/a.example '... with the certificate and its names'
is "$(told paths)" "$T/web/a.example.pem" '... and where the tree shows it'
is "$(told previous)" null '... which is the first'
is "$(told fingerprint)" \
    "$(sql 'SELECT lower(hex(sha256)) FROM certificates WHERE id = 1')" \
    '... and its fingerprint'
like "$(told not_after)" '^20..-..-..T' '... and its end'
is "$(xargs <"$T/hook.args")" '--now a, b' '... with its arguments'
like "$(cat "$T/hook.env")" '^COLOUR=blue$' '... its environment'
like "$(cat "$T/hook.env")" '^ACMED_TARGET=reload$' '... which says the target'
unlike "$(cat "$T/hook.env")" '^ACMED_(CONFIG|STORE)|^T=' '... and little else'
queue deploy
is "$status $(runs)" '0 1' 'nothing has changed: it is not run'

enter b 'DNS:b.example,DNS:www.b.example'
enter a2 DNS:a.example
queue deploy
exits 0 'two more'
is "$(runs)" 2 '... in one run'
is "$(told id)/$(told previous)" '2 3/1 null' '... each with what was there'
is "$(FIELD=paths asked)" \
    "$T/web/a.example.pem $T/web/b.example.pem $T/web/www.b.example.pem" \
    '... and all paths'
is "$(openssl x509 -in "$T/web/a.example.pem" -noout -serial)" \
    "$(openssl x509 -in "$T/a2.crt" -noout -serial)" '... the tree is as new'

must "$BIN/cert-manage" deactivate 3 -c "$T/acmed.conf"
queue deploy
is "$(told id)/$(told previous)" 1/3 'the one before serves again'
must "$BIN/cert-manage" activate 3 -c "$T/acmed.conf"
queue deploy
is "$(told id)/$(told previous)" 3/1 '... and back'
before=$(runs)
queue deploy --again --target reload
exits 0 '--again'
is "$(runs)/$(told id)" "$((before + 1))/2 3" '... all of it'
queue deploy --target nobody
exits 1 '--target: none of that name'
like "$err" '^renew-queue: nobody: no such deploy target$' '... says so'

# ---- what fails ----------------------------------------------------------------------

echo 'echo "no such worker" >&2; echo more >&2; exit 3' >"$T/hook.does"
enter c DNS:c.example
before=$(runs)
queue deploy
exits 1 'a hook fails'
is "$err" "renew-queue: 1 failing
  failing   target reload, 1 certificate: $T/hook: exit code 3: no such worker
  see renew-queue status, renew-queue list" '... and is told of, by its first line'
like "$(sql "SELECT d.status, attempts, retry_at - $(date +%s) BETWEEN 40 AND 67
    FROM deployments d JOIN deploy_targets t ON t.id = d.deploy_target_id
    WHERE t.name = 'reload' AND d.status <> 'done'")" '^failed\|1\|1$' \
    '... is tried again in a minute'
ok '... the tree has the name all the same' [ -e "$T/web/c.example.pem" ]
queue deploy
is "$status $(runs)" "0 $((before + 1))" '... not before'
again
queue deploy
exits 1 '... then it fails again'
is "$err" '' '... which is not told again'
like "$(sql "SELECT attempts, retry_at - $(date +%s) BETWEEN 580 AND 661
    FROM deployments WHERE status = 'failed'")" '^2\|1$' '... in ten minutes'
queue status
exits 0 'status'
like "$out" '^target: +1 failing, 2 done: reload \(hook\): ' \
    '... says what lags'
echo 'exit 111' >"$T/hook.does"
again
queue deploy
exits 111 'a hook that puts it off'
is "$(sql "SELECT attempts, error FROM deployments WHERE status = 'pending'")" \
    "3|$T/hook: exit code 111: it does not say why" '... is kept'
: >"$T/hook.does"
again
queue deploy
exits 0 '... and is done at last'
is "$(told id)" 4 '... for that one alone'
like "$err" '^  recovered target reload$' '... which is told'
queue deploy
is "$err" '' '... once'

# The group is told first, and killed when it does not listen.
sed -i 's/^timeout = .*/timeout = 1s/' "$targets"
# shellcheck disable=SC2016 # for the hook
echo 'trap "echo TERM >$0.term; exit 0" TERM; sleep 60 & wait' >"$T/hook.does"
queue deploy
exits 111 'a hook that takes too long'
like "$err" 'took longer than 1 s and was killed' '... is told of'
is "$(cat "$T/hook.term")" TERM '... was asked to end'
# shellcheck disable=SC2016 # for the hook
echo 'trap "" TERM; sleep 60 & echo $$ $! >$0.pids; wait; sleep 60' >"$T/hook.does"
again
began=$(date +%s)
queue deploy
exits 111 'one that does not listen'
took=$(($(date +%s) - began))
ok '... has ten seconds' [ "$took" -ge 10 ] && ok '... not for ever' [ "$took" -lt 40 ]
read -r leader child <"$T/hook.pids"
ok '... and is killed' wait_for 5 ended "$leader"
ok '... with its children' wait_for 5 ended "$child"
: >"$T/hook.does"
sed -i 's/^timeout = .*/timeout = 20s/' "$targets"
queue deploy
exits 0 '... other settings: all is deployed anew'

# ---- a tree that fails ---------------------------------------------------------------

enter d DNS:d.example
rm -r "$T/web"
: >"$T/web"
before=$(runs)
queue deploy
exits 111 'a tree that cannot be'
like "$err" '^  failing   target web, 1 certificate: .*/web: cannot make' '... is told of'
is "$(runs)" "$before" '... the hook waits for it'
rm "$T/web"
again
queue deploy --again --target web
exits 0 '... and then it can'
is "$(find "$T/web" -name '*.pem' -type l | wc -l)" 5 '... and is complete'
queue deploy
is "$(told id)" 5 '... and the hook has its turn'

# Who has which name is known before it is confined.
cp "$targets" "$T/good"
sed -i "s/^layout = .*/&\nowner = $(id -un)\ngroup = $(id -gn)/" "$targets"
queue deploy
exits 0 'an owner and a group, by name'
sed -i 's/^owner = .*/owner = no-such-user/' "$targets"
queue deploy
exits 1 '... that is not there'
like "$err" 'target web, 4 certificates: user no-such-user: no such' '... says so'
cp "$T/good" "$targets"
queue deploy

# ---- for some ------------------------------------------------------------------------

cat >>"$targets" <<END
[some]
kind = hook
program = $T/hook
renewal = nobody.example
END
enter g DNS:g.example
before=$(runs)
queue deploy
exits 1 'a target for a renewal that is not there'
like "$err" '^renew-queue: 1 failing
  failing   target some, rests: renewal: nobody.example: no renewal' '... rests'
is "$(runs)/$(told id)" "$((before + 1))/6" '... and the others have their turn'
ok '... all of them' [ -e "$T/web/g.example.pem" ]
queue deploy
is "$status $err" '1 ' '... which is told once'
queue status
like "$out" '^target: +rests: some \(hook\): renewal: nobody' '... and shown'
like "$out" '^targets_lagging: +1$' '... as one that lags'
queue metrics
like "$out" '^acmed_renew_deploy_resting_timestamp_seconds\{target="some"\} 1' \
    '... in the metrics, too'
like "$out" '^acmed_renew_deploy_resting_timestamp_seconds\{target="web"\} 0$' \
    '... which the others do not'
queue deploy --target reload
exits 0 '... and another alone is not to blame'

# What it has had it keeps, and goes on with; and it holds nobody up.
sed -i 's/^renewal = .*/renewal = customer/' "$targets"
sql "INSERT INTO renewal_configurations (label, active, upstream_account_id,
    fqdn_set_id, policy, certificate_id, due_at, due_by, due_rule, created)
    SELECT 'customer', 0, 1, fqdn_set_id, '{}', id, 0, 0, 'first', 1
    FROM certificates WHERE id = 6"
before=$(runs)
queue deploy
exits 0 'when it is there'
is "$err" 'renew-queue: 1 recovered
  recovered target some
  see renew-queue status, renew-queue list' '... the target goes on'
is "$(runs)/$(told id)" "$((before + 1))/6" '... with all that it is for'
sql "UPDATE renewal_configurations SET label = 'other'"
queue deploy
is "$status $(sql "SELECT count(*) FROM deployments d JOIN deploy_targets t
    ON t.id = d.deploy_target_id WHERE t.name = 'some'
    AND d.status = 'done'")" '1 1' '... and keeps it, when it is gone again'
sql "UPDATE renewal_configurations SET label = 'customer'"
before=$(runs)
queue deploy
is "$status $(runs)" "0 $before" '... and is not told all of it once more'
sed -i '/^\[some\]/,$d' "$targets"
sql 'DELETE FROM renewal_configurations'
queue deploy

# ---- two at once; who is killed --------------------------------------------------------

: >"$T/hook.runs"
mkfifo "$T/gate"
echo "echo >$T/hook.here; cat $T/gate" >"$T/hook.does"
enter e DNS:e.example
"$BIN/renew-queue" deploy -c "$T/acmed.conf" 2>"$T/one" &
one=$!
must wait_for 20 test -e "$T/hook.here"
queue deploy
exits 0 'two at once: the other has nothing to do'
: >"$T/gate"
ok '... and the one ends well' wait "$one"
is "$(runs)" 1 '... one run'

rm "$T/hook.here"
enter f DNS:f.example
"$BIN/renew-queue" deploy -c "$T/acmed.conf" 2>"$T/one" &
one=$!
must wait_for 20 test -e "$T/hook.here"
kill -KILL "$one"
wait "$one" 2>/dev/null
: >"$T/gate"
echo 'exit 0' >"$T/hook.does"
before=$(runs)
queue deploy
is "$(runs)" "$before" 'killed: its lease holds'
ok '... for minutes' [ "$(sql "SELECT max(lease_until) - $(date +%s)
    FROM deploy_targets")" -le 320 ]
sql 'UPDATE deploy_targets SET lease_until = 0' # as if it had waited
queue deploy
exits 0 '... as long as it does'
is "$(runs)/$(told id)" "$((before + 1))/8" '... and then it is run again'
ok '... nothing is wrong with the store' "$BIN/acmed-store" check -c "$T/acmed.conf"

# ---- what stands in the file -------------------------------------------------------------

# wrong RULE TEXT: is refused.
wrong() {
	printf '%b' "$2" >"$targets"
	queue deploy
	exits 102 "$1"
	like "$err" "^renew-queue: $targets:[0-9]+: .*$1" '... says so'
}
cp "$targets" "$T/good"
wrong 'has no kind' '[a]\nlayout = nginx\n'
wrong 'there is no tee' '[a]\nkind = tee\n'
wrong 'needs layout and directory' '[a]\nkind = tree\nlayout = nginx\n'
wrong 'must be one of certbot' '[a]\nkind = tree\nlayout = x\ndirectory = /x\n'
wrong 'needs a program' '[a]\nkind = hook\n'
wrong 'is not of a hook' '[a]\nkind = hook\nprogram = /x\nlayout = nginx\n'
wrong 'absolute' '[a]\nkind = hook\nprogram = x\n'
wrong 'unknown key' '[a]\nkind = hook\nprogramme = /x\n'
wrong 'stands twice' '[a]\nkind = hook\nkind = hook\n'
wrong 'stands twice' '[a]\nkind = hook\nprogram = /x\n[a]\n'
wrong 'NAME=value' '[a]\nkind = hook\nprogram = /x\nenvironment = x y\n'
wrong 'octal' '[a]\nkind = tree\nlayout = nginx\ndirectory = /x\nmode = rw\n'
wrong 'not several' '[a]\nkind = tree\nlayout = nginx\ndirectory = /x\nchain_shortest = true\nchain_issuer = x\n'
wrong 'not HOST:PORT' '[a]\nkind = hook\nprogram = /x\nprove = x:y\n'
cp "$T/good" "$targets"
chmod 664 "$targets"
queue deploy
exits 102 'a file that others may write'
like "$err" 'others may write it' '... says so'
chmod 644 "$targets"
is "$(sql 'SELECT count(*) FROM deploy_targets')" 2 '... and nothing was changed'
queue deploy
exits 0 '... as before'

# ---- the examples of the page --------------------------------------------------------------

# shellcheck source=tests/lib/pages.sh
. "$SRC/tests/lib/pages.sh"
ACMED_CONFIG=$T/acmed.conf
export ACMED_CONFIG
script renew-queue.1 '^\[nginx-files\]' '^argument = reload'
sed "s|/etc/nginx|$T/nginx|; s|/usr/sbin/nginx|$T/hook|" "$T/script" >"$targets"
mkdir "$T/nginx"
queue deploy
exits 0 'the file of targets on the page'
is "$(xargs <"$T/hook.args")" '-s reload' '... runs what it says'
ok '... when the files are there' [ -e "$T/nginx/certificates/a.example.pem" ]
rm -r "$T/nginx/certificates"
script renew-queue.1 '^renew-queue deploy --again'
works
exits 0 'all of it once more'
ok '... and the files are there again' [ -e "$T/nginx/certificates/a.example.pem" ]
mkdir -p "$T/var/lib/node-exporter"
script renew-queue.1 '^renew-queue metrics'
works
exits 0 'for the textfile collector'
like "$(cat "$T/var/lib/node-exporter/acmed.prom")" \
    '^acmed_renew_deploy_done\{target="nginx-files"\} [67]$' '... a file'
rm "$targets"
queue deploy
is "$status $(sql 'SELECT count(*) FROM deployments')" '0 0' 'no targets any more'
done_testing
