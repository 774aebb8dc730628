/* The limit: one pass over the bars, a trade at the open after each change of the target, the equity of every bar. */

#include <math.h>

double targets_loop(const double *open, const double *close, const double *target, double *equity, long n,
                    double cash, double fee_rate) {
    double held = 0.0, wanted = 0.0;
    for (long t = 0; t < n; t++) {
        if (wanted != held) {
            double value = (wanted - held) * open[t];
            cash -= value + fee_rate * fabs(value);
            held = wanted;
        }
        equity[t] = cash + held * close[t];
        wanted = target[t];
    }
    return equity[n - 1];
}

double crossover_loop(const double *open, const double *close, double *equity, long n, long fast, long slow,
                      double margin, double quantity, double cash, double fee_rate) {
    double held = 0.0, wanted = 0.0, fast_sum = 0.0, slow_sum = 0.0;
    for (long t = 0; t < n; t++) {
        if (wanted != held) {
            double value = (wanted - held) * open[t];
            cash -= value + fee_rate * fabs(value);
            held = wanted;
        }
        equity[t] = cash + held * close[t];
        fast_sum += close[t] - (t >= fast ? close[t - fast] : 0.0);
        slow_sum += close[t] - (t >= slow ? close[t - slow] : 0.0);
        if (t >= slow - 1)
            wanted = fast_sum / fast - slow_sum / slow > margin ? quantity : 0.0;
    }
    return equity[n - 1];
}

double rebalance_loop(const double *open, const double *close, const double *weight, double *equity, double *held,
                      long n_days, long n_symbols, double cash, double fee_rate) {
    for (long t = 0; t < n_days; t++) {
        const double *o = open + t * n_symbols, *c = close + t * n_symbols;
        if (t > 0 && !isnan(weight[(t - 1) * n_symbols])) {
            const double *w = weight + (t - 1) * n_symbols, *before = close + (t - 1) * n_symbols;
            for (long s = 0; s < n_symbols; s++) {
                double wanted = w[s] * equity[t - 1] / before[s];
                double value = (wanted - held[s]) * o[s];
                cash -= value + fee_rate * fabs(value);
                held[s] = wanted;
            }
        }
        equity[t] = cash;
        for (long s = 0; s < n_symbols; s++)
            equity[t] += held[s] * c[s];
    }
    return equity[n_days - 1];
}
