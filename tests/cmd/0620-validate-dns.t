#!/bin/sh
# Goal: dns-01 (RFC 8555 8.4), the PTR check and the address rule, against a
# real DNS server: chains, long answers over TCP, wildcards, silence.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/validate.sh"
skip_unless_has knotd knotc sqlite3 openssl perl

DNS_PORT=$(free_port) HTTP_PORT=$(free_port) TLS_PORT=$(free_port)

txt() {
	printf '_acme-challenge.%s TXT "%s"\n' "$1" \
	    "$(digest_of "${2:-$1}.example.test")"
}

filler() {
	awk -v n="$1" -v name="$2" 'BEGIN { for (i = 0; i < n; i++)
	    printf "_acme-challenge.%s TXT \"%s%0120d\"\n", name, "filler", i }'
}

# chain NAME N: _acme-challenge.NAME leads over N CNAMEs to the record.
chain() {
	echo "_acme-challenge.$1 CNAME c1.$1"
	i=1
	while [ "$i" -lt "$2" ]; do
		echo "c$i.$1 CNAME c$((i + 1)).$1"
		i=$((i + 1))
	done
	printf 'c%s.%s TXT "%s"\n' "$i" "$1" "$(digest_of "$1.example.test")"
}

{
	txt plain
	echo 'second A 127.0.0.1'
	printf '_acme-challenge.several TXT "%s"\n' other another
	txt several
	digest=$(digest_of parts.example.test)
	printf '_acme-challenge.parts TXT "%.20s" "%s"\n' "$digest" "${digest#????????????????????}"
	filler 40 big
	txt big
	txt wild
	echo '_acme-challenge.wrong TXT "not the digest"'
	printf '_acme-challenge.longer TXT "%sX"\n' \
	    "$(digest_of longer.example.test)"
	printf '_acme-challenge.upper TXT "%s"\n' \
	    "$(digest_of upper.example.test | tr '[:lower:]' '[:upper:]')"
	echo '_acme-challenge.nodata A 127.0.0.1'
	chain short 8
	chain toolong 9
	echo '_acme-challenge.round CNAME round2'
	echo 'round2 CNAME _acme-challenge.round'
	printf '*.star TXT "%s"\n' "$(digest_of star.example.test)"
	echo '_acme-challenge.out CNAME elsewhere.other.test.'
	for name in inside outside bothsides unresolved; do
		txt $name
	done
	echo 'inside A 127.0.0.1'
	echo 'outside A 192.0.2.1'
	echo 'bothsides A 127.0.0.1'
	echo 'bothsides A 192.0.2.1'
	for i in 1 2 3 4; do
		echo "ptr$i A 127.0.2.$i"
	done
	echo 'ptr6 AAAA ::1'
} | zone example.test
printf 'elsewhere TXT "%s"\n' "$(digest_of out.example.test)" | zone other.test
{
	echo '1.2.0 PTR ptr1.example.test.'
	echo '2.2.0 PTR other.example.test.'
	echo '3.2.0 PTR other.example.test.'
	echo '3.2.0 PTR PTR3.example.test.'
} | zone 127.in-addr.arpa
echo '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR
    ptr6.example.test.' | tr '\n' ' ' | zone ip6.arpa
for i in 1 2 3 4 6; do
	answer_ok "ptr$i.example.test"
done

configure 'validate timeout = 8s'
new_store
start_knot
start_web 127.0.2.1 127.0.2.2 127.0.2.3 127.0.2.4 ::1

# ---- what the DNS may answer -------------------------------------------------
names='plain several parts big wrong longer upper nodata nosuch short toolong
    round star out'
for name in $names; do
	challenge dns-01 "$name.example.test"
done
challenge dns-01 wild.example.test 1
sweep
exits 0 'all in one sweep'
good plain.example.test 'the digest'
is "$(address_of plain.example.test)" '' 'connected to nothing'
good several.example.test 'one of several records'
good parts.example.test 'a record of several strings'
good big.example.test 'an answer that fits TCP only'
good wild.example.test 'for a wildcard'
good short.example.test 'over 8 CNAMEs'
good star.example.test 'from a wildcard record'
good out.example.test 'in another zone'
bad wrong.example.test incorrectResponse 'not the digest' 'another text'
bad longer.example.test incorrectResponse 'none of 1' 'one letter more'
bad upper.example.test incorrectResponse 'none of 1' 'upper case'
bad nodata.example.test unauthorized 'no TXT record' 'no such record'
bad nosuch.example.test dns NXDOMAIN 'no such name'
bad toolong.example.test dns 'CNAME|SERVFAIL' 'over 9 CNAMEs'
bad round.example.test dns 'CNAME|SERVFAIL' 'CNAMEs in a circle'

# ---- the name's addresses ----------------------------------------------------
configure 'policy dns01_require_address = true' 'validate timeout = 8s'
for name in inside outside bothsides unresolved; do
	challenge dns-01 "$name.example.test"
done
sweep
good inside.example.test 'dns01_require_address: inside'
bad outside.example.test rejectedIdentifier 192.0.2.1 'outside'
bad bothsides.example.test rejectedIdentifier 192.0.2.1 'inside and outside'
bad unresolved.example.test dns 'NXDOMAIN|no A' 'no address'

# ---- PTR ---------------------------------------------------------------------
configure 'policy verify_ptr = true' 'validate timeout = 8s'
for name in ptr1 ptr2 ptr3 ptr4 ptr6; do
	challenge http-01 "$name.example.test"
done
sweep
good ptr1.example.test 'verify_ptr: the name'
good ptr3.example.test 'one of several, upper case'
good ptr6.example.test 'of an IPv6 address'
bad ptr2.example.test rejectedIdentifier \
    '127.0.2.2.*other.example.test' 'another name'
is "$(asked ptr2.example.test)" 0 'which is not connected to'
bad ptr4.example.test rejectedIdentifier 'no PTR' 'no PTR record'

# Name servers that keep silent about AAAA are common.
cat >"$T/deaf" <<'END'
# usage: deaf PORT FORWARD_PORT: a DNS forwarder that drops questions for AAAA.
use strict;
use IO::Socket::INET;
my ($port, $to) = @ARGV;
my $in = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port", Proto => 'udp')
    or die "$port: $@";
$| = 1;
print "ready\n";
while (my $peer = $in->recv(my $query, 4096)) {
	next if $query =~ /\0\0\x1c\0\x01/;
	my $out = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$to",
	    Proto => 'udp') or die "$to: $@";
	$out->send($query);
	$out->recv(my $answer, 4096);
	$in->send($answer, 0, $peer);
}
END
DEAF_PORT=$(free_port)
start deaf perl "$T/deaf" "$DEAF_PORT" "$DNS_PORT"
wait_for 10 grep -q ready "$T/deaf.out"
configure "validate resolver = 127.0.0.1:$DEAF_PORT" \
    'policy verify_ptr = true' 'validate timeout = 15s'
challenge http-01 ptr1.example.test
challenge http-01 ptr2.example.test
sweep
good ptr1.example.test 'verify_ptr: silence about AAAA does not matter'
bad ptr2.example.test rejectedIdentifier '127.0.2.2.*other.example.test' \
    'then, too, the PTR record does'

# ---- attempts, and an answer that changes between them -----------------------
configure 'validate timeout = 8s' 'validate attempts = 3' \
    'validate retry_delay = 1s'
challenge dns-01 late.example.test
challenge http-01 ptr2.example.test
answer ptr2.example.test <<'END'
HTTP/1.1 404 Not yet

END
sweep
is "$(result late.example.test)" 'processing pending pending' \
    'after the first attempt it is processing'
like "$(error_of late.example.test)" NXDOMAIN 'with the error of the attempt'
is "$(result ptr2.example.test)" 'processing pending pending' 'http-01, too'
txt late >>"$T/dns/example.test.zone"
# Rebinding: the name was fine, and now leads inside, where all would be right.
sed -i 's/^ptr2 A .*/ptr2 A 169.254.169.254/; s/SOA.*/SOA ns admin 4000000000 1 1 9 1/' \
    "$T/dns/example.test.zone"
reload_zones
answer_ok ptr2.example.test
jobs_are_due() {
	[ "$(sql "SELECT max(due) <= CAST(strftime('%s') AS INTEGER)
	    FROM jobs")" = 1 ]
}
must wait_for 10 jobs_are_due
sweep
good late.example.test 'the next attempt asks again'
bad ptr2.example.test rejectedIdentifier 169.254.169.254 \
    'the next attempt checks again: no rebinding'

# ---- silence, and nobody -----------------------------------------------------
SILENT_PORT=$(free_port)
start silent "$SRC/tests/lib/mute" udp 127.0.0.1 "$SILENT_PORT"
wait_for 10 grep -q ready "$T/silent.out"
for port in "$SILENT_PORT" 1; do
	configure "validate resolver = 127.0.0.1:$port" 'validate timeout = 4s'
	challenge dns-01 plain.example.test
	challenge http-01 ptr1.example.test
	sweep
	bad plain.example.test dns 'no answer in time|SERVFAIL' \
	    "resolver port $port: dns-01"
	bad ptr1.example.test dns 'no answer in time|SERVFAIL' \
	    "resolver port $port: http-01"
done
done_testing
