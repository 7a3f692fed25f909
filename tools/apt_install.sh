#!/bin/sh
# Installs Debian packages as root: apt_install.sh PACKAGE…
#
# The tests need the programs, not running services: nginx on port 80 of a developer's laptop would be
# a strange thing to find after `make test`. policy-rc.d is Debian's own way to say so to a package's
# set-up; it is put there only for this moment, and never where the machine already has one. What a package
# enables for the next boot (policy-rc.d does not speak of that) is disabled again.
set -eu

policy=/usr/sbin/policy-rc.d
if [ -d /usr/sbin ] && [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\n# made by the tests of jupyter-totp-auth while they install packages\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

# dpkg refuses to work without the sbin folders, which a person's PATH lacks.
PATH="/usr/local/sbin:/usr/sbin:/sbin:$PATH"
export PATH
export DEBIAN_FRONTEND=noninteractive
install() {
    # The timeout: another apt may be at work (unattended upgrades, a second `make`).
    apt-get install --yes --quiet=2 --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o APT::Get::AutomaticRemove=false "$@"
}

# What the next boot would start.
enabled() {
    find /etc/systemd/system -path '*.wants/*.service' 2>/dev/null | sort
}

# The services among what is enabled now and was not before ($1); what was there already is its owner's business.
disable_new() {
    enabled | while read -r link; do
        unit=${link##*/}
        case "$1" in
        *"/$unit"*) ;;
        *)
            echo "disabling $unit: the tests need only its programs" >&2
            # deb-systemd-helper: where there is no systemd (yet), as in a container.
            systemctl disable --quiet "$unit" 2>/dev/null || deb-systemd-helper disable "$unit" || true
            ;;
        esac
    done
}
before=$(enabled)

# A bare machine has no package lists, or old ones.
apt-get update --quiet=2 || echo "apt-get update failed; going on with the lists that are there" >&2
if ! install "$@"; then
    # One by one: a package that this release does not know must not keep the others out.
    for package in "$@"; do
        install "$package" || echo "could not install $package" >&2
    done
fi
disable_new "$before"
