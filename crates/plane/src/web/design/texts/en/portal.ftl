# The portal of customers.
portal-installations = My applications
portal-catalogue = Catalogue
portal-catalogue-lead = Install with one click; it is yours alone.
portal-people = People
portal-people-lead = Who in your company comes in here.
portal-install = Install
portal-empty-title = Nothing installed yet
portal-empty = Choose an application from the catalogue.
portal-empty-user = Ask an administrator of your company to install an application.
portal-failed = It could not be done. Those who make the application can see why.
catalogue-facts = Gets { $memory } of memory. Published
catalogue-empty-title = Nothing on offer yet
catalogue-empty = As soon as there is an application, it is here.
opening = Opening { $name }
opening-lead = You are led on by yourself. If nothing happens within a few seconds, go on by hand; this works once, within a minute.
opening-go = Go on
