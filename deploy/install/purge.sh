# Deleting the data, and nothing else. Sourced by uninstall.sh.
# shellcheck shell=bash

# purge_below TOP FOLDER KEPT ...: deletes FOLDER if it is below TOP, wherever links and ".." in their names lead; but
# nothing that is KEPT, or holds it, nor what is mounted in it.
purge_below() {
  local top folder entry kept
  top=$(realpath -e -- "$1" 2>/dev/null) && folder=$(realpath -e -- "$2" 2>/dev/null) || return 0
  [[ $top != / && $folder == "$top"/* ]] || return 0
  (
    shopt -s nullglob dotglob
    for entry in "$folder"/*; do
      for kept in "${@:3}"; do
        kept=$(realpath -m -- "$kept")
        [[ $kept/ != "$entry"/* && $entry/ != "$kept"/* ]] || continue 2
      done
      rm -rf --one-file-system --preserve-root=all -- "$entry" || true # it has said what it leaves
    done
  )
  rmdir --ignore-fail-on-non-empty -- "$folder" || true
}
