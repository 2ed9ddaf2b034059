# What people show besides a password, and how they come in without one.
security-title = Second factor
security-lead = What you show besides your password, so that the password alone is worth nothing.
security-wanted = { $publisher } wants a second factor of everybody who works there. Set one up to go on.
security-manage = Second factor and recovery codes
on = on
off = off
turn-off = Turn off
proof = Your password, or a code
proof-own = Your password, or a code that you had before
code-app = Authenticator app
code-app-about = An app on your phone makes a new code every 30 seconds.
code-app-set-up = Set it up
code-app-other = Set up another one
code-app-title = Set up an authenticator app
code-app-lead = Scan this with an app such as Aegis, Google Authenticator or 1Password, then type the code that it shows.
code-app-picture = QR code for your app; the same as text stands below
code-app-by-hand = Cannot scan it? Type this into the app:
code-app-secret = Secret of the app
code-app-first = Code that the app shows
code-app-confirm = Turn it on
code-app-off-title = Turn the app off
code-app-off-text = After that your password alone lets in whoever knows it, unless you have another second factor.
codes-title = Recovery codes
codes-once = Print them or write them down now: they are shown this once. Each lets you in one time when your phone is lost.
codes-left = { $n ->
    [one] You have one code left. Each works once, when your phone is lost.
   *[other] You have { $n } codes left. Each works once, when your phone is lost.
}
codes-new = Make new ones
codes-new-text = Those of before stop working.
code-title = One more step
code-lead = { $mail }: show that it is you.
code-of-app = Code of your authenticator app
code-on-paper = Recovery code
code-on-paper-hint = Such as abcd-efgh-ijkl-mnop; each works once
code-lost = I have no access to my app
code-all-lost = No codes either? Whoever runs this can reset your second factor.
code-other = Log in as somebody else
done-code-app = The app is on: from now on you are asked for its code.
done-code-app-off = The app is off.
done-codes = The codes of before stopped working.
sign-in = How members come in
sign-in-lead = What people who work here must show to come in.
sign-in-require = Everybody who works here must have a second factor
sign-in-without = { $n ->
    [0] Everybody has one.
    [one] One person has none: they will have to set one up before they can go on.
   *[other] { $n } people have none: they will have to set one up before they can go on.
}
second-factor = Second factor
second-factor-none = password only
second-factor-reset = Reset the second factor
second-factor-reset-text = { $name } is logged out and can come in with the password alone. Make sure first that it is really them who ask.
done-sign-in = Saved.
done-second-factor-reset = Their second factor is gone; they come in with the password alone.
verb-person-prove = showed that it is them
verb-person-second-factor = changed their second factor
verb-member-second-factor = reset a second factor
verb-publisher-sign-in = changed how members come in
letter-security-subject = Your account: what you log in with was changed
letter-security-body =
    Hello { $name },

    { $what }

    If it was not you, change your password at once and look at where you are logged in:

    { $site }/account
letter-security-app-on = An authenticator app was set up for your account.
letter-security-app-off = The authenticator app of your account was turned off.
letter-security-codes = New recovery codes were made for your account; those of before stopped working.
letter-security-code-used = A recovery code was used in your account.
letter-security-reset = Your second factor was reset by whoever runs this.
passkeys = Passkeys
passkeys-about = A key that your phone, computer or security key keeps. It lets you in without a password, and nobody can be tricked into telling it.
passkeys-elsewhere = Your passkeys are for { $hosts }: log in there to use them.
passkey-add = Add a passkey
passkey-name = Name
passkey-remove = Remove
passkey-remove-text = It lets nobody in any more. Remove it from the device too.
passkey-log-in = Log in with a passkey
passkey-show = Show your passkey
passkey-failed = The passkey was not shown. Try again, or come in another way.
done-passkey = The passkey is there.
done-passkey-name = It has another name now.
done-passkey-off = The passkey lets nobody in any more.
letter-security-passkey-on = A passkey was added to your account.
letter-security-passkey-off = A passkey of your account was removed.
device-title = Let a command line in
device-lead = A command line shows a code: type it here to let it in.
device-lead-found = Is this what your command line shows?
device-code = Code
device-code-hint = Such as BCDF-GHJK
device-name = What asks
code = Code
go-on = Go on
device-scopes = With it, it may:
device-days = { $n ->
    [one] For one day. It can be ended before that among the tokens.
   *[other] For { $n } days. It can be ended before that among the tokens.
}
device-warning = Only go on if you have just begun this yourself. Whoever sent you this code would act in your name.
device-place = It acts as you at
device-approve = Let it in
device-refuse = Do not let it in
device-nowhere = You have no place at any publisher yet, so that there is nothing to let it into.
account-device = A command line asks for a code? <a href="{ $href }">Type it here.</a>
done-device = The command line is let in; it goes on by itself.
done-device-refused = It was not let in.
verb-device-approve = let a command line in
verb-device-refuse = did not let a command line in
verb-token-end = logged a command line out
events-search = Name of a thing
events-everything = Everything
events-any-result = Any result
events-from = From this day on
events-to = Up to this day
noun-app = Applications
noun-version = Versions
noun-customer = Customers
noun-installation = Installations
noun-backup = Backups
noun-deployment = Deployments
noun-session = Logging in and out
noun-person = Accounts
noun-member = Members
noun-invitation = Invitations
noun-token = Tokens
noun-device = Command lines
noun-publisher = The publisher
sso-title = Single sign-on
sso-lead = Come in by your company's own log-in.
sso-go = Go on to the log-in of { $publisher }
sso-about = People who work here come in by your own provider of OpenID Connect, such as Google, Microsoft or Keycloak. Such a session reaches this publisher only.
sso-callback = Your provider has to know this address:
sso-issuer = Issuer
sso-issuer-hint = Leave it empty to have none
sso-client = Client id
sso-secret = Client secret
sso-secret-kept = One is kept; leave it empty to keep it
sso-domains = Domains of mail addresses
sso-domains-hint = Such as acme.example; several with commas
sso-role = Who comes for the first time becomes
sso-invited = only who is invited comes in
mail-address = Mail address
mail-about = You log in with { $mail }. To have another one, we send a link to it: open it while you are logged in here, and take the address.
mail-none = You log in with { $mail }. It can be changed once this platform can send mail.
mail-new = New mail address
mail-send = Send the link
mail-title = Your new mail address
mail-lead = { $name } logs in with { $old } so far. From now on it is { $new }.
mail-take = Take this address
done-mail-asked = A link is on its way to the new address. Open it in this browser and take the address; until then nothing changes.
done-mail = You log in with the new address from now on. Everywhere else you have to log in again.
letter-mail-subject = Is this your address?
letter-mail-body =
    The account { $old } is to have this address. If it is yours, open this link where you are logged in, and press “Take this address”; it serves for a day:

    { $link }

    If you did not ask for it, leave it: nothing happens.
letter-mail-changed-subject = Your account: its mail address was changed
letter-mail-changed-body =
    Hello { $name },

    from now on your account has the address { $new }, and you log in with it. This one lets nobody in any more.

    If it was not you, write at once to whoever runs { $site }.
letter-guesses-subject = Your account: somebody tries codes
letter-guesses-body =
    Hello { $name },

    several wrong codes or passwords were shown in your account within an hour. Whoever tries knows your password, or has found a browser in which you are logged in.

    If it was not you, change your password and look at where you are logged in:

    { $site }/account
verb-person-mail-request = asked for another mail address
verb-person-mail = changed their mail address
