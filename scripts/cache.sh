#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What get-pythons and get-readers share, to be sourced: the cache of what tests need and nobody
# wants to make twice, its lock, and how a long step shows itself.
#
# Sets: cache, ${XDG_CACHE_HOME:-~/.cache}/ftprof of the user who called sudo if any; home and
# owner, that user's; after lock_cache, work: a folder in the cache that is removed at the end.
# shellcheck disable=SC2034 # home is for those who source this

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
die() {
	local line

	for line; do
		printf '%s: %s\n' "${0##*/}" "$line" >&2
	done
	exit 1
}

home=$HOME
owner=
if [ "$(id -u)" = 0 ] && [ -n "${SUDO_UID-}" ] && [ "$SUDO_UID" != 0 ]; then
	home=$(getent passwd "$SUDO_UID" | cut -d: -f6)
	owner=$SUDO_UID:${SUDO_GID:-$SUDO_UID}
fi
cache=${XDG_CACHE_HOME:-$home/.cache}/ftprof
work=
job=
remedy=

# Files made for the user who called sudo belong to that user.
give() { [ -z "$owner" ] || chown -hR "$owner" "$@"; }

# What runs in the background does not hear Ctrl-C, and would write on into what is removed here.
clean_up() {
	if [ -n "$job" ]; then
		kill "$job" 2>/dev/null || :
		wait "$job" || :
	fi
	rm -rf "$work"
}

# Waits until nobody else fills the cache, and sets `work`.
lock_cache() {
	local lock

	mkdir -p "$cache"
	give "$cache"
	exec {lock}>"$cache/.lock"
	if ! flock -n "$lock"; then
		say "waiting for another run that builds into $cache"
		flock "$lock"
	fi
	# Killed runs leave theirs behind; nobody else works here now.
	rm -rf "$cache"/.work.*
	work=$(mktemp -d "$cache/.work.XXXXXX")
	trap clean_up EXIT
	trap 'exit 130' INT TERM
}

# run_shown WORDS LOG TOTAL PATTERN COMMAND...: runs it with its output in LOG and shows how far it
# is: lines like PATTERN of TOTAL, if TOTAL is not 0. A terminal gets one changing line. When it fails
# it ends the script, with `remedy` for the last word if that is set.
run_shown() {
	local words=$1 out=$2 total=$3 pattern=$4 step=15 begin=$SECONDS next=0 line
	shift 4

	[ ! -t 1 ] || step=1
	"$@" >>"$out" 2>&1 &
	job=$!
	while kill -0 "$job" 2>/dev/null; do
		sleep 0.5
		[ $((SECONDS - begin)) -ge "$next" ] || continue
		next=$((SECONDS - begin + step))
		line="$words, $((SECONDS - begin)) s"
		if [ "$total" -gt 0 ]; then
			line="$line, $(grep -c "$pattern" "$out" || :) of $total objects"
		fi
		if [ -t 1 ]; then printf '\r\033[K%s: %s' "${0##*/}" "$line"; else say "$line"; fi
	done
	[ ! -t 1 ] || printf '\r\033[K'
	if ! wait "$job"; then
		job=
		tail -n 25 "$out" >&2
		die "$words failed; the whole log is $out" ${remedy:+"$remedy"}
	fi
	job=
	say "$words: $((SECONDS - begin)) s"
}
