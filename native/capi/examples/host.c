/* A host of the engine: some commands, and a line for every report they cause. */

#include <inttypes.h>
#include <stdio.h>

#include "omni_engine.h"

static const char *const names[] = {
    "accepted", "trade", "canceled", "modified", "rejected", "modify rejected",
};

/* The engine calls this, on the thread that called the engine; 1 says that the report is taken. */
static int32_t print_report(void *sink, const omni_report *report)
{
    fprintf(sink, "%" PRIu64 ": %s", report->seq, names[report->type]);
    if (report->type == OMNI_TRADE) {
        fprintf(sink, " %" PRIu32 " at %" PRId64 ", maker %" PRIu64 ", taker %" PRIu64 "\n",
                report->qty, report->px, report->maker, report->taker);
    } else {
        fprintf(sink, " %" PRIu64 ", %s %" PRIu32 " at %" PRId64 "\n",
                report->id, report->side ? "sell" : "buy", report->qty, report->px);
    }
    return 1;
}

static void send(uint64_t seq, uint64_t id, uint8_t side, uint32_t qty, int64_t px, uint8_t ioc)
{
    const omni_new_order order = {.id = id, .seq = seq, .px = px, .qty = qty, .side = side, .ioc = ioc};
    engine_on_new_order(&order);
}

int main(void)
{
    enum { BUY, SELL };
    const omni_transport transport = {.push = print_report};

    engine_init(0, &transport, stdout);
    send(1, 101, SELL, 30, 10050, 0);
    send(2, 102, SELL, 20, 10040, 0);
    send(3, 103, BUY, 10, 10000, 0);
    send(4, 104, BUY, 25, 10050, 0); /* meets 102, then 101 */

    const omni_modify modify = {.id = 103, .seq = 5, .px = 10045, .qty = 40};
    engine_on_modify(&modify);
    send(6, 105, SELL, 50, 10045, 1); /* takes 103, the rest is canceled */
    send(7, 106, SELL, 0, 10045, 0);  /* no quantity */

    const omni_cancel cancel = {.id = 101, .seq = 8};
    engine_on_cancel(&cancel);
    engine_on_cancel(&cancel);

    engine_flush();
    printf("bid %s, ask %s\n", engine_query_best_bid() == INT64_MIN ? "none" : "there",
           engine_query_best_ask() == INT64_MAX ? "none" : "there");
    engine_shutdown();
    return 0;
}
