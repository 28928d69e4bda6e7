# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the hook
# What the adapters in this directory begin with.  Each is a program for
# hook:PROGRAM and hook-http:PROGRAM, called
#
#	PROGRAM present|cleanup NAME FQDN VALUE
#
# and calls a hook that was written for another client.  Which one that is
# stands in a variable HOOK_*, set where acme-order is started, or in a script
# of two lines that sets it and starts the adapter.
#
# Sets $verb, $method (dns-01, http-01), $domain, $token and $value.

refuse() {
	echo "${0##*/}: $*" >&2
	exit 100
}

# hook_is VARIABLE PROGRAM
hook_is() {
	[ -n "$2" ] || refuse "$1 is not set: the path of the hook"
	[ -x "$2" ] || refuse "$1: $2 is no program"
}

[ $# -eq 4 ] || refuse 'usage: present|cleanup NAME FQDN VALUE'
verb=$1 domain=$2 value=$4
case $verb in
present | cleanup) ;;
*) refuse "$verb: neither present nor cleanup" ;;
esac
case $value in
*.*)
	method=http-01 token=$3
	;;
*)
	# Those hooks put _acme-challenge. before the domain by themselves.
	method=dns-01 token=$value domain=${3#_acme-challenge.}
	[ "$domain" != "$3" ] ||
	    refuse "$3: where the CNAME leads does not begin with _acme-challenge"
	;;
esac
