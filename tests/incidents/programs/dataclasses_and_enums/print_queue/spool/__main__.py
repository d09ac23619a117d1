import sys

from spool.jobs import Job, Request, Urgency
from spool.queue import PrintQueue


def request(text):
    urgency, document, pages = text.split(":")
    return Request(Urgency[urgency.upper()], Job(document, int(pages)))


def run(requests, sheets=100):
    for job in PrintQueue(*requests):
        if job.pages > sheets:
            return f"{job.document}: out of paper"
        sheets -= job.pages
    return f"{sheets} sheets are left"


print(run([request(text) for text in sys.argv[1:]]))
