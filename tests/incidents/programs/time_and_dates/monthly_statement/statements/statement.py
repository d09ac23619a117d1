from statements.periods import days, previous_month

DAILY = {"fern": 120, "orchid": 340}


def statement(customer, period=None, **options):
    first, after = period = period or previous_month()
    cents = DAILY[customer] * days(period)
    head = f"{options.get('title', 'Statement')} of {customer}, {first:%B %Y}"
    return f"{head}\n{cents / 100:.2f}, due on {after:%Y-%m-%d}"
