#!/bin/sh
# A service that keeps failing is started ever more rarely, up to once in two minutes, and never given up: each start
# costs a Pi half a minute of one core. systemd has this itself since 254 (RestartSteps=), Debian 12 has 252.
#   back-off.sh wait   before a start (ExecStartPre=): waits as long as the last failures say
#   back-off.sh note   after an end (ExecStopPost=): counts a failure; an end that was wanted forgets them
# The count lives in $RUNTIME_DIRECTORY, that is in memory.
set -eu

steady_s=600    # who ran this long has not failed in a row
longest_s=120
file=$RUNTIME_DIRECTORY/failures # "how many, uptime of the last start"

failures=0 started_s=0
if [ -r "$file" ]; then
  read -r failures started_s <"$file"
fi
uptime_s() { cut -d. -f1 /proc/uptime; }

case $1 in
  wait)
    if [ "$failures" -gt 1 ]; then # the first one is started again at once
      delay_s=$((5 << (failures < 7 ? failures - 2 : 5)))
      [ "$delay_s" -le "$longest_s" ] || delay_s=$longest_s
      echo "failed $failures times in a row; starts again in $delay_s s"
      trap 'kill "$!"; rm -f "$file"; exit 0' TERM # stopped by hand: the next start by hand does not wait
      sleep "$delay_s" &
      wait "$!"
      trap - TERM
    fi
    echo "$failures $(uptime_s)" >"$file"
    ;;
  note)
    if [ "${SERVICE_RESULT:-success}" = success ]; then
      rm -f "$file"
    else
      [ $(($(uptime_s) - started_s)) -lt "$steady_s" ] || failures=0
      echo "$((failures + 1)) $started_s" >"$file"
    fi
    ;;
esac
