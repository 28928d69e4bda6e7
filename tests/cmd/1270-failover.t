#!/bin/sh
# Goal: a certificate of a second CA, with a key of its own, is kept ready and
# serves nothing; a failover has it serve, in one transaction, and back; a CA
# that is given up is left with one command, however often it is run.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
. "$(dirname "$0")/../lib/pages.sh"

PEBBLE_VA_ALWAYS_VALID=1
export PEBBLE_VA_ALWAYS_VALID
start_dns
start_acmed
start_pebble
order_up
account ca add acmed "$directory" --trust "$ca"
exits 0 'a second CA'
account register --ca acmed --agree-terms --default
exits 0 'an account there'

# serves NAME: the number of the certificate that does.
serves() {
	"$BIN/cert-export" --cert --der "$1" -c "$client" | sha256sum |
	    { read -r sum _ && sql "SELECT id FROM certificates
		WHERE lower(hex(sha256)) = '$sum'"; }
}
active() {
	sql 'SELECT group_concat(id) FROM (SELECT id FROM certificates
	    WHERE active = 1 ORDER BY id)'
}
# agree ID TEXT: the serving rule, what explains it and what is deployed say so.
agree() {
	renew deploy
	agree_why=$("$BIN/cert-list" why --no-header --tsv a.example.test \
	    b.example.test -c "$client" | awk -F '\t' '$3 == "served" { print $4 }' | xargs)
	agree_tree=$(for name in a b; do
		openssl x509 -in "$T/tree/$name.example.test.pem" -outform DER |
		    sha256sum | { read -r sum _ && sql "SELECT id FROM certificates
			WHERE lower(hex(sha256)) = '$sum'"; }
	done | xargs)
	is "$status $(serves a.example.test)$(serves b.example.test)" "0 $1$1" "$2"
	is "$agree_why / $agree_tree" "$1 $1 / $1 $1" \
	    '... as why and the tree say'
	like "$(cat "$T/hook.in")" "\"id\":$1,.*\"previous\":$3," \
	    '... and the program is told'
}
# labels: of the two that change places.
labels() {
	sql "SELECT group_concat(coalesce(label, 'null'), ' ') FROM (SELECT label
	    FROM renewal_configurations WHERE id IN (1, 3) ORDER BY id)"
}
backup_of() {
	sql "SELECT coalesce(backup_of_id, 0) FROM renewal_configurations
	    WHERE id = $1"
}

# ---- one is made, and kept ready ---------------------------------------------------
order run a.example.test b.example.test --challenge "listen:$http_port" \
    --key-cycle global_daily
exits 0 'a certificate of the first CA'
order run c.example.test --challenge "listen:$http_port"
exits 0 'another'
manage renewal backup a.example.test
exits 100 'a backup without an account'
manage renewal backup a.example.test --account 1
exits 1 'a backup at the same CA'
like "$err" 'upstream account 1 is at the same CA as' '... is none'
manage renewal backup a.example.test nowhere.example.test --account 2
exits 1 'a backup of one that is there and one that is not'
is "$(backup_of 3)" 1 '... is made for the first'
manage renewal backup 1 --account 2
exits 1 'a second backup'
is "$err" \
    'cert-manage: renewal_configuration/1 has a backup: renewal_configuration/3' \
    '... is one too many'
manage renewal backup 3 --account 1
exits 1 'a backup of a backup'
like "$err" 'renewal_configuration/3 is the backup of renewal_configuration/1' \
    '... neither'
manage failover a.example.test
exits 1 'a backup that has no certificate yet'
like "$err" 'renewal_configuration/3, its backup, has no certificate yet' \
    '... cannot serve'
renew run
exits 0 'renew-queue gets it'
is "$(sql 'SELECT count(*) FROM certificates')" 3 '... a third certificate'
is "$(active)" 1,2 '... which is not active'
is "$(serves a.example.test)" 1 '... and serves nothing'
is "$(sql 'SELECT count(DISTINCT spki_sha256) FROM certificates')" 3 \
    '... with a key of its own'
renew run
is "$(sql 'SELECT count(*) FROM certificates')" 3 'it is not due again'

cat >"$T/targets.conf" <<END
[tree]
kind = tree
layout = nginx
directory = $T/tree
renewal = a.example.test
[program]
kind = hook
program = $T/hook
renewal = a.example.test
END
printf '#!/bin/sh\ncat >%s\n' "$T/hook.in" >"$T/hook"
chmod 755 "$T/hook"
sed -i "s|^\[client\]|&\ntargets_file = $T/targets.conf|" "$client"
agree 1 'the first serves' null
run "$BIN/cert-list" why --no-header --tsv a.example.test -c "$client"
like "$out" "passed over	3	renewal_configuration/3, a backup, keeps it ready" \
    '... and why says what is kept ready'
manage renewal show 3
like "$out" 'backup_of: +1' 'it is shown as a backup'
like "$out" 'key_cycle: +single_certificate' '... with a cycle of its own'
manage renewal show 1
like "$out" 'backup: +3' '... and with what it stands in for'
manage renewal set 3 --key-cycle global_daily
exits 1 'a cycle that would share the key'
like "$err" 'renewal_configuration/3 is a backup, .* with global_daily they' \
    '... is refused'
manage renewal set 3 --key-cycle none
exits 1 '... as is that of the account, which may change'
manage renewal set 3 --key-cycle account_key_default
exits 1 '... by either name'
manage renewal set 3 --key-cycle reuse_year
exits 0 '... but not one that is of its account'
manage renewal remove 1
exits 1 'one that has a backup'
like "$err" 'renewal_configuration/1 has a backup' '... is not removed'

# ---- there and back ----------------------------------------------------------------
manage failover
exits 100 'a failover of nothing'
manage failover --ca pebble --account 1
exits 100 'a failover by two rules'
manage failover c.example.test
exits 1 'one without a backup'
like "$err" 'renewal_configuration/2 has no backup' '... is told'
manage failover -n a.example.test --no-header
exits 0 'a failover that is only tried'
is "$out $(active)" '1 1,2' '... changes nothing'
manage renewal set 1 --label shop
manage failover a.example.test
exits 0 'a failover'
is "$(labels)" 'null shop' '... and the label is of what serves'
is "$(active)" 2,3 '... deactivates the one and activates the other'
agree 3 '... which serves' 1
run "$BIN/cert-list" why --no-header --tsv a.example.test -c "$client"
like "$out" "passed over	1	renewal_configuration/1, a backup, keeps it ready" \
    '... and the one before is kept ready'
like "$out" "renewal	3	auto-renew is on: due " '... and it is the one that is renewed'
is "$(backup_of 1) $(backup_of 3)" '3 0' '... and the roles have changed'
manage failover 1
exits 1 'the same by number'
like "$err" 'renewal_configuration/1 is the backup of renewal_configuration/3' \
    '... is told to be done'
run "$BIN/acmed-store" check -c "$client"
exits 0 'acmed-store check finds nothing'
sql 'UPDATE certificates SET active = 1 WHERE id = 1'
run "$BIN/acmed-store" check -c "$client"
exits 1 'a backup that is active'
like "$out$err" 'renewal_configuration/1: a backup of a backup, .* or active' \
    '... is found'
sql 'UPDATE certificates SET active = 0 WHERE id = 1'
manage activate 1
exits 1 'the certificate of a backup is not activated by hand'
like "$err" 'certificate 1 is what renewal_configuration/1, a backup, keeps ready' \
    '... but by a failover'
is "$(active)" 2,3 '... and nothing is changed'
renew run
is "$(sql 'SELECT count(*) FROM certificates')" 3 'nothing is due for that'
renew add 1
renew process
is "$(sql 'SELECT count(*) FROM certificates') $(active)" '4 2,3' \
    'what is renewed of the backup sleeps'
manage failover a.example.test
exits 0 'back'
is "$(serves a.example.test) $(active)" '4 2,4' '... to the latest of the first CA'
agree 4 '... which serves' 3

# What somebody has activated all the same does not hold up a failover.
sql 'UPDATE certificates SET active = 1 WHERE id = 3'
manage failover a.example.test
exits 0 'a failover to what is active already'
is "$(active) $(serves a.example.test)" '2,3 3' '... goes on with the rest'
manage renewal set 1 --label spare
manage failover shop
is "$status $(active)" '0 2,4' '... and is taken back, by the label'
is "$(labels)" 'shop spare' '... which the two have exchanged'

# ---- a CA is left ------------------------------------------------------------------
manage failover --ca pebble --no-header
exits 0 'all of a CA'
is "$out" 1 '... those that have a backup'
is "$(serves a.example.test)" 3 '... go to the other'
manage failover --ca pebble --no-header
exits 0 'once more'
is "$out $(active)" ' 2,3' '... changes nothing'
manage failover --ca pebble a.example.test c.example.test
exits 1 'with names as well'
is "$(active)" 2,3 '... those that have gone already are left alone'
like "$err" 'renewal_configuration/2 has no backup' '... others are told'
run "$BIN/acme-revoke" a.example.test -c "$client"
exits 0 'the one that serves is revoked'
manage failover a.example.test
exits 1 'a name that nothing serves'
manage failover 3
exits 0 '... is told by number'
is "$(serves a.example.test)" 4 '... and the other CA serves'
agree 4 '... both names' 3
renew run
exits 0 'the backup is renewed'
is "$(sql 'SELECT certificate_id FROM renewal_configurations WHERE id = 3')" 5 \
    '... as it was revoked'
is "$(active | tr , '\n' | grep -c '^[35]$')" 1 '... and sleeps'
must "$BIN/acmed-store" check -c "$client"
manage renewal remove 3
exits 0 'a backup can go'
manage renewal backup a.example.test --account 2
exits 0 '... and come again'

ACMED_CONFIG=$client
export PATH ACMED_CONFIG
script cert-manage.1 'renewal list' 'failover --ca'
sed -i 's/letsencrypt/pebble/' "$T/script"
works
exits 0 'cert-manage: a spare for all, and over to it'
is "$(serves c.example.test)" \
    "$(sql 'SELECT certificate_id FROM renewal_configurations WHERE
    backup_of_id IS NULL AND upstream_account_id = 2
    ORDER BY id DESC LIMIT 1')" '... which serves'

# ---- no key is shared ---------------------------------------------------------------
keys() {
	sql "SELECT count(DISTINCT c.spki_sha256) FROM renewal_configurations r
	    JOIN certificates c ON c.id = r.certificate_id
	    WHERE r.id IN ($first, $spare)"
}
order run s.example.test --challenge "listen:$http_port" --key-cycle global_daily
exits 0 'a certificate with a key for all'
first=$(sql 'SELECT max(id) FROM renewal_configurations')
manage renewal backup s.example.test --account 2
exits 0 'its backup'
spare=$(sql 'SELECT max(id) FROM renewal_configurations')
renew run
manage failover s.example.test
exits 0 'a failover'
manage renewal show "$first"
like "$out" 'key_cycle: +single_certificate' '... what is a backup now has its own'
manage renewal set "$spare" --key-cycle global_daily
exits 0 'what serves may have the key for all'
before=$(sql 'SELECT max(id) FROM certificates')
for id in "$first" "$spare"; do
	renew add "$(sql "SELECT certificate_id FROM renewal_configurations
	    WHERE id = $id")"
done
renew process
is "$(sql "SELECT count(*) FROM renewal_configurations
    WHERE id IN ($first, $spare) AND certificate_id > $before")" 2 \
    '... and both are renewed'
is "$(keys)" 2 '... with two keys'
manage failover s.example.test
exits 0 'back'
manage renewal show "$spare"
like "$out" 'key_cycle: +single_certificate' '... the same the other way round'
order run s.example.test --challenge "listen:$http_port" --account 2 \
    --key-cycle global_daily
exits 0 'an order by hand'
manage renewal show "$spare"
like "$out" 'key_cycle: +single_certificate' '... does not change that'
account update 1 --certificate-key-cycle global_daily
manage renewal set "$first" --key-cycle none
manage failover s.example.test
manage renewal show "$first"
like "$out" 'key_cycle: +single_certificate' '... nor does the cycle of an account'
sql "UPDATE renewal_configurations SET policy =
    replace(policy, 'single_certificate', 'global_daily') WHERE id = $first"
manage renewal set "$spare" --key-cycle global_daily
exits 1 'one whose backup has the key for all'
like "$err" "renewal_configuration/$spare has a backup, .* with global_daily" \
    '... cannot have it'

done_testing
