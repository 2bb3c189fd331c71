# The inbox as an SMB share, and who may use it. Sourced by install.sh. Only where there is a data disk.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the others

smb_conf=/etc/samba/smb.conf

share_is_ours() { head -n 1 "$smb_conf" 2>/dev/null | grep -q "^# BaluPi's SMB share"; }

# A smb.conf that nobody has touched since the package made it may be replaced.
share_is_free() {
  [ ! -e "$smb_conf" ] || share_is_ours || ! grep -Eq '^[[:space:]]*\[' "$smb_conf" ||
    [ "$(md5sum <"$smb_conf")" = "$(md5sum </usr/share/samba/smb.conf 2>/dev/null)" ] ||
    grep -q "^$(md5sum <"$smb_conf" | cut -d' ' -f1)[[:space:]]*$smb_conf$" /var/lib/ucf/hashfile 2>/dev/null
}

# choose_share: sets $wants_share, and $smb_user and $smb_password for a first account.
choose_share() {
  wants_share='' smb_user='' smb_password=''
  share_is_ours && wants_share=yes
  [ -n "$wants_share" ] || [ -n "$disk_source" ] || has_disk || return 0
  wants_share=${wants_share:-${BALUPI_INSTALL_SHARE:-$(confirm "Share the inbox in your network (SMB)?")}}
  case "$wants_share" in [yYjJ]*) ;; *) wants_share=''; return 0 ;; esac
  refuse_foreign_share
  [ -z "$(smb_accounts)" ] || return 0
  smb_user=${BALUPI_INSTALL_SMB_USER:-}
  smb_password=${BALUPI_INSTALL_SMB_PASSWORD:-}
  if [ -z "$smb_user" ] && is_asking; then
    read -rp "Name of the first account of the share, such as scanner or family [Enter for none] " smb_user
  fi
  [ -n "$smb_user" ] || return 0
  [[ $smb_user =~ ^[a-z_][a-z0-9_-]{0,31}$ ]] || die "'$smb_user' cannot be an account: small letters, digits, - and _ only."
  if [ -z "$smb_password" ] && is_asking; then
    read -rsp "Its password: " smb_password
    echo
  fi
  [ -n "$smb_password" ] || die "The account $smb_user of the share needs a password (BALUPI_INSTALL_SMB_PASSWORD)."
}

refuse_foreign_share() {
  share_is_free || die "$smb_conf has shares of your own. BaluPi does not touch it: take over what deploy/smb.conf says (docs/inbox.md), and start again with sudo BALUPI_INSTALL_SHARE=no deploy/install.sh."
}

smb_accounts() { pdbedit -L 2>/dev/null || true; }

setup_share() {
  [ -n "$wants_share" ] || return 0
  refuse_foreign_share
  local is_new=
  if [ -e "$smb_conf" ] && ! share_is_ours; then
    cp -a --no-clobber "$smb_conf" "$smb_conf.before-balupi"
  fi
  put "$release/deploy/smb.conf" "$smb_conf" && is_new=1
  getent group balupi-inbox >/dev/null || {
    groupadd --system balupi-inbox
    changed "group balupi-inbox"
  }
  if [ -n "$smb_user" ]; then
    getent passwd "$smb_user" >/dev/null || useradd --no-create-home --shell /usr/sbin/nologin "$smb_user"
    usermod --append --groups balupi-inbox "$smb_user"
    printf '%s\n%s\n' "$smb_password" "$smb_password" | smbpasswd -s -a "$smb_user" >/dev/null
    changed "account $smb_user of the share"
  fi
  service_enable smbd
  [ -z "$is_new" ] || service_restart smbd
}
