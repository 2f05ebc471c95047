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

static void emit_handlers(struct gen_text *text, const struct gen_service *service) {
    gen_text_printf(
        text,
        "/*\n"
        " * What a server does with each call: answer it once, now or later, with the method's ..._reply() or\n"
        " * with yoke_call_fail(). A call whose member is NULL is answered UNIMPLEMENTED.\n"
        " */\n"
        "struct %s_handlers {\n",
        service->c_name);
    for (size_t i = 0; i < service->method_count; i++) {
        const struct gen_method *method = &service->methods[i];
        struct gen_signature member = {
            gen_format(text->pool, "void (*%s)", method->member),
            {"struct yoke_call *call", gen_format(text->pool, "const %s *request", method->request->c_type),
             "void *user_data"},
        };
        gen_emit_comment(text, 4, &method->element, NULL);
        gen_emit_signature(text, 4, &member, ";\n");
    }
    gen_text_printf(text, "};\n");
}

static void emit_method(struct gen_text *text, const struct gen_method *method) {
    struct gen_signature done = {
        gen_format(text->pool, "typedef void %s_done", method->c_name),
        {"struct yoke_call *call", "const struct yoke_status *status",
         gen_format(text->pool, "const %s *reply", method->reply->c_type), "void *user_data"},
    };
    gen_text_printf(text, "\n");
    gen_emit_comment(text, 0, &method->element, NULL);
    gen_text_printf(text, "extern const struct yoke_method %s_method;\n\n", method->c_name);
    gen_text_printf(text, "/* `reply` is NULL unless status->code is YOKE_OK. All is valid until this returns. */\n");
    declare(text, done);
    gen_text_printf(text, "\n/* Call it: see yoke_channel_call() in <yoke/rpc.h>. */\n");
    declare(text, gen_signature_call(text->pool, method));
    gen_text_printf(text, "\n/* Answer it: see yoke_call_reply(). */\n");
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
    }
    gen_text_printf(&text, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return text.bytes;
}
