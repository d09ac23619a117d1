from datetime import date

import language


def day(when: date) -> str:
    form = "%d.%m.%Y" if language.territory() in language.DAY_FIRST else "%m/%d/%Y"
    return when.strftime(form)


def letter(when: date, amount: float) -> str:
    lines = [f"{language.greeting()},", f"please pay {amount:.2f} until {day(when)}."]
    return "\n".join(lines)
