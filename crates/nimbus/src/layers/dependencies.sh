# Installs Debian packages on an overlay of a base. Arguments: the base, an empty working directory, the packages.
# Runs in mount and process namespaces of its own: everything mounted here goes with them. What is left in "upper" is
# the layer. "userxattr", because sandboxes mount the layer so, in a user namespace.
umask 022
base=$1
cd "$2"
shift 2
mkdir lower upper work root archives lists
mount --bind "$base" lower
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr overlay root
mount -t proc proc root/proc
mount -t tmpfs -o mode=755 tmpfs root/dev
for device in null zero full random urandom tty; do
    touch "root/dev/$device"
    mount --bind "/dev/$device" "root/dev/$device"
done
mkdir root/dev/shm
mount -t tmpfs tmpfs root/dev/shm
mount -t tmpfs -o mode=755 tmpfs root/run
mount -t tmpfs -o mode=1777 tmpfs root/tmp
# Lists and archives are needed for a moment only: not in the layer, and not in memory.
mount --bind archives root/var/cache/apt
mount --bind lists root/var/lib/apt/lists
for file in resolv.conf hosts; do
    if [ -e "/etc/$file" ]; then
        mount --bind "$(readlink -f "/etc/$file")" "root/etc/$file"
    fi
done
inside() { chroot root "$@"; }
inside apt-get -q -o APT::Update::Error-Mode=any -o Acquire::Retries=3 update
unknown=
for package; do
    if ! inside apt-cache show -- "$package" >/dev/null 2>&1; then
        unknown="$unknown $package"
    fi
done
if [ -n "$unknown" ]; then
    exec >&2
    for package in $unknown; do
        echo "unknown: $package"
    done
    exit 44
fi
inside apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 install -- "$@"
inside apt-get -q clean
rm -f root/var/log/dpkg.log root/var/log/alternatives.log root/var/log/apt/*.log root/var/log/apt/*.xz
