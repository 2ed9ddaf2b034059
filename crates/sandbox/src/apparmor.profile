# What AppArmor lets the programs of a sandbox do. Nimbus gives it to the kernel when it starts.
#
# Refusals are written out, though nothing is allowed that is not named: a written refusal leaves no line in the
# kernel's log, which a program could flood otherwise.

abi <abi/3.0>,

profile vclouden-sandbox flags=(attach_disconnected,mediate_deleted) {
  # Files as the mounts of the sandbox allow; what is executed stays under this profile.
  file,

  # Programs and their settings, where no application has its data.
  deny /{bin,boot,etc,lib*,root,sbin,usr}/** wl,
  deny /var/spool/** wl,

  # The machine's settings and memory, and which profile one is under.
  deny /proc/* wkl,
  deny /proc/{acpi,asound,bus,driver,fs,irq,scsi,sys}/** wkl,
  deny /proc/{kcore,kmsg,kpage*,sysrq-trigger,vmcore} r,
  deny /proc/[0-9]*/{,task/[0-9]*/}attr/** wkl,
  deny /sys/** wklx,
  deny /sys/{firmware,fs,kernel}/** r,

  # Devices other than those of every sandbox (null, zero, full, random, urandom, tty, terminals).
  deny /dev/{mem,kmem,port,kmsg,kvm,fuse,uinput,btrfs-control,loop*,dm-*,md*,sd*,hd*,vd*,xvd*,nvme*,nbd*} rwklx,
  deny /dev/{block,bus,char,cpu,dri,input,mapper,net,snd,vfio}/** rwklx,

  # Where things are.
  deny mount,
  deny remount,
  deny umount,
  deny pivot_root,

  # Power over the kernel.
  deny capability,

  # Other processes: those of sandboxes only; the keeper may signal them. Where kernel.apparmor_restrict_unprivileged_-
  # unconfined is set (Ubuntu) the kernel puts a sandbox under both what it was under and this.
  ptrace (read, readby, trace, tracedby) peer={vclouden-sandbox,unconfined//&vclouden-sandbox},
  signal (send, receive) peer={vclouden-sandbox,unconfined//&vclouden-sandbox},
  signal (receive) peer=unconfined,

  # The network. Of netlink the filter of system calls leaves the list of one's own addresses.
  network inet stream,
  network inet dgram,
  network inet6 stream,
  network inet6 dgram,
  network netlink raw,
  network netlink dgram,
  network unix stream,
  network unix dgram,
  network unix seqpacket,
  unix,
  deny network inet raw,
  deny network inet6 raw,
  deny network packet,
}
