#!/bin/sh
# Goal: that of tests/faults/0250-domain-queue.t, with fewer names.
: "${N:=60}"
. "$(dirname "$0")/../faults/0250-domain-queue.t"
