# shellcheck shell=sh
# For tests of what is told once, after tap.sh.

# revokes_untold ADD LIST: functions that make one, and that list all without a
# header, the id first.  What could not be printed is revoked.
revokes_untold() {
	for untold in closed full gone; do
		[ $untold != full ] || [ -w /dev/full ] || continue
		untold_before=$($2 | grep -c valid)
		status=0
		case $untold in
		closed) $1 >&- ;;
		full) $1 >/dev/full ;;
		gone) (sleep 1; $1 || echo $? >"$T/status") | : ;;
		esac 2>"$T/err" || status=$?
		[ $untold != gone ] || status=$(cat "$T/status")
		err=$(cat "$T/err")
		is "$status $(grep -c '' "$T/err")" '111 1' \
		    "standard output is $untold: one line"
		like "$err" "standard output: .*, so $($2 | tail -n 1 |
		    cut -f1) is revoked\$" '... which says so'
		is "$($2 | grep -c valid)" "$untold_before" '... and it is'
	done
}
