from loyalty.points import points_for


def statement(purchases):
    balance, lines = 0, []
    for number, purchase in enumerate(purchases, start=1):
        earned = points_for(**purchase)
        balance += earned
        lines.append(f"{number:>3}  {earned:>6}  {balance:>8}")
    return "\n".join(lines)
