# To come in, one's own page, letters, and what is refused.
mail = Mail address
password = Password
password-hint = At least 10 characters; four words serve well
password-new = New password
password-old = Present password
password-change = Change the password
your-name = Your name
save = Save
back-to-login = Back to logging in
login-title = Log in
login-lead = Your applications and customers are one step away.
login-lead-portal = To your applications at { $name }
login-button = Log in
login-forgot = Forgot your password?
login-signup = Make an account
signup-title = Make an account
signup-lead = Tell us where to write to; the letter has a link to go on with.
signup-closed = Accounts are made by invitation here. Ask whoever runs this for one.
signup-mail-hint = Of your work, if you have one
signup-button = Go on
signup-have = I have an account
signup-sent-title = Look into your mail
signup-sent = We have written to { $mail }. Open the link in the letter within seven days.
join-title = Welcome
join-lead = { $mail } is invited to be { $role } of { $place }.
join-founds-publisher = A new account for { $mail }: for you and for those you work with.
join-founds-customer = A new account for { $mail } and your company.
join-organisation-publisher = What your software company is called
join-organisation-customer = What your company is called
join-log-in-first = { $mail } has an account already. Log in with it to accept the invitation.
join-button = Come in
reset-title = A new password
reset-lead = We send you a link to choose another one.
reset-no-mail = No mail can be sent from here yet. Ask whoever runs this for a new invitation.
reset-button = Send the link
reset-sent-title = Look into your mail
reset-sent = If { $mail } has an account here, a letter with a link is under way. It serves for an hour.
choose-title = Choose a new password
choose-lead = Wherever you are logged in, you will have to log in again.
choose-button = Keep it
choose-again = Ask for another link
account-back = Back
account-profile = About you
account-sessions = Where you are logged in
account-sessions-lead = End what you do not recognise, and change your password.
time-zone = Time zone
time-zone-hint = Such as America/Bogota or Europe/Madrid
browser = Browser
address = Address
last-used = Last used
this-browser = This one
end = End
end-others = End all others
done-account = Saved.
done-password = Your password was changed. Everywhere else you have to log in again.
done-session = That session has ended.
done-sessions = All other sessions have ended.
letter-invitation-subject = Your invitation to vClouden
letter-invitation-body =
    Hello,

    { $by } invites you. Open this link to come in; it serves for seven days:

    { $link }

    If this means nothing to you, leave it: nothing happens.
letter-reset-subject = A new password
letter-reset-body =
    Hello { $name },

    open this link to choose a new password; it serves for an hour:

    { $link }

    If you did not ask for it, leave it: your password stays as it is.
letter-signup-subject = Your account at vClouden
letter-signup-body =
    Hello,

    open this link to go on with your account; it serves for seven days:

    { $link }

    If you did not ask for it, leave it: nothing happens.
