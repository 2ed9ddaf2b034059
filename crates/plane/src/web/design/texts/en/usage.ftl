# What was used by month.
menu-usage = Usage
month = Month
usage-lead = What your customers used, by month (UTC). It is counted every few minutes and kept for two years.
usage-portal-lead = What your applications used, by month (UTC). Months are kept for two years.
usage-this-month = Usage so far this month
usage-all-months = All months
usage-months = Month by month
usage-before = The month before
usage-after = The month after
usage-so-far = so far
usage-running = Running
usage-hours = { $n } h
usage-memory-time = Memory × time
usage-memory-note = Memory is what was set apart while running.
usage-sent-n = { $size } were sent.
usage-gb-hours = { $n } GB·h
usage-disk-time = Disk × time
usage-sent = Sent
usage-backups = Backups
usage-counted = Counted
usage-nothing = Nothing has been counted yet. It begins within five minutes.
usage-empty-title = Nothing was used
usage-empty = Hours, memory, disk and requests of each installation are counted from the first minute on and shown here.
usage-installations = { $n ->
    [one] 1 installation
   *[other] { $n } installations
}
usage-former = deleted
usage-csv = CSV
usage-csv-customers = CSV by customer
