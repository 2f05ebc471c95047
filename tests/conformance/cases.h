/*
 * cases.h: the cases. Each is a function that is written once and run in every configuration, in the master or in a worker.
 * Those that gRPC's implementations are tested with have their names from there.
 */
#ifndef YOKE_TESTS_CONFORMANCE_CASES_H
#define YOKE_TESTS_CONFORMANCE_CASES_H

#include "caller.h"

/* CASE(name, rounds): the case is run so many times, each time with a worker, and so a connection, of its own. */
#define CASES(CASE)                      \
    CASE(empty_unary, 1)                 \
    CASE(large_unary, 1)                 \
    CASE(unary_without_bytes, 1)         \
    CASE(unary_of_16_mib, 1)             \
    CASE(client_streaming, 1)            \
    CASE(empty_client_streaming, 1)      \
    CASE(answer_before_half_close, 1)    \
    CASE(server_streaming, 1)            \
    CASE(paced_server_streaming, 1)      \
    CASE(ping_pong, 1)                   \
    CASE(half_duplex, 1)                 \
    CASE(empty_stream, 1)                \
    CASE(status_code_and_message, 1)     \
    CASE(special_status_message, 1)      \
    CASE(every_status_code, 1)           \
    CASE(status_before_half_close, 1)    \
    CASE(status_after_replies, 1)        \
    CASE(unimplemented_method, 1)        \
    CASE(unimplemented_service, 1)       \
    CASE(cancel_after_begin, 1)          \
    CASE(cancel_after_first_response, 1) \
    CASE(timeout_on_sleeping_server, 1)  \
    CASE(timeout_not_reached, 1)         \
    CASE(push_back_of_requests, 1)       \
    CASE(push_back_of_replies, 1)        \
    CASE(concurrent_large_unary, 1)      \
    CASE(rpc_soak, 1)                    \
    CASE(channel_soak, 100)

typedef void case_body(struct caller *caller);

#define DECLARE_CASE(name, rounds) case_body case_##name;
CASES(DECLARE_CASE)
#undef DECLARE_CASE

/* The sizes with which gRPC tests large unary calls and streams. */
#define LARGE_REQUEST 271828
#define LARGE_REPLY 314159

/* One such unary call goes well. */
void make_large_unary(struct caller *caller);

#endif
