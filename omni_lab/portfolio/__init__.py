"""What a portfolio did: performance, drawdowns, returns by month and year. Pure functions of arrays."""
