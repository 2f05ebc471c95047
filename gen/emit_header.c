/* emit_header.c: greeter.yoke.h: what the two sides of a call, and emitters and subscribers, include. */
#include "gen/comment.h"
#include "gen/emit.h"
#include "gen/names.h"

#include <string.h>

/* A line that opens a section, filled up with dashes. */
static void emit_heading(struct gen_text *text, const char *name) {
    static const char dashes[] = "----------------------------------------------------------------------------------"
                                 "--------------------------";
    size_t used = strlen(name);
    size_t room = sizeof(dashes) - 1;
    gen_text_printf(text, "\n/* ---- %s %.*s */\n", name, used < room ? (int)(room - used) : 0, dashes);
}

static void declare(struct gen_text *text, struct gen_signature signature) {
    gen_emit_signature(text, 0, &signature, ";\n");
}

/* Members are pointers to functions that get the call, a message if there is one, and user_data. */
static void emit_member(struct gen_text *text, const char *name, const char *ending, const char *message) {
    struct gen_signature member = {
        gen_format(text->pool, "void (*%s%s)", name, ending),
        {"struct yoke_call *call", message ? message : "void *user_data", message ? "void *user_data" : NULL},
    };
    gen_emit_signature(text, 4, &member, ";\n");
}

static void emit_members(struct gen_text *text, const struct gen_method *method) {
    gen_emit_comment(text, 4, &method->element, NULL);
    if (!gen_requests_stream(method)) {
        emit_member(text, method->member, "", gen_format(text->pool, "const %s *request", method->request->c_type));
        return;
    }
    emit_member(text, method->member, "", NULL);
    emit_member(text, method->member, "_message", gen_format(text->pool, "const %s *message", method->request->c_type));
    emit_member(text, method->member, "_end", NULL);
}

static bool has_streams_of_requests(const struct gen_service *service) {
    for (size_t i = 0; i < service->method_count; i++) {
        if (gen_requests_stream(&service->methods[i])) {
            return true;
        }
    }
    return false;
}

static bool has_streams_of_replies(const struct gen_service *service) {
    for (size_t i = 0; i < service->method_count; i++) {
        if (gen_replies_stream(&service->methods[i])) {
            return true;
        }
    }
    return false;
}

static void emit_handlers(struct gen_text *text, const struct gen_service *service) {
    gen_text_printf(
        text, "/*\n"
              " * What a server does with each call: answer it once, now or later, with the method's ..._reply() or\n"
              " * with yoke_call_fail(). A call whose member is NULL is answered UNIMPLEMENTED.\n");
    if (has_streams_of_replies(service)) {
        gen_text_printf(text,
                        " *\n"
                        " * Where replies stream, ..._reply() sends one of them, and yoke_call_finish() answers.\n");
    }
    if (has_streams_of_requests(service)) {
        gen_text_printf(
            text, " *\n"
                  " * Where requests stream, the first member is told of the call, ..._message gets each request and\n"
                  " * ..._end runs after the last. Of the latter two either may be NULL.\n");
    }
    gen_text_printf(text, " */\nstruct %s_handlers {\n", service->c_name);
    for (size_t i = 0; i < service->method_count; i++) {
        emit_members(text, &service->methods[i]);
    }
    gen_text_printf(text, "};\n");
}

static void emit_callbacks(struct gen_text *text, const struct gen_method *method) {
    const char *reply = gen_format(text->pool, "const %s *reply", method->reply->c_type);
    const char *message = gen_format(text->pool, "const %s *message", method->reply->c_type);
    const char *head = gen_format(text->pool, "typedef void %s_done", method->c_name);
    if (!gen_replies_stream(method)) {
        gen_text_printf(text,
                        "/* `reply` is NULL unless status->code is YOKE_OK. All is valid until this returns. */\n");
        declare(text,
                (struct gen_signature){
                    head, {"struct yoke_call *call", "const struct yoke_status *status", reply, "void *user_data"}});
        return;
    }
    gen_text_printf(text,
                    "/* Gets each reply; and, after the last, how it ended. All is valid until these return. */\n");
    declare(text, (struct gen_signature){gen_format(text->pool, "typedef void %s_message", method->c_name),
                                         {"struct yoke_call *call", message, "void *user_data"}});
    declare(text, (struct gen_signature){
                      head, {"struct yoke_call *call", "const struct yoke_status *status", "void *user_data"}});
}

/* The forms that block. */
static void emit_sync(struct gen_text *text, const struct gen_method *method) {
    gen_text_printf(text, "\n/* Call it and wait: see \"Calls that block\" in <yoke/rpc.h>. */\n");
    declare(text, gen_signature_sync(text->pool, method));
    if (gen_requests_stream(method)) {
        declare(text, gen_signature_write(text->pool, method));
    }
    if (gen_replies_stream(method)) {
        declare(text, gen_signature_next(text->pool, method));
    } else if (gen_requests_stream(method)) {
        declare(text, gen_signature_close(text->pool, method));
    }
}

static void emit_method(struct gen_text *text, const struct gen_method *method) {
    gen_text_printf(text, "\n");
    gen_emit_comment(text, 0, &method->element, NULL);
    gen_text_printf(text, "extern const struct yoke_method %s_method;\n\n", method->c_name);
    emit_callbacks(text, method);
    gen_text_printf(text, "\n/* Call it: see %s() in <yoke/rpc.h>. */\n",
                    method->kind == GEN_UNARY ? "yoke_channel_call" : "yoke_channel_open");
    declare(text, gen_signature_call(text->pool, method));
    if (method->kind == GEN_UNARY) {
        gen_text_printf(text, "\n/* Call it of every peer: see yoke_channel_call_all(). */\n");
        declare(text, gen_signature_all(text->pool, method));
    }
    if (gen_requests_stream(method)) {
        gen_text_printf(text, "\n/* Send a request: see yoke_call_send(). yoke_call_half_close() after the last. */\n");
        declare(text, gen_signature_send(text->pool, method));
    }
    emit_sync(text, method);
    gen_text_printf(text, gen_replies_stream(method)
                              ? "\n/* Send a reply: see yoke_call_send_reply(). yoke_call_finish() after the last. */\n"
                              : "\n/* Answer it: see yoke_call_reply(). */\n");
    declare(text, gen_signature_reply(text->pool, method));
}

static void emit_service(struct gen_text *text, const struct gen_service *service) {
    emit_heading(text, gen_format(text->pool, "service %s", service->element.full_name));
    gen_text_printf(text, "\n");
    gen_emit_comment(text, 0, &service->element, NULL);
    gen_text_printf(text, "extern const struct yoke_service %s_service;\n\n", service->c_name);
    emit_handlers(text, service);
    gen_text_printf(text, "\n/* Offer the service: see yoke_server_add() in <yoke/rpc.h>. */\n");
    declare(text, gen_signature_serve(text->pool, service));
    for (size_t i = 0; i < service->method_count; i++) {
        emit_method(text, &service->methods[i]);
    }
}

static void emit_event(struct gen_text *text, const struct gen_message *event) {
    struct gen_signature handler = {
        gen_format(text->pool, "typedef void %s_handler", event->c_name),
        {"const struct yoke_peer *peer", gen_format(text->pool, "const %s *event", event->c_type), "void *user_data"},
    };
    emit_heading(text, gen_format(text->pool, "event %s", event->element.full_name));
    gen_text_printf(text, "\n");
    gen_emit_comment(text, 0, &event->element, NULL);
    gen_text_printf(text, "extern const struct yoke_event_type %s_event;\n\n", event->c_name);
    gen_text_printf(text, "/* `peer` is who sent it. All is valid until this returns. */\n");
    declare(text, handler);
    gen_text_printf(text, "\n/* Subscribe, and end a subscription: see yoke_events_on() and yoke_events_off(). */\n");
    declare(text, gen_signature_on(text->pool, event));
    declare(text, gen_signature_off(text->pool, event));
    gen_text_printf(text, "\n/* Send it: see yoke_channel_emit(). */\n");
    declare(text, gen_signature_emit(text->pool, event));
}

static void emit_detail(struct gen_text *text, const struct gen_message *detail) {
    emit_heading(text, gen_format(text->pool, "detail %s", detail->element.full_name));
    gen_text_printf(text, "\n");
    gen_emit_comment(text, 0, &detail->element,
                     "Add it to the status of a call to answer: see yoke_call_add_detail().");
    declare(text, gen_signature_detail_add(text->pool, detail));
    gen_text_printf(
        text, "\n/* Find it in a callback, by its number among those of its type: see yoke_call_get_detail(). */\n");
    declare(text, gen_signature_detail_get(text->pool, detail));
}

char *gen_emit_header(struct gen_pool *pool, const struct gen_file *file) {
    struct gen_text text = {.pool = pool};
    const char *guard = gen_path_identifier(pool, file->element.full_name);
    gen_emit_banner(&text, file);
    gen_text_printf(&text, "#ifndef YOKE_GENERATED_%s\n#define YOKE_GENERATED_%s\n\n", guard, guard);
    gen_text_printf(&text, "#include <yoke/rpc.h>\n\n#include \"%s.pb-c.h\"\n\n", file->base);
    gen_text_printf(&text, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    for (size_t i = 0; i < file->service_count; i++) {
        emit_service(&text, &file->services[i]);
    }
    for (size_t i = 0; i < file->message_count; i++) {
        if (file->messages[i]->event) {
            emit_event(&text, file->messages[i]);
        }
        if (file->messages[i]->detail) {
            emit_detail(&text, file->messages[i]);
        }
    }
    gen_text_printf(&text, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return text.bytes;
}
