# What layouts, components and error pages say.
just-now = just now
ago-minutes = { $n ->
    [one] 1 minute ago
   *[other] { $n } minutes ago
}
ago-hours = { $n ->
    [one] 1 hour ago
   *[other] { $n } hours ago
}
ago-days = { $n ->
    [one] 1 day ago
   *[other] { $n } days ago
}
ago-months = { $n ->
    [one] 1 month ago
   *[other] { $n } months ago
}
ago-years = { $n ->
    [one] 1 year ago
   *[other] { $n } years ago
}
in-minutes = { $n ->
    [one] in 1 minute
   *[other] in { $n } minutes
}
in-hours = { $n ->
    [one] in 1 hour
   *[other] in { $n } hours
}
in-days = { $n ->
    [one] in 1 day
   *[other] in { $n } days
}
in-months = { $n ->
    [one] in 1 month
   *[other] in { $n } months
}
in-years = { $n ->
    [one] in 1 year
   *[other] in { $n } years
}

skip = Skip to the content
main-menu = Main menu
open-menu = Open the menu
close = Close
you-are-here = You are here
switch-publisher = Switch publisher
your-account = Your account
log-out = Log out
language = Language
theme = Colours
theme-system = As the system
theme-light = Light
theme-dark = Dark
more-actions = More actions
pick-typed = Any short name will do; those offered are the first 500.
powered-by = Runs on vClouden

optional = optional
cancel = Cancel
copy-button = Copy
copied = Copied
previous = Previous
next = Next
pages = Pages
confirm-name = Type <strong>{ $name }</strong> to confirm
confirm-mismatch = Type the name exactly as it is shown
form-errors = { $n ->
    [one] One thing needs your attention
   *[other] { $n } things need your attention
}
drop-here = Drop a file here or choose one
drop-uploading = Uploading
drop-failed = The upload did not finish. Check your connection and try again.
live-lost = Connection lost, trying again
log-empty = Nothing has been written yet
chart-data = Show as a table
chart-time = Time
chart-no-data = No data for this time yet
chart-limit = Limit
chart-free = Free
chart-described = Lowest { $lowest }, highest { $highest }, latest { $latest }
lane-done = { $done } of { $total }
lane-more = { $n ->
    [one] 1 is finished
   *[other] { $n } are finished
}
lane-rest = { $n ->
    [one] and 1 more
   *[other] and { $n } more
}
lane-held = requests held { $time }

state-installing = Installing
state-running = Running
state-asleep = Asleep
state-starting = Starting
state-stopped = Stopped
state-crashing = Crashing
state-failed = Failed
state-removing = Removing
state-removed = Removed
state-canary = First ones
state-wave = All others
state-stopping = Stopping
state-finished = Finished
state-waiting = Waiting
state-undone = Put back
state-stuck = Stuck
state-skipped = Not begun
state-online = Online
state-offline = Offline
state-open = Open
state-closed = Closed
state-draft = Draft
state-published = Published

error-400-title = That request could not be understood
error-400-text = The address or the form has something that does not belong there. Go back and try again.
error-401-title = Log in first
error-401-text = Your session has ended or you are not logged in.
error-403-title = You may not do that
error-403-text = Your role does not include it. An owner of your organisation can change your role.
error-404-title = There is nothing here
error-404-text = The address is wrong, or what was here has been removed, or it is not yours to see.
error-405-title = That cannot be done here
error-405-text = The page was asked in a way it does not know. Go back and try again.
error-409-title = Not now
error-409-text = Something else changed meanwhile, or is still being done. Reload the page to see how things are.
error-413-title = That is too large
error-413-text = What you sent is larger than what is accepted here. Send a smaller file.
error-422-title = Something in the form is not right
error-422-text = Go back, correct it and send it again.
error-429-title = Too many tries
error-429-text = Wait a minute, then try again.
error-500-title = That was our fault
error-500-text = Something went wrong on our side and has been written to the log. Your applications are not affected.
error-503-title = Back in a moment
error-503-text = The console is being restarted or cannot reach its server. Your applications go on running. Try again shortly.
error-home = To the start page
error-back = Go back
error-again = Try again
dismiss = Dismiss
