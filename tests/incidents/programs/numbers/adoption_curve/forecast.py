from curves import blend, linear, logistic


def forecast(days, customers, *, midpoint, steepness):
    adoption = blend(logistic(midpoint, steepness), linear(0, 2 * midpoint))
    return [round(customers * adoption(day)) for day in days]
