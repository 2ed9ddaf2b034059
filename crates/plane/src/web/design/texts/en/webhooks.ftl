# Webhooks, and the API's own page.
menu-webhooks = Webhooks
webhooks-lead = Tells your own systems what happens, as it happens.
webhooks-new = New webhook
webhooks-empty-title = No webhooks yet
webhooks-empty = Name an address of yours, and it is told of crashes, deployments, backups and whatever else you choose.
webhook-once = What signs every delivery. Copy it now: it is not shown again.
webhook-secret = Secret
webhook-url = Address
webhook-url-hint = https://…, reached from the public network
webhook-events = Events
webhook-events-hint = None ticked: all of them.
webhook-all = all
webhook-working = working
webhook-failing = failing
webhook-disabled = disabled
webhook-failing-since = Nothing was delivered since
webhook-test = Send a test
webhook-disable = Disable
webhook-enable = Enable
webhook-change = Change
webhook-delete = Delete webhook
webhook-delete-text = Nothing is sent there any more, and the log of what was sent goes.
deliveries = Deliveries
deliveries-empty-title = Nothing was sent yet
deliveries-empty = Send a test, or wait until something happens.
delivery-done = delivered
delivery-waiting = waiting
delivery-again = tried again
delivery-given-up = given up
delivery-attempts = Attempts
delivery-next = Next attempt
delivery-took = Took
delivery-ms = { $n } ms
delivery-answer = Answer
delivery-resend = Send again
event = Event
done-webhook = The webhook is there.
done-webhook-changed = The webhook was changed.
done-webhook-deleted = The webhook was deleted.
done-webhook-sent = It is being sent.
verb-webhook-create = made a webhook
verb-webhook-change = changed a webhook
verb-webhook-delete = deleted a webhook
verb-webhook-send = sent something to a webhook
verb-webhook-test = tried a webhook
letter-webhook-subject = A webhook was disabled
letter-webhook-body =
    Hello,

    nothing could be delivered to your webhook { $url } for a long time, so it was disabled.

    Why the last attempt failed: { $why }

    Once it is mended, enable it again. What happened meanwhile is in its log and in the events:
    { $link }

    vClouden
webhook-made = Made
api-title = The API
api-lead = Everything that a page or the command line can do, over HTTP.
api-document = OpenAPI document
api-token = Every request needs a token, which you make in the console under API tokens.
api-search = Search the API
api-find = Search
api-nouns = By noun
api-for = For:
api-scope = scope:
api-place = In
api-kind = Kind
api-meaning = What it is
api-required = required
api-answers = Answers:
api-none-title = Nothing fits
api-none = Try a noun, such as backup, or a part of a path.
api-all = Show all
settings-webhooks-lead = Webhooks and single sign-on reach no address of your own networks, unless you allow it here.
settings-webhooks = Networks of your own that they may reach
settings-webhooks-hint = One a line, such as 10.1.0.0/16; there also without TLS
