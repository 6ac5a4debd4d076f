"""One plan and what the guards say to it, in five forms: for a terminal, a ticket, a browser, a spreadsheet, a program.

They print one and the same value, and no more than it holds; `forms.render` chooses.
"""
