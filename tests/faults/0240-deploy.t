#!/bin/sh
# Goal: renew-queue deploy may be killed at every system call that writes, in each
# of its processes; run again it does the rest: the tree is whole, the program
# was told of every certificate after its tree had it, and nothing is left over.
# So may cert-import, when both are to have it immediately.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

faults_up "client targets_file = $T/targets.conf"
cat >"$T/targets.conf" <<END
[web]
kind = tree
layout = nginx
directory = $T/web

[reload]
kind = hook
program = $T/hook
END
# What the tree had when the hook was told.
cat >"$T/hook" <<END
#!/bin/sh
cat >>$T/told
cat $T/web/*.pem >$T/seen
END
chmod 755 "$T/hook"

# Two certificates, and one that takes the place of the first.
for n in a b a2; do
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj "/CN=${n%2}.example" -days $((${#n} * 10)) \
	    -addext "subjectAltName=DNS:${n%2}.example.org" \
	    -keyout "$T/$n.key" -out "$T/$n.crt"
	cat "$T/$n.crt" >>"$T/$n.key"
done

deploy() {
	"$@" "$BIN/renew-queue" deploy -c "$config" >"$T/run.out" 2>"$T/run.err"
}
import() {
	"$BIN/cert-import" -c "$config" --each "$@" >"$T/import.out" 2>&1
}
import_third() {
	"$@" "$BIN/cert-import" -c "$config" --each "$T/a2.key" \
	    >"$T/run.out" 2>"$T/run.err"
}
# begin: a store with two certificates that are deployed.
begin() {
	fresh_round
	rm -rf "$T/web" "$T/told"
	must import "$T/a.key" "$T/b.key"
	must deploy env
	rm -f "$T/told" "$T/seen"
}
# forget: what was killed has held its target for long enough.
forget() {
	sql 'UPDATE deploy_targets SET lease_until = 0'
	sql 'UPDATE deployments SET retry_at = 0'
}
# good: it is all as it should be; else $said.
good() {
	said=$(sql "SELECT count(*) FROM deployments WHERE status <> 'done'")
	[ "$said" = 0 ] || return 1
	said=$(sql 'SELECT count(*) FROM serving_changes')
	[ "$said" = 0 ] || return 1
	said='the tree'
	grep -q -F "$(sed -n 3p "$T/a2.crt")" "$T/web/a.example.org.pem" || return 1
	said='what the hook was told, or saw'
	grep -q '"id":3' "$T/told" || return 1
	grep -q -F "$(sed -n 3p "$T/a2.crt")" "$T/seen" || return 1
	said=$("$BIN/acmed-store" check -c "$config" 2>&1 | grep -v 'not sealed')
	[ -z "$said" ]
}

# kill_all ROLE...: act, of which rest does what a kill has left.
kill_all() {
	begin
	FAULT=''
	act under
	for role; do
		calls=$(counted "$role")
		ok "$role: $calls calls that write" [ "$calls" -gt 5 ]
		k=1 bad='' killed=0
		while [ "$k" -le "$calls" ]; do
			for mode in before after; do
				begin
				FAULT=$role:$k:$mode
				act under
				[ ! -s "$T/faults.log" ] ||
				    killed=$((killed + 1))
				rest || bad="$bad $k:$mode:$(cat "$T/run.err")"
				good || bad="$bad $k:$mode:$said"
			done
			k=$((k + ${STEP:-1}))
		done
		is "$bad" '' "$role: killed $killed times, and each time it was done"
		ok '... the kills hit' [ "$killed" -ge "$calls" ]
	done
}

act() {
	must import_third env
	deploy "$@"
}
rest() {
	forget
	deploy env
}
kill_all renew-queue renew-queue+

sed -i 's/^kind = .*/&\nimmediately = true/' "$T/targets.conf"
act() {
	import_third "$@"
}
rest() {
	import_third env || return 1
	forget
	deploy env
}
kill_all cert-import cert-import+
done_testing
