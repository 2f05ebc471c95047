/*
 * scene.h: what the parts of fuzz_connection share: the connection under test, and the script that says what its peer,
 * its user and the service that it offers do to it.
 */
#ifndef YOKE_TESTS_FUZZ_SCENE_H
#define YOKE_TESTS_FUZZ_SCENE_H

#include "fuzz.h"
#include "machine.h"

#define SCENE_CALLS_MAX 64

/* A call that the machine under test made. */
struct made_call {
    struct outcome outcome;
    struct yoke_call *call; /* NULL once it has completed */
    bool has_half_closed;
    bool has_headers, has_message; /* they have come */
};

extern const struct yoke_limits scene_limits;
extern struct machine scene_machine;
extern struct input scene_script;
extern struct made_call scene_made[SCENE_CALLS_MAX];
extern size_t scene_made_count;

/* A message whose size the script chooses: small, or around the limits. */
Unit__Bytes scene_choose_bytes(void);

/* What a callback does: what it likes, which the script says. */
void scene_act_in_callback(void);

/* What both sides of a call can do with it. */
void scene_use_call(struct yoke_call *call, uint8_t choice);

/* ---- The peer (scene_peer.c) ----------------------------------------------------------------------------------- */

void peer_reset(bool machine_is_master);
void peer_set_piece(size_t size);
void peer_greet(void);          /* a HELLO as it should be */
void peer_greet_starting(void); /* one of a worker that is not ready */

/* The steps of a script. */
void peer_say_hello(void);
void peer_say_open(void);
void peer_say_end(void);
void peer_say_message(void);
void peer_say_credit(void);
void peer_say_event(void);
void peer_say_cancel(void);
void peer_say_headers(void);
void peer_say_goaway(void);
void peer_say_ready_or_drain(void);
void peer_say_anything(void);

/* Hear all that the machine has to say. */
void peer_hear_all(void);

/* ---- The user (scene_user.c) ----------------------------------------------------------------------------------- */

/* Make a call, as a part of `parent` unless that is NULL; do something with one that was made; emit an event. */
void user_make_call(struct yoke_call *parent);
void user_use_made(struct made_call *call);
void user_emit_note(void);

/* Subscribe to what the peer emits. */
void user_subscribe(void);

/* ---- What goes around messages (scene_around.c) ------------------------------------------------------------------ */

/* Begin anew: with interceptors on the server, and on the channel, or without. */
void around_reset(bool intercepts_server, bool intercepts_channel);
bool around_intercepts_channel(void);

/* Does an interceptor hear of an end, which nobody may bring about by then? */
bool around_is_finishing(void);

/* Put a list of entries, or of details, there as it travels: right, or rarely wrong. Returns its length. */
#define AROUND_LIST_MAX 640
size_t around_write_list(uint8_t *out, bool is_detail);

/* Look at all that came with a call. */
void around_look(struct yoke_call *call);

/* A list of the user's own, or NULL. */
struct yoke_metadata *around_make_list(void);

/* Add to what will go back with a call that the machine handles, or send what precedes the replies. */
void around_decorate(struct yoke_call *call);

/* Ask the peer for a sign of life. */
void around_ping(void);
size_t around_pings_live(void);

/* All calls have ended: so must have what is around them. */
void around_check_end(void);

/* ---- The service (scene_service.c) ----------------------------------------------------------------------------- */

/* Offer unit.Streams, and have the handler of As in unit.Echo. */
void service_offer(void);

/* Do something with the call that is held at `at`. */
void service_serve(size_t at);

/* What an answer to a call gives when there is nobody to get it, else 0. */
int service_find_expected(const struct yoke_call *call);

#endif
