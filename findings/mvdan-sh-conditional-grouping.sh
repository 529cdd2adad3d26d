#!/bin/bash
# mvdan.cc/sh v3.14.1, the parser of shfmt, gosh and many linters, groups [[ ]]
# otherwise than bash: && and ! take all that follows, so that
#
#   [[ a && b || c ]]   is read as   a && (b || c)
#   [[ ! a || b ]]      is read as   ! (a || b)
#
# bash documents ! above && above ||. In a list of commands (a && b || c) both agree:
# there && and || have the same precedence, and the parser is right.
#
# Seen with gosh v3.14.1 beside bash 5.2.15:
#
#   [[ 1 = 2 && 1 = 1 || 1 = 1 ]]   bash: true    gosh: false
#   [[ ! 1 = 1 || 1 = 1 ]]          bash: true    gosh: false
#
# Exit status 0: still so. 1: it changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
GOBIN=$dir GOFLAGS=-mod=mod go install mvdan.cc/sh/v3/cmd/gosh@v3.14.1
echo "gosh v3.14.1, $(bash --version | head -1)"
changed=0
for condition in '1 = 2 && 1 = 1 || 1 = 1' '! 1 = 1 || 1 = 1'; do
  answer() { if "$@" -c "[[ $condition ]]"; then echo true; else echo false; fi; }
  real=$(answer bash) other=$(answer "$dir/gosh")
  echo "[[ $condition ]]  bash: $real  gosh: $other"
  [[ $real == true && $other == false ]] || changed=1
done
exit $changed
