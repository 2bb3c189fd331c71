# Makes releases under /opt/balupi and switches between them. Sourced by install.sh and update.sh; needs lib.sh.
# shellcheck shell=bash disable=SC2154 # $python comes from use_python in lib.sh

release_script=${BASH_SOURCE[0]}
opt=/opt/balupi
settings_file=/etc/balupi/balupi.env
#: How many releases besides the current one are kept, to go back to.
kept_releases=2

# make_release SOURCE: makes a release of a tree's code, without touching what runs; prints its id.
# A git work tree gives exactly what its HEAD has; any other folder the files it has. Does nothing the second time.
make_release() {
  # A shell of its own: inside "if" or "||" this one would go on after an error.
  bash "$release_script" "$1" || die "No new release was made; nothing has changed."
}

make_release_here() {
  local source id
  source=$(readlink -f "$1")
  if [ ! -f "$source/manage.py" ] || [ ! -f "$source/balupi_site/version.py" ]; then
    die "There is no BaluPi in $source."
  fi
  use_python >&2
  cd / # Celery puts the present folder before all others to import from
  umask 0022
  mkdir -p "$opt/releases" "$opt/venvs" /run/lock
  exec 6>/run/lock/balupi-release
  flock 6 # the installer and an update may make the same one
  rm -rf "$opt"/releases/.new.*
  fresh=$(mktemp -d "$opt/releases/.new.XXXXXX")
  trap 'rm -rf "$fresh"' EXIT
  copy_code "$source" "$fresh"
  id=$(id_of "$fresh")
  put_release "$fresh" "$id" >&2
  echo "$id"
}

# copy_code SOURCE FOLDER: the code and the file .release, which tells what it is.
copy_code() {
  local commit made version
  made=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  if is_git_tree "$1"; then
    commit=$(git_of "$1" rev-parse HEAD)
    git_of "$1" archive --format=tar HEAD | tar -x --no-same-owner -C "$2"
    git_of "$1" diff --quiet HEAD || say "Changes in $1 that are not committed are left out." >&2
  else
    tar -c -C "$1" --exclude-vcs --exclude='./.venv*' --exclude=./data --exclude=./build --exclude=./staticfiles \
      --exclude=./.env --exclude=./.release --exclude=./.complete --exclude=./static --exclude=__pycache__ --exclude='.*_cache' \
      --exclude=.hypothesis --exclude=.schemathesis . | tar -x --no-same-owner -C "$2"
    commit=$(cd "$2" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-40)
  fi
  chmod -R u+rwX,go+rX,go-w "$2"
  if [ "$(dirname "$1")" = "$opt/releases" ]; then
    cp "$1/.release" "$2/" # one that is installed already stays the same
    return 0
  fi
  version=$(version_of "$2")
  printf 'version=%s\ncommit=%s\nmade=%s\n' "$version" "$commit" "$made" >"$2/.release"
}

is_git_tree() {
  command -v git >/dev/null && [ -e "$1/.git" ] && git_of "$1" rev-parse --verify --quiet HEAD >/dev/null
}

# The tree is often another user's; root starts this script from it, so it is trusted anyway.
git_of() { git --no-optional-locks -c safe.directory="$1" -C "$1" "${@:2}"; }

version_of() { sed -n 's/^VERSION = "\([0-9A-Za-z.+-]*\)"$/\1/p' "$1/balupi_site/version.py"; }

# release_fact FOLDER NAME: one line of a release's file: version, commit or made.
release_fact() { sed -n "s/^$2=//p" "$1/.release"; }

id_of() { echo "$(release_fact "$1" version)-$(release_fact "$1" commit | cut -c 1-10)"; }

# put_release FOLDER ID: takes the code where the release is not there yet, and gives it what it runs with.
put_release() {
  local release=$opt/releases/$2 venv
  venv=$(make_venv "$1")
  if [ -e "$release/.complete" ]; then
    link "../../venvs/$venv" "$release/.venv" # another one after an upgrade of Debian
    return 0
  fi
  say "Preparing release $2"
  rm -rf "$release"
  mv "$1" "$release"
  link "../../venvs/$venv" "$release/.venv"
  # The service may not write here, so it could not keep what it compiles.
  "$release/.venv/bin/python" -m compileall -q "$release" -x '/(tests|benchmarks|\.venv)/' >/dev/null
  collect_static "$release"
  chown -R root:root "$release"
  sync -f "$release" # after a power cut the mark must not be there without what it stands for
  touch "$release/.complete"
  sync -f "$release"
}

# link TARGET NAME: makes or turns a symbolic link; at each moment it leads to the old or to the new target.
link() {
  ln -sfn "$1" "$2.new"
  mv -fT "$2.new" "$2"
}

# Static files depend on no setting, so real ones (and their data) are kept out of it.
collect_static() {
  local empty
  empty=$(mktemp -d)
  env -i PATH="$PATH" LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 BALUPI_ENV_FILE=/dev/null BALUPI_DATA_DIR="$empty" \
    BALUPI_STATIC_DIR="$1/static" "$1/.venv/bin/python" "$1/manage.py" collectstatic --no-input --verbosity 0
  rm -rf "$empty"
}

# make_venv FOLDER: makes the Python packages that a tree's pins ask for, once for all releases with these; prints the name.
make_venv() {
  local lock=$1/deploy/requirements.lock name venv log cache=(--no-cache-dir)
  ! wants_postgres || lock=$1/deploy/requirements-postgres.lock
  name=$({ "$python" -c 'import platform, sys; print(sys.version_info[:3], platform.machine())'; cat "$lock"; } |
    sha256sum | cut -c 1-12)
  venv=$opt/venvs/$name
  echo "$name"
  ! { [ -e "$venv/.complete" ] && "$venv/bin/python" -c '' 2>/dev/null; } || return 0
  say "Installing Python packages (some minutes on a Pi)" >&2
  rm -rf "$venv"
  log=$(mktemp)
  # The card is spared: each file is wanted once, so no copy is kept of it.
  [ -z "${PIP_CACHE_DIR:-}" ] || cache=()
  if ! { "$python" -m venv "$venv" && "$venv/bin/python" -m pip install --disable-pip-version-check --no-input \
    "${cache[@]}" --require-hashes --only-binary=:all: --requirement "$lock"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -rf "$log" "$venv"
    die "The Python packages could not be installed (above). Does this Pi reach the Internet (pypi.org), and is its clock right?"
  fi
  rm -f "$log"
  sync -f "$venv"
  touch "$venv/.complete"
}

# setting NAME: prints one of the settings; nothing where it is not set.
setting() {
  "$python" "$(dirname "$release_script")/install/ask.py" --file "$settings_file" --get "$1"
}

# wants_postgres: whether the settings name PostgreSQL, or "balupi move_database" shall find it; it needs one package more.
wants_postgres() {
  local file urls
  [ -e "$settings_file" ] || return 1
  urls=$(setting DATABASE_URL)
  for file in "$(setting DATABASE_URL_FILE)" "$(dirname "$settings_file")/database.url"; do
    [ ! -f "$file" ] || urls+=$'\n'$(<"$file")
  done
  grep -qiE '(postgres|pgsql|postgis)[a-z]*://' <<<"$urls"
}

# current_release: prints the id of the release that is installed; nothing where there is none.
current_release() { [ ! -L "$opt/current" ] || basename "$(readlink "$opt/current")"; }

# switch_release ID: makes it the one that starts; not before all of it is on the card.
switch_release() {
  [ -e "$opt/releases/$1/.complete" ] || die "Release $1 is not complete in $opt/releases."
  link "releases/$1" "$opt/current"
  sync "$opt"
}

# manage RELEASE COMMAND ...: a command of a release as the services' user, with the settings and nothing of our own.
manage() {
  local release=$opt/releases/$1
  env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME=/nonexistent PYTHONDONTWRITEBYTECODE=1 BALUPI_ENV_FILE="$settings_file" \
    setpriv --reuid balupi --regid balupi --init-groups -- \
    bash -c 'cd / && umask 0027 && exec "$@"' bash "$release/.venv/bin/python" "$release/manage.py" "${@:2}"
}

# prune_releases: removes all but the current, the ones before it, and what an unfinished update needs.
prune_releases() {
  (flock 6 && remove_old_releases && remove_old_venvs) 6>/run/lock/balupi-release
}

remove_old_releases() {
  local current id kept=0
  current=$(current_release)
  [ -n "$current" ] || return 0
  while read -r id; do
    if [ "$id" = "$current" ] || grep -qsFx -e "old=$id" -e "new=$id" "$opt/update.journal" "$opt/update.last"; then
      continue
    elif [ -e "$opt/releases/$id/.complete" ] && [ "$kept" -lt "$kept_releases" ]; then
      kept=$((kept + 1))
    else
      rm -rf "${opt:?}/releases/$id"
    fi
  done < <(cd "$opt/releases" && find . -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%f\n' |
    while read -r id; do printf '%s %s\n' "$(stat -c %Y "$id/.complete" 2>/dev/null || echo 0)" "$id"; done |
    sort -rn | cut -d ' ' -f 2-)
}

remove_old_venvs() {
  local name
  for name in "$opt"/venvs/*/; do
    name=$(basename "$name")
    find "$opt/releases" -maxdepth 2 -name .venv -lname "*/$name" | grep -q . || rm -rf "${opt:?}/venvs/$name"
  done
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then # see make_release
  set -euo pipefail
  shopt -s inherit_errexit
  # shellcheck source=deploy/lib.sh
  . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
  make_release_here "$1"
fi
