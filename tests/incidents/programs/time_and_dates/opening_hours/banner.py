from hours import hours_today, is_open


def banner():
    if is_open():
        return "Come in, we are open."
    opens, closes = hours_today()
    return f"We are open today from {opens:%H:%M} to {closes:%H:%M}."
