# Deployments, what is under way on an installation, and how long something can still be undone.
time-left = { $time } left
time-over = over
deploy-show = Show what it touches
deploy-version = Deploy version { $version }
deploy-version-n = { $n ->
    [one] Deploy version { $version } to 1 installation
   *[other] Deploy version { $version } to { $n } installations
}
keep-hours = Hours to undo it
keep-hours-hint = For so long code and data of each installation can go back to right before, 1 to 720
canary-one = first
deployments-none = No deployment is like that.
undo-text = Code and data of every installation go back to right before its last deployment. What was written since then is kept for { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
}.
undo-this-text = Code and data of the installations that this deployment changed last go back to right before it. What was written since then is kept for { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
}.
undo-one-text = It goes back to version { $n } with the data of right before its deployment. What was written since then is kept for { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
}.
undo-one-until = Its last deployment can be undone, back to version { $n }:
copies-lead = Backups stay until somebody deletes them; what comes by itself stays for { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
}, or as long as its deployment says.
restore-text = The data go back to this copy. What is there now is kept for { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
}, so that this can be undone.
hosting-replaces = What you send takes the place of what is there. If it does not become healthy, that comes back; and you can undo it for { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
}.
further-title = Go back one more version?
further-text = Going back further discards what was written with that version, too. It is kept for { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
} as a copy of the data.
further-button = Go back one more version
steps-done = { $done } of { $total } steps
doing-begins = It begins as soon as its server has a free hand.
doing-waits = Its server does not answer at this moment; it is asked again.
doing-install = It is being installed
doing-start = It is being started
doing-stop = It is being stopped
doing-restart = It is being restarted
doing-configure = Its variables are being changed
doing-switch = It is getting another version
doing-rollback = It goes back to the version before
doing-backup = A backup is being made
doing-restore = Its data are being put back
doing-forget-backup = A backup is being deleted
doing-remove = It is being removed
step-undo = Putting back: { $step }
step-admit = looking whether there is room
step-prepare = getting ready what it needs
step-place = making its place
step-fill = filling in its data
step-route = opening its address
step-start = starting
step-check = waiting until it is healthy
step-release = letting requests through
step-fetch = fetching the version
step-find = looking for the copy
step-hold = holding requests
step-stop = stopping
step-snapshot = keeping a copy of its data
step-switch = switching the version
step-restore = putting the data back
step-want = noting what is wanted
step-write = writing the variables
step-close = closing its address
step-delete = deleting
step-forget = clearing up
verb-deployment-rollback = took a deployment back
operations-undone-again = Everything is as it was before them, so there is nothing to take up again: what was wanted is begun anew, on the page of the installation or of its application.
