"""Runs tests inside the jail and reports on them, with the project's own interpreter: no import of anything outside this folder, Python 3.8 or later.

Standard input is the length of a job, the job, and a nonce. The report goes to standard output behind the nonce. It is written by
the parent, which forks one child for each run *before* it reads the nonce and closes its descriptors there; what tests print goes
to the log. Results come from the child through a pipe, each with a token of its own; a child that ends without saying so has failed.
No code outside the parent can write a report, end a run early and pass, or print a pass; code that walks our frames inside its own
child to borrow the token can still lie about that one child, which is why such code is turned away before anything runs.
A child that gives itself to a command of another language reports by a file of a random name, read when its process group is dead.
"""
