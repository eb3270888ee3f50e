#!/bin/sh
# The shop's records need a megabyte; status 77 says that there is no way to tell.
command -v df >/dev/null || exit 77
free=$(df -Pk . | awk 'NR == 2 { print $4 }')
test "$free" -gt 1024
