# Support: tickets, kept answers, leave to be helped.
menu-tickets = Support
tickets-lead = What your customers ask, and what you answer.
tickets-search = Search tickets
tickets-everybodys = Everybody's
tickets-mine = Mine
tickets-nobodys = Nobody's
tickets-all-customers = All customers
tickets-nothing-found = No ticket is like that. Search for less.
tickets-empty-title = No tickets yet
tickets-empty = Your customers ask in their portal. Meanwhile write down what you will answer often.
tickets-new = Ask for help
tickets-new-lead = Say what you did, what happened, and what you expected.
home-tickets = Customers who wait for an answer
ticket = Ticket
ticket-subject = Subject
ticket-subject-hint = In a few words
ticket-question = Your question
ticket-which = Which application
ticket-which-none = None in particular
ticket-is-about = About
ticket-text = Text
ticket-text-hint = Markdown serves: **bold**, lists, links, code
ticket-files = Files
ticket-files-hint = At most 5, of 10 MiB each
ticket-answer = Answer
ticket-send = Send
ticket-then = After it the ticket is
ticket-internal = A note for colleagues
ticket-internal-hint = The customer never sees it
ticket-note = note
ticket-by-mail = by mail
ticket-message-of = Message of { $name }
ticket-about = About this ticket
ticket-opened-by = Opened by
ticket-handling = Who looks after it
ticket-assignee = Looked after by
ticket-nobody = nobody
ticket-last = Last word
ticket-from-customer = customer,
ticket-from-publisher = us,
ticket-from-us = us,
ticket-solved = It is solved
ticket-is-closed = This ticket is closed.
ticket-state-open = Open
ticket-state-waiting = Waits for the customer
ticket-state-solved = Solved
ticket-state-closed = Closed
answers = Kept answers
answers-lead = What you answer often, ready to be put into a ticket.
answers-new = New answer
answers-title = Title
answers-title-hint = Only your colleagues see it
answers-text-hint = Filled in when it is used: {"{customer}"}, {"{person}"}, {"{me}"}, {"{number}"}, {"{installation}"}, {"{address}"}
answers-insert = Put into the text
answers-delete = Delete { $title }
answers-empty-title = No kept answers yet
answers-empty = Write the first one down; it is then offered in every ticket.
portal-tickets = Support
portal-tickets-lead = What your company has asked, and the answers.
portal-tickets-empty-title = No questions yet
portal-tickets-empty = Is something not as it should be? Ask those who make your applications.
support-leave = Help from support
leave-lead = Support opens no application of yours by itself. If they need to, let them open this one for a while.
leave-for = For how long
leave-hour = 1 hour
leave-day = 1 day
leave-week = 7 days
leave-grant = Let support open it
leave-given = { $name } lets support open it.
leave-none = The customer has not let support open it.
leave-end = Take it back
done-answer = Your answer was sent.
done-note = The note was added.
done-asked = Your question was sent.
done-solved = Thank you. Write again if it is not.
done-ticket = The ticket was changed.
done-canned = The answer is kept.
done-canned-deleted = The answer was deleted.
done-leave = Support may open it now.
done-leave-ended = Support may not open it any more.
scope-support = open and answer tickets
verb-ticket-open = opened a ticket
verb-ticket-answer = wrote in a ticket
verb-ticket-note = added a note to a ticket
verb-ticket-change = changed a ticket
verb-ticket-assign = changed who looks after a ticket
verb-attachment-create = sent a file
verb-answer-create = kept an answer
verb-answer-change = changed a kept answer
verb-answer-delete = deleted a kept answer
verb-leave-grant = let support open it
verb-leave-end = took support's leave back
open-as-support = Open as support
ticket-state-yours = Waits for you
letter-ticket-subject = [#{ $number }] { $subject }
letter-ticket-body =
    { $mark }{ $author } ({ $whose }):

    { $text }

    { $files }{ $link }
letter-ticket-above = Write your answer above this line
letter-ticket-files = { $n ->
    [one] One file came with it; it is behind the link.
   *[other] { $n } files came with it; they are behind the link.
}
verb-mail-receive = wrote by mail
verb-ticket-see = read a ticket
scope-mail = hand over letters
settings-incoming = Mail that comes in
settings-incoming-lead = Customers answer tickets by mail at this address. Its server must put support+anything into the same mailbox.
settings-address = Address
settings-imap = Mailbox (IMAP)
settings-imap-lead = Read every minute; leave it empty if a program hands letters over.
settings-folder = Folder
settings-imap-port-hint = 993 when empty
letter-leave-subject = Support may open { $installation }
letter-leave-body =
    Hello { $name },

    { $by } lets support open { $installation } for { $hours } hours. You get this letter as an administrator of { $customer }.

    If that is not wanted, take it back here:

    { $site }/c/{ $slug }/installations/{ $installation }
letter-member-subject = { $customer }: { $role ->
    [none] { $who } is no longer one of your people
   *[other] { $who } is one of your people
}
letter-member-body =
    Hello { $name },

    { $role ->
        [none] { $who } ({ $mail }) is no longer one of the people of { $customer }.
        [customer-admin] { $who } ({ $mail }) is one of the people of { $customer } now, as an administrator.
       *[other] { $who } ({ $mail }) is one of the people of { $customer } now.
    } It was { $by } who decided that.

    If that is not right, change it here:

    { $site }/c/{ $slug }/people
tickets-by-mail = Or write to { $address } from the address of your account.
tickets-by-mail-console = Customers open tickets by mail at { $address }, from the addresses of their accounts.
ticket-unread = not read yet
letter-opened-subject = [#{ $number }] { $subject }
letter-opened-body =
    { $mark }{ $name }, we have your letter. It is ticket #{ $number }.

    Answer this letter to add something, or look at it here:

    { $link }
letter-several-subject = For which customer do you write?
letter-several-body =
    Nobody has read your letter: you belong to several customers of { $publisher }, and only the one that it is about should
    read it. Ask there:

    { $link }

    An answer by mail to a letter about a ticket always goes to that ticket. If you did not write to us, forget this letter.
    You will not get another one soon.
letter-stranger-subject = We do not know this address
letter-stranger-body =
    Nobody has read your letter: the support of { $publisher } answers people who have an account, and { $address } is
    no address of one.

    If you have an account, write from its address, or ask here:

    { $link }

    If you did not write to us, forget this letter. You will not get another one soon.
