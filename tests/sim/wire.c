/*
 * wire.c: see sim.h: the wire: a socket's buffer each way, of which any part can be read. What is read is taken apart
 * here, too, so that the model knows what has arrived without asking the machine that is under test.
 */
#include "sim.h"

#include <string.h>
#include <unistd.h>

/* ---- Sending ---------------------------------------------------------------------------------------------------- */

static size_t room_of(const struct sim_wire *wire) {
    size_t capacity = world.is_ending ? SIM_WIRE_SIZE : world.config.wire_capacity;
    size_t used = wire->end - wire->begin;
    return used < capacity ? capacity - used : 0;
}

static void put(struct sim_wire *wire, const void *bytes, size_t size) {
    if (size > sizeof(wire->bytes) - wire->end) {
        memmove(wire->bytes, wire->bytes + wire->begin, wire->end - wire->begin);
        wire->end -= wire->begin;
        wire->begin = 0;
    }
    memcpy(wire->bytes + wire->end, bytes, size);
    wire->end += size;
}

/* How much of so many bytes leaves at once, where a descriptor is to go with one of them: what precedes it goes alone. */
static size_t pass(struct sim_side *side, size_t size) {
    struct yoke__passing *passing = &side->connection.passing;
    struct sim_wire *wire = &side->out;
    if (passing->fd < 0 || size == 0) {
        return size;
    }
    if (passing->ahead > 0) {
        size = size < passing->ahead ? size : passing->ahead;
        passing->ahead -= size;
        return size;
    }
    if (wire->passed_count == SIM_PASSED_MAX) {
        return 0;
    }
    wire->passed[wire->passed_count++] = (struct sim_passed){passing->fd, wire->delivered + (wire->end - wire->begin)};
    passing->fd = -1;
    return size;
}

/* True when nothing is left. */
static bool send_queued(struct sim_side *side) {
    struct yoke__output *output = &side->connection.output;
    struct iovec vector;
    if (side->out.broken && output->queued > 0) {
        side->connection.unreachable = true;
    }
    if (side->connection.unreachable) {
        yoke__output_release(output);
    }
    while (yoke__output_vector(output, &vector, 1) == 1) {
        size_t room = room_of(&side->out);
        size_t size = pass(side, vector.iov_len < room ? vector.iov_len : room);
        if (size == 0) {
            return false;
        }
        put(&side->out, vector.iov_base, size);
        yoke__output_consume(output, size);
    }
    return true;
}

void sim_flush(struct sim_side *side) {
    if (side->connection.closed) {
        return;
    }
    while (send_queued(side) && yoke__streams_pump(&side->connection)) {
    }
}

void sim_truncate(struct sim_side *side, size_t kept) {
    SIM_CHECK(kept <= side->out.end - side->out.begin);
    sim_drop_descriptors(&side->out, kept);
    side->out.end = side->out.begin + kept;
}

void sim_drop_descriptors(struct sim_wire *wire, size_t kept) {
    while (wire->passed_count > 0 && wire->passed[wire->passed_count - 1].at >= wire->delivered + kept) {
        close(wire->passed[--wire->passed_count].fd);
    }
}

/* ---- What has arrived ------------------------------------------------------------------------------------------- */

static void open_arrives(struct sim_call *call, const struct yoke__frame *frame) {
    SIM_CHECK_CALL(call, !call->open_arrived);
    SIM_CHECK_CALL(call, call->accepted || world.memory_has_failed);
    SIM_CHECK_CALL(call, ((frame->flags & YOKE__FLAG_DEADLINE) != 0) == (call->deadline_ns != 0) || !call->accepted);
    call->open_arrived = true;
    call->up.arrived += (frame->flags & YOKE__FLAG_NO_MESSAGE) == 0;
    call->up.end_arrived = (frame->flags & YOKE__FLAG_END_STREAM) != 0;
}

static void message_arrives(struct sim_call *call, bool is_up, const struct yoke__frame *frame) {
    struct sim_flow *flow = is_up ? &call->up : &call->down;
    SIM_CHECK_CALL(call, call->open_arrived && !flow->end_arrived);
    SIM_CHECK_CALL(call, !is_up || !call->cancel_arrived);
    flow->arrived += (frame->flags & (YOKE__FLAG_MORE | YOKE__FLAG_NO_MESSAGE)) == 0;
    SIM_CHECK_CALL(call, flow->arrived <= flow->sent || !call->accepted);
    flow->end_arrived = is_up && (frame->flags & YOKE__FLAG_END_STREAM) != 0;
    SIM_CHECK_CALL(call, !flow->end_arrived || flow->arrived == flow->sent || !call->accepted);
}

static void end_arrives(struct sim_call *call, const struct yoke__frame *frame) {
    SIM_CHECK_CALL(call, call->open_begun && !call->down.end_arrived);
    call->down.end_arrived = true;
    call->end_code = frame->aux;
    call->down.arrived += frame->aux == YOKE_OK && (frame->flags & YOKE__FLAG_NO_MESSAGE) == 0;
    SIM_CHECK_CALL(call, frame->aux != YOKE_OK || call->down.arrived == call->down.sent);
}

static void cancel_arrives(struct sim_call *call) {
    SIM_CHECK_CALL(call, call->open_arrived && !call->cancel_arrived);
    call->cancel_arrived = true;
}

static void headers_arrive(struct sim_call *call) {
    SIM_CHECK_CALL(call, call->open_arrived && !call->headers_arrived);
    SIM_CHECK_CALL(call, call->down.arrived == 0 && !call->down.end_arrived);
    call->headers_arrived = true;
}

/* A frame of `sender` is about to be whole at the other side. */
static void frame_arrives(struct sim_side *sender, const struct yoke__frame *frame) {
    struct sim_call *call = frame->stream != 0 ? sim_find_call(frame->stream) : NULL;
    SIM_CHECK((frame->stream == 0) == (frame->type == YOKE__FRAME_HELLO || frame->type == YOKE__FRAME_EVENT ||
                                       frame->type == YOKE__FRAME_GOAWAY || frame->type == YOKE__FRAME_BUFFER ||
                                       frame->type == YOKE__FRAME_RELEASE));
    SIM_CHECK(frame->stream == 0 || call != NULL);
    sim_record(1 - sender->index, "gets a frame", call, frame->type);
    switch (frame->type) {
    case YOKE__FRAME_OPEN:
        open_arrives(call, frame);
        break;
    case YOKE__FRAME_MESSAGE:
        message_arrives(call, call->side == sender->index, frame);
        break;
    case YOKE__FRAME_END:
        end_arrives(call, frame);
        break;
    case YOKE__FRAME_CANCEL:
        cancel_arrives(call);
        break;
    case YOKE__FRAME_HEADERS:
        headers_arrive(call);
        break;
    case YOKE__FRAME_EVENT:
        sender->emitted_arrived++;
        break;
    default:
        break;
    }
}

static void header_arrives(const struct yoke__frame *frame) {
    struct sim_call *call = frame->type == YOKE__FRAME_OPEN ? sim_find_call(frame->stream) : NULL;
    if (call != NULL) {
        call->open_begun = true;
    }
}

static void parse(struct sim_side *sender, const uint8_t *bytes, size_t size) {
    struct sim_wire *wire = &sender->out;
    while (size > 0) {
        if (wire->header_size < sizeof(wire->header)) {
            size_t missing = sizeof(wire->header) - wire->header_size;
            size_t taken = size < missing ? size : missing;
            memcpy(wire->header + wire->header_size, bytes, taken);
            wire->header_size += taken;
            bytes += taken;
            size -= taken;
            if (taken < missing) {
                return;
            }
            struct yoke__frame frame;
            yoke__frame_decode(wire->header, &frame);
            wire->payload_left = frame.length;
            header_arrives(&frame);
        }
        size_t taken = size < wire->payload_left ? size : wire->payload_left;
        wire->payload_left -= taken;
        bytes += taken;
        size -= taken;
        if (wire->payload_left == 0) {
            struct yoke__frame frame;
            yoke__frame_decode(wire->header, &frame);
            wire->header_size = 0;
            frame_arrives(sender, &frame);
        }
    }
}

/* ---- Receiving -------------------------------------------------------------------------------------------------- */

static void reach_end(struct sim_side *side) {
    if (sim_chance(50)) {
        sim_side_end_input(side, "the peer has closed");
    } else {
        sim_side_close(side, "the peer has gone");
    }
}

/* How much of so many bytes is read at once: with one descriptor at most, which comes before them, unless it is lost. */
static size_t receive_descriptor(struct sim_side *side, struct sim_wire *wire, size_t size) {
    if (wire->passed_count == 0 || wire->passed[0].at >= wire->delivered + size) {
        return size;
    }
    int fd = wire->passed[0].fd;
    wire->passed_count--;
    memmove(wire->passed, wire->passed + 1, wire->passed_count * sizeof(*wire->passed));
    if (sim_chance(world.config.loses_descriptors)) {
        close(fd);
        yoke__shared_lose_descriptor(&side->connection);
    } else {
        SIM_CHECK(yoke__shared_take_descriptor(&side->connection, fd));
    }
    bool is_next_near = wire->passed_count > 0 && wire->passed[0].at < wire->delivered + size;
    return is_next_near ? (size_t)(wire->passed[0].at - wire->delivered) : size;
}

size_t sim_deliver(struct sim_side *side, size_t max) {
    struct sim_side *sender = &world.sides[1 - side->index];
    struct sim_wire *wire = &sender->out;
    size_t delivered = 0;
    while (delivered < max && wire->begin < wire->end && !side->connection.closed &&
           side->connection.failure[0] == '\0') {
        size_t room;
        uint8_t *space = yoke__connection_input(&side->connection, &room);
        if (space == NULL) {
            return delivered;
        }
        SIM_CHECK(room > 0);
        size_t size = wire->end - wire->begin;
        size = size < max - delivered ? size : max - delivered;
        size = size < room ? size : room;
        if (world.config.one_frame) {
            bool in_header = wire->header_size < YOKE__FRAME_HEADER_SIZE;
            size_t left = in_header ? YOKE__FRAME_HEADER_SIZE - wire->header_size : wire->payload_left;
            size = size < left ? size : left;
        }
        size = receive_descriptor(side, wire, size);
        memcpy(space, wire->bytes + wire->begin, size);
        parse(sender, space, size);
        wire->begin += size;
        wire->delivered += size;
        delivered += size;
        yoke__connection_received(&side->connection, size);
    }
    bool is_end = wire->closed && wire->begin == wire->end && !side->ended && !side->connection.closed &&
                  side->connection.failure[0] == '\0';
    if (is_end && delivered < max) {
        reach_end(side);
        delivered++;
    }
    return delivered;
}
