/* The matching engine of OmniLab behind a C ABI; docs/c-abi.md is the contract.
 * Generated from native/capi/src: change it there, then run
 *     OMNI_BLESS=1 cargo test -p omni-capi --test header
 *
 * One call at a time, and none from inside push. A null pointer is passed over. */

#pragma once

#include <assert.h>
#include <stdint.h>

// Type of a message: a new order.
#define OMNI_NEW_ORDER 0

// Type of a message: a cancel.
#define OMNI_CANCEL 1

// Type of a message: a modify.
#define OMNI_MODIFY 2

// Type of a report: the order is in.
#define OMNI_ACCEPTED 0

// Type of a report: two orders met.
#define OMNI_TRADE 1

// Type of a report: the order is gone, canceled by its owner or as the rest of an immediate-or-cancel order.
#define OMNI_CANCELED 2

// Type of a report: the order says something else now.
#define OMNI_MODIFIED 3

// Type of a report: a new order or a cancel is refused and changed nothing.
#define OMNI_REJECTED 4

// Type of a report: a modify is refused and changed nothing.
#define OMNI_MODIFY_REJECTED 5

// What became of a command.
typedef struct omni_report {
  // One of the six types.
  uint8_t type;
  // 0 buy, 1 sell; 0 in trades and rejects.
  uint8_t side;
  // Zero.
  uint8_t reserved[6];
  // That of the command.
  uint64_t seq;
  // The order; 0 in trades.
  uint64_t id;
  // Limit of the order, or price of the trade, which is that of the maker; 0 in rejects.
  int64_t px;
  // Lots accepted, traded, canceled or modified to; 0 in rejects.
  uint32_t qty;
  // Zero.
  uint32_t reserved2;
  // Trades: the order that waited; else 0.
  uint64_t maker;
  // Trades: the order that came; else 0.
  uint64_t taker;
  // Zero.
  uint64_t reserved3;
} omni_report;

// A queue for reports, made by the host. The engine calls `push` and nothing else.
typedef struct omni_transport {
  // For the host: make a queue for so many reports.
  void *(*create)(uint32_t capacity);
  // Takes one report, which is the engine's again when it returns. 0 says that there is no room: the engine tries until there is.
  int32_t (*push)(void *sink, const struct omni_report *report);
  // For the host: take out up to `max` reports; returns how many.
  uint32_t (*drain)(void *sink, struct omni_report *reports, uint32_t max);
  // For the host: let the other side see what was pushed.
  void (*flush)(void *sink);
  // For the host: let the queue go.
  void (*destroy)(void *sink);
} omni_transport;

// A new limit order.
typedef struct omni_new_order {
  // Any number that no waiting order has.
  uint64_t id;
  // Copied into every report that this command causes.
  uint64_t seq;
  // Limit in ticks, 1 to 2^50.
  int64_t px;
  // Lots, not 0.
  uint32_t qty;
  // 0 buy, 1 sell.
  uint8_t side;
  // Not 0: what does not trade at once is canceled.
  uint8_t ioc;
  // Not read.
  uint8_t reserved[2];
} omni_new_order;

// A cancel.
typedef struct omni_cancel {
  // The order.
  uint64_t id;
  // Copied into the report.
  uint64_t seq;
} omni_cancel;

// A cancel and a new order under the same id: the priority is lost in any case.
typedef struct omni_modify {
  // The order.
  uint64_t id;
  // Copied into every report that this command causes.
  uint64_t seq;
  // New limit in ticks, 1 to 2^50.
  int64_t px;
  // New open quantity in lots, not 0.
  uint32_t qty;
  // Not read: an order keeps its side.
  uint8_t side;
  // Not read.
  uint8_t reserved[3];
} omni_modify;

// The command in a message; its type says which.
typedef union omni_message_body {
  // Type 0.
  struct omni_new_order new_order;
  // Type 1.
  struct omni_cancel cancel;
  // Type 2.
  struct omni_modify modify;
} omni_message_body;

// A command of any type, for `engine_on_batch`.
typedef struct omni_message {
  // 0 new order, 1 cancel, 2 modify; others are passed over.
  uint8_t type;
  // Not read.
  uint8_t reserved[7];
  // The command.
  union omni_message_body body;
} omni_message;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Start with an empty book; a second call starts over. `seed` changes nothing: the engine has nothing random.
//
// Without a transport or its `push` there is no engine, and what is called then does nothing.
void engine_init(uint64_t seed,
                 const struct omni_transport *transport,
                 void *sink);

// A new order: accepted, then a trade for each maker it meets, then canceled if it is immediate-or-cancel and something is left; or rejected.
void engine_on_new_order(const struct omni_new_order *order);

// A cancel: canceled, or rejected if no such order waits.
void engine_on_cancel(const struct omni_cancel *cancel);

// A modify: modified, then a trade for each maker it meets; or modify rejected.
void engine_on_modify(const struct omni_modify *modify);

// `n` commands, one after the other, with the same reports as from as many calls.
void engine_on_batch(const struct omni_message *messages, uint32_t n);

// Return when every command is done and every report pushed. That is so after every call.
void engine_flush(void);

// Forget the book and the transport. Until the next `engine_init` there is no engine.
void engine_shutdown(void);

// Best bid in ticks, `INT64_MIN` if nobody bids.
int64_t engine_query_best_bid(void);

// Best ask in ticks, `INT64_MAX` if nobody asks.
int64_t engine_query_best_ask(void);

// Lots that wait at a price of a side, 0 buy, 1 sell.
uint64_t engine_query_depth_at(int64_t px, uint8_t side);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

static_assert(sizeof(omni_new_order) == 32, "a new order takes 32 bytes");
static_assert(sizeof(omni_cancel) == 16, "a cancel takes 16 bytes");
static_assert(sizeof(omni_modify) == 32, "a modify takes 32 bytes");
static_assert(sizeof(omni_message) == 40, "a message takes 40 bytes");
static_assert(sizeof(omni_report) == 64, "a report takes 64 bytes");
static_assert(sizeof(omni_transport) == 5 * sizeof(void *), "a transport is five pointers");
