/*
 * cases.h: the cases. Each is a function that is written once and run in every configuration, in the master or in a
 * worker. Those that gRPC's implementations are tested with have their names from there.
 */
#ifndef YOKE_TESTS_CONFORMANCE_CASES_H
#define YOKE_TESTS_CONFORMANCE_CASES_H

#include "caller.h"

/*
 * CASE(name, rounds, needs): the case is run so many times, each time with a worker, and so a connection, of its own;
 * with NO_BLOCKING not by a driver that blocks.
 */
enum need { ANY_DRIVER, NO_BLOCKING };

#define CASES(CASE)                                  \
    CASE(empty_unary, 1, ANY_DRIVER)                 \
    CASE(large_unary, 1, ANY_DRIVER)                 \
    CASE(unary_without_bytes, 1, ANY_DRIVER)         \
    CASE(unary_of_16_mib, 1, ANY_DRIVER)             \
    CASE(client_streaming, 1, ANY_DRIVER)            \
    CASE(empty_client_streaming, 1, ANY_DRIVER)      \
    CASE(answer_before_half_close, 1, ANY_DRIVER)    \
    CASE(server_streaming, 1, ANY_DRIVER)            \
    CASE(paced_server_streaming, 1, ANY_DRIVER)      \
    CASE(ping_pong, 1, ANY_DRIVER)                   \
    CASE(half_duplex, 1, ANY_DRIVER)                 \
    CASE(empty_stream, 1, ANY_DRIVER)                \
    CASE(status_code_and_message, 1, ANY_DRIVER)     \
    CASE(special_status_message, 1, ANY_DRIVER)      \
    CASE(every_status_code, 1, ANY_DRIVER)           \
    CASE(status_before_half_close, 1, ANY_DRIVER)    \
    CASE(status_after_replies, 1, ANY_DRIVER)        \
    CASE(status_after_unread_replies, 1, ANY_DRIVER) \
    CASE(status_details, 1, ANY_DRIVER)              \
    CASE(custom_metadata, 1, ANY_DRIVER)             \
    CASE(metadata_is_kept, 1, ANY_DRIVER)            \
    CASE(metadata_of_failed_calls, 1, ANY_DRIVER)    \
    CASE(headers_before_replies, 1, NO_BLOCKING)     \
    CASE(unimplemented_method, 1, ANY_DRIVER)        \
    CASE(unimplemented_service, 1, ANY_DRIVER)       \
    CASE(cancel_after_begin, 1, ANY_DRIVER)          \
    CASE(cancel_after_first_response, 1, ANY_DRIVER) \
    CASE(timeout_on_sleeping_server, 1, ANY_DRIVER)  \
    CASE(timeout_not_reached, 1, ANY_DRIVER)         \
    CASE(push_back_of_requests, 1, ANY_DRIVER)       \
    CASE(push_back_of_replies, 1, ANY_DRIVER)        \
    CASE(push_back_until_deadline, 1, ANY_DRIVER)    \
    CASE(push_back_is_told, 1, NO_BLOCKING)          \
    CASE(concurrent_streams, 1, ANY_DRIVER)          \
    CASE(concurrent_large_unary, 1, NO_BLOCKING)     \
    CASE(rpc_soak, 1, ANY_DRIVER)                    \
    CASE(channel_soak, soak_count(40), ANY_DRIVER)

typedef void case_body(struct caller *caller);

#define DECLARE_CASE(name, rounds, need) case_body case_##name;
CASES(DECLARE_CASE)
#undef DECLARE_CASE

/* How often a soak does its work: what the environment variable CONFORMANCE_SOAK says, or `usual`. */
unsigned soak_count(unsigned usual);

#endif
