#!/bin/sh
# Goal: what acme-order, domain-queue or renew-queue process brings, and acme-revoke
# takes away, is so in a Redis that is to have it immediately when they end, with
# pebble; what cannot be deployed is no failure of theirs, and renew-queue does it.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
. "$(dirname "$0")/../lib/redis.sh"

PEBBLE_VA_ALWAYS_VALID=1
export PEBBLE_VA_ALWAYS_VALID
start_pebble
order_up
start_redis
targets=$T/targets.conf
sed -i "s|^\[client\]\$|&\ntargets_file = $targets|" "$client"
cat >"$targets" <<END
[gateways]
kind = redis
prime_style = 1
url = redis://127.0.0.1:$redis_port
delete = true
immediately = true

[other]
kind = redis
prime_style = 1
prefix = other
url = redis://127.0.0.1:$redis_port
END

# ---- orders --------------------------------------------------------------------

order run a.example
exits 0 'acme-order run'
is "$err" '' '... without a word'
like "$out" '^1.valid.a.example' '... but that it is valid'
is "$(primed a)" 1 '... the Redis has it'
is "$(pending gateways) $(pending other)" '0 1' '... the other one waits'
order new b.example
is "$(primed b) $(pending other)" '0 1' 'acme-order new'
order download 2
exits 0 'acme-order download'
is "$err$(primed b)" 1 '... brings it'
order run 'bad_name'
exits 100 'what cannot be ordered'
is "$(printf '%s\n' "$err" | wc -l)" 1 '... is told once'
order run
exits 100 'wrong use'
is "$(printf '%s\n' "$err" | wc -l)" 2 '... is told once, with the usage'

# ---- names that wait -------------------------------------------------------------

queue add c.example d.example
queue process c.example
exits 0 'domain-queue process NAME'
is "$out$err" '' '... is silent'
is "$(primed c) $(primed d)" '1 0' '... the Redis has it'
queue process
exits 0 'domain-queue process'
is "$out$err$(primed d)" 1 '... the rest'

# ---- renewed, revoked ------------------------------------------------------------

renew add d.example
renew process
exits 0 'renew-queue process'
is "$out$err" '' '... is silent'
is "c:$(field d1:d.example c)" \
    "c:$(sql 'SELECT max(id) FROM certificates')" '... the Redis has the new one'
run "$BIN/acme-revoke" -c "$client" c.example
exits 0 'acme-revoke'
is "$err$(primed c)" 0 '... what is revoked is not there any more'

# ---- the Redis is not there --------------------------------------------------------

stop redis
order run e.example
exits 0 'a Redis that is not there: ordered all the same'
like "$out" 'valid.e.example' '... which is said'
is "$(printf '%s\n' "$err" | wc -l)" 1 '... in one line'
like "$err" '^acme-order: \[gateways\]: not deployed: .*cannot connect' \
    '... it is told of'
queue add f.example
queue process
exits 0 'domain-queue process'
like "$err" '^domain-queue: \[gateways\]: not deployed: .*cannot connect' \
    '... the same'
is "$(pending gateways)" 2 '... both are pending'
start_redis
sql 'UPDATE deployments SET retry_at = 0'
renew deploy
exits 0 '... for renew-queue'
is "$(primed e) $(primed f) $(pending gateways)" '1 1 0' '... which does it'

# ---- told to end ---------------------------------------------------------------------

cat >"$T/hook" <<END
#!/bin/sh
: >$T/asked
exec sleep 600
END
chmod 755 "$T/hook"
start ordering "$BIN/acme-order" run -c "$client" \
    --challenge "hook-http:$T/hook" g.example
must wait_for 30 [ -e "$T/asked" ]
stop ordering
is "$status" 111 'an order that is told to end'
like "$(cat "$T/ordering.out")" 'pending.g.example' '... says how far it is'
like "$(cat "$T/ordering.log")" 'acme-order: ' '... and why'
is "$(sql 'SELECT count(*) FROM upstream_orders WHERE lease_until > 0')" 0 \
    '... and lets go of it'
done_testing
