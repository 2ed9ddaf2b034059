# Everything that a customer has, as one file.
archive-title = Your data
archive-lead = The data of every application as it is now, your questions with their files, your people and your usage, in one file (zip). It is made while it is downloaded; if the connection breaks, begin again.
archive-button = Download everything
archive-made = Made
archive-readme = Open index.html in a browser: it says what is what and leads to everything.
archive-data = Each data.tar.gz holds all files of an application, its database too, as they were at one moment. Windows 11, macOS and Linux open it; other systems with 7-Zip.
archive-missing = not there: { $why }
archive-variables = Variables:
archive-rest = Tables
archive-people = who of you comes in, and who is invited
archive-usage = what each installation used, by month
archive-secrets = Of variables there are the names only; passwords and other secrets are nowhere in here.
verb-customer-download = downloaded everything of a customer
