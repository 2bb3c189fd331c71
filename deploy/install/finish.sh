# Start everything, let somebody in, and say how it went. Sourced by install.sh.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the others

start_all() {
  balupi migrate --check >/dev/null 2>&1 || {
    balupi migrate --verbosity 0
    changed "the database is up to date"
  }
  local unit
  service_enable balupi-recover enable-only
  for unit in redis web worker; do
    service_enable "balupi-$unit"
  done
  for unit in web worker; do
    if is_outdated "$unit"; then
      service_restart "balupi-$unit"
      changed "balupi-$unit has taken up settings and code"
    fi
  done
  service_enable nginx
  [ -z "${is_nginx_new:-}" ] || service_reload nginx
}

# is_outdated web|worker: whether it has been running since before its settings or its code were made; back-off.sh writes
# that file at each start.
is_outdated() {
  local started=/run/balupi-$1/failures
  [ -e "$started" ] && { [ "$settings_file" -nt "$started" ] || [ "$release/.complete" -nt "$started" ]; }
}

# choose_admin: sets $admin_name and $admin_password for the first account, if there is none yet.
choose_admin() {
  admin_name='' admin_password=''
  ! has_admin || return 0
  admin_name=${BALUPI_INSTALL_ADMIN:-}
  admin_password=${BALUPI_INSTALL_ADMIN_PASSWORD:-}
  if ! is_asking; then
    [ -z "$admin_name" ] || check_admin || die "BALUPI_INSTALL_ADMIN is a name of letters, digits and @.+-_; BALUPI_INSTALL_ADMIN_PASSWORD has at least 8 characters."
    return 0
  fi
  if [ -z "$admin_name" ]; then
    read -rp "Your name for signing in to BaluPi's admin [owner]: " admin_name
    admin_name=${admin_name:-owner}
  fi
  until is_admin_name; do
    read -rp "Letters, digits and @.+-_ only. Your name: " admin_name
  done
  until check_admin; do
    read -rsp "Your password, at least 8 characters: " admin_password
    echo
  done
}

# As Django takes it.
is_admin_name() { [[ $admin_name =~ ^[[:alnum:]_@.+-]{1,150}$ ]]; }

check_admin() { is_admin_name && [ "${#admin_password}" -ge 8 ]; }

has_admin() {
  [ -x /usr/local/bin/balupi ] && [ -e /opt/balupi/current ] &&
    [ "$(balupi shell --verbosity 0 --command 'from django.contrib.auth.models import User
print(User.objects.filter(is_superuser=True, is_active=True).exists())' 2>/dev/null)" = True ]
}

make_admin() {
  [ -n "$admin_name" ] && ! has_admin || return 0
  # Django's own checks of a password are for forms; the length was asked for.
  DJANGO_SUPERUSER_PASSWORD=$admin_password balupi createsuperuser --no-input --username "$admin_name" --email '' >/dev/null
  changed "account $admin_name"
}

finish() {
  local address
  address=http://$(setting PI_IP)/
  wait_until 60 is_web_up || die "The web process does not answer within 60 s: journalctl -u balupi-web -n 50"
  if [ "$changes" -eq 0 ]; then
    say "Everything is as it should be; nothing was changed."
  else
    say "Installed ($changes changes)."
  fi
  connect_inbox
  firewall_hint
  say "What the doctor says"
  wait_until 45 is_worker_up || true # the doctor says why
  balupi doctor || true
  echo
  say "BaluPi is at $address"
  has_admin || echo "Nobody can sign in yet: sudo balupi createsuperuser"
  echo "The NAS needs this Pi's address and the secret that 'sudo grep HANDSHAKE_SECRET $settings_file' shows (docs/nas.md)."
  echo "Anything wrong above? Each line has its cure; 'sudo balupi doctor' looks again."
}

is_web_up() { answers_http "$(web_port)" /api/ping; }

web_port() {
  local listen
  listen=$(setting LISTEN)
  listen=${listen:-127.0.0.1:8000}
  listen=${listen%%,*}
  echo "${listen##*:}"
}

# The way to the NAS's inbox: the key is made and its line for the NAS is shown until the way is open.
connect_inbox() {
  has_disk || return 0
  [ ! -e "$data_dir/ssh/known_hosts" ] || return 0
  say "The inbox's way to the NAS"
  local options=()
  [ "${BALUPI_INSTALL_TRUST_HOST_KEY:-}" != yes ] || options=(--yes)
  balupi connect_inbox "${options[@]}" || echo "That can wait until the NAS is ready: sudo balupi connect_inbox"
}

firewall_hint() {
  command -v ufw >/dev/null 2>&1 && ufw status 2>/dev/null | grep -q '^Status: active' || return 0
  echo "A firewall is on. Let your network in: sudo ufw allow from 192.168.0.0/16 to any port 80,445 proto tcp"
}
