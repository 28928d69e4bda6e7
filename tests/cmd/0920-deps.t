#!/bin/sh
# Goal: scripts/deps installs what is missing and leaves services as they were,
# also when it was killed.
. "$(dirname "$0")/../lib/tap.sh"

# A machine of its own: apt-get installs one package, whose service it enables
# (and would start), when $T/go is there.
ROOT=$T/root
policy=$ROOT/usr/sbin/policy-rc.d
links=$ROOT/etc/systemd/system/multi-user.target.wants
must mkdir -p "$T/bin" "$ROOT/usr/sbin" "$ROOT/run" "$links" \
    "$ROOT/etc/rc2.d"
ln -s x "$links/old.service"
echo 0 >"$T/uid"
export ROOT
stub() {
	{
		echo '#!/bin/sh'
		cat
	} >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}
stub id <<'END'
cat "$T/uid"
END
stub dpkg-query <<'END'
for package; do
	case $package in
	-*) ;;
	make) [ ! -e "$T/installed" ] || echo "installed make" ;;
	*) echo "installed $package" ;;
	esac
done
END
stub apt-get <<'END'
case $* in update*) exit 0 ;; esac
echo "$*" >"$T/apt"
"$ROOT/usr/sbin/policy-rc.d"
echo $? >"$T/asked"
until [ -e "$T/go" ]; do sleep 0.05; done
ln -s x "$ROOT/etc/systemd/system/multi-user.target.wants/new.service"
ln -s x "$ROOT/etc/rc2.d/S01new"
: >"$T/installed"
END
PATH=$T/bin:$PATH

state() {
	(cd "$ROOT" && find etc usr -type l -o -type f | sort | tr '\n' ' ')
}
clean='etc/systemd/system/multi-user.target.wants/old.service '
after="etc/rc2.d/K01new $clean"

again() {
	rm -f "$T/installed" "$T/go" "$T/apt" "$T/asked" "$ROOT"/etc/rc2.d/*
}

echo 1000 >"$T/uid"
run "$SRC/scripts/deps" build
exits 1 'not root'
like "$err" '^apt-get install .* make $' '... says what to install'
is "$(state)" "$clean" '... and changes nothing'
echo 0 >"$T/uid"

: >"$T/go"
run "$SRC/scripts/deps" build
exits 0 'installs'
like "$(cat "$T/apt")" ' make$' '... what is missing'
is "$(cat "$T/asked")" 101 '... services are not to be started'
is "$(state)" "$after" '... none is enabled, and nothing else is left'
run "$SRC/scripts/deps" build
exits 0 'nothing to install'
is "$out$err" '' '... is silent'

again
printf '#!/bin/sh\nexit 0\n' >"$policy"
chmod 711 "$policy"
cp -p "$policy" "$T/policy"
: >"$T/go"
run "$SRC/scripts/deps" build
is "$(cat "$T/asked")" 101 'a policy that is there is out of force'
ok '... and put back' cmp "$policy" "$T/policy"
is "$(stat -c %a "$policy")" 711 '... with its mode'

# Killed while apt-get works, which goes on and ends by itself.
again
start deps "$SRC/scripts/deps" build
ok 'apt-get works' wait_for 10 test -e "$T/asked"
kill -KILL "$(cat "$T/deps.pid")"
wait "$(cat "$T/deps.pid")" 2>/dev/null
tap_servers=''
: >"$T/go"
run "$SRC/scripts/deps" build
exits 0 'killed, and run again when nothing is missing any more'
ok '... the policy is put back' cmp "$policy" "$T/policy"
is "$(state)" "${after}usr/sbin/policy-rc.d " '... and nothing is enabled'

done_testing
