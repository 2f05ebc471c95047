/*
 * emit_source.c: greeter.yoke.c: the tables, and thin functions between the typed names and the engine's untyped ones.
 * What is private to the file has two underscores before its last word, where no name of ours from a schema has any.
 */
#include "gen/emit.h"
#include "gen/names.h"

static void begin(struct gen_text *text, struct gen_signature signature) {
    gen_text_printf(text, "\n");
    gen_emit_signature(text, 0, &signature, " {\n");
}

/* A body that does no more than call, and a closing brace. */
static void emit_call(struct gen_text *text, struct gen_signature call) {
    gen_emit_signature(text, 4, &call, ";\n");
    gen_text_printf(text, "}\n");
}

/* ---- Types ---------------------------------------------------------------------------------------------------- */

static void emit_type(struct gen_text *text, const struct gen_message *message) {
    gen_text_printf(text,
                    "\n"
                    "static const struct yoke_type %s__type = {\n"
                    "    .name = \"%s\",\n"
                    "    .codec = &yoke_codec_protobuf_c,\n"
                    "    .descriptor = &%s__descriptor,\n"
                    "    .deep = %s,\n"
                    "};\n",
                    message->c_lower, message->element.full_name, message->c_lower,
                    gen_message_is_deep(message) ? "true" : "false");
}

/* Types that have a table already. */
struct listed {
    const struct gen_message **messages;
    size_t count;
};

static void emit_type_once(struct gen_text *text, struct listed *listed, const struct gen_message *message) {
    for (size_t i = 0; i < listed->count; i++) {
        if (listed->messages[i] == message) {
            return;
        }
    }
    listed->messages[listed->count++] = message;
    emit_type(text, message);
}

static void emit_types(struct gen_text *text, const struct gen_file *file) {
    size_t most = file->message_count;
    for (size_t i = 0; i < file->service_count; i++) {
        most += 2 * file->services[i].method_count;
    }
    struct listed listed = {gen_alloc(text->pool, most, sizeof(struct gen_message *)), 0};
    for (size_t i = 0; i < file->service_count; i++) {
        for (size_t j = 0; j < file->services[i].method_count; j++) {
            emit_type_once(text, &listed, file->services[i].methods[j].request);
            emit_type_once(text, &listed, file->services[i].methods[j].reply);
        }
    }
    for (size_t i = 0; i < file->message_count; i++) {
        if (file->messages[i]->event || file->messages[i]->detail) {
            emit_type_once(text, &listed, file->messages[i]);
        }
    }
}

/* ---- Services ------------------------------------------------------------------------------------------------- */

static void emit_handle(struct gen_text *text, const struct gen_method *method) {
    bool opens = gen_requests_stream(method);
    begin(text, (struct gen_signature){
                    gen_format(text->pool, "static bool %s__handle", method->c_name),
                    {"const void *handlers", "struct yoke_call *call", "const void *request", "void *user_data"},
                });
    gen_text_printf(text,
                    "    const struct %s_handlers *table = handlers;\n"
                    "    if (!table->%s) {\n"
                    "        return false;\n"
                    "    }\n"
                    "%s"
                    "    table->%s(call, %suser_data);\n"
                    "    return true;\n"
                    "}\n",
                    method->service->c_name, method->member, opens ? "    (void)request;\n" : "", method->member,
                    opens ? "" : "request, ");
}

/* What hands on a request of a stream, or its end, to who is there for it. */
static void emit_pass(struct gen_text *text, const struct gen_method *method, const char *what, bool has_message) {
    const char *head = gen_format(text->pool, "static void %s__%s", method->c_name, what);
    begin(text, has_message ? (struct gen_signature){head,
                                                     {"const void *handlers", "struct yoke_call *call",
                                                      "const void *request", "void *user_data"}}
                            : (struct gen_signature){
                                  head, {"const void *handlers", "struct yoke_call *call", "void *user_data"}});
    gen_text_printf(text,
                    "    const struct %s_handlers *table = handlers;\n"
                    "    if (table->%s_%s) {\n"
                    "        table->%s_%s(call, %suser_data);\n"
                    "    }\n"
                    "}\n",
                    method->service->c_name, method->member, what, method->member, what,
                    has_message ? "request, " : "");
}

static void emit_receive(struct gen_text *text, const struct gen_method *method) {
    begin(text, (struct gen_signature){
                    gen_format(text->pool, "static void %s__receive", method->c_name),
                    {"yoke_function *on_message", "struct yoke_call *call", "const void *reply", "void *user_data"},
                });
    gen_text_printf(text, "    ((%s_message *)on_message)(call, reply, user_data);\n}\n", method->c_name);
}

static void emit_complete(struct gen_text *text, const struct gen_method *method) {
    begin(text, (struct gen_signature){
                    gen_format(text->pool, "static void %s__complete", method->c_name),
                    {"yoke_function *done", "struct yoke_call *call", "const struct yoke_status *status",
                     "const void *reply", "void *user_data"},
                });
    bool replies_stream = gen_replies_stream(method);
    gen_text_printf(text, "%s    ((%s_done *)done)(call, status, %suser_data);\n}\n",
                    replies_stream ? "    (void)reply;\n" : "", method->c_name, replies_stream ? "" : "reply, ");
}

static void emit_trampolines(struct gen_text *text, const struct gen_method *method) {
    emit_handle(text, method);
    if (gen_method_has_key(method)) {
        gen_emit_key(text, method);
    }
    if (gen_requests_stream(method)) {
        emit_pass(text, method, "message", true);
        emit_pass(text, method, "end", false);
    }
    if (gen_replies_stream(method)) {
        emit_receive(text, method);
    }
    emit_complete(text, method);
}

static void emit_table(struct gen_text *text, const struct gen_method *method) {
    const char *c_name = method->c_name;
    gen_text_printf(text,
                    "\n"
                    "const struct yoke_method %s_method = {\n"
                    "    .name = \"%s\",\n"
                    "    .id = 0x%08x,\n"
                    "    .kind = %s,\n",
                    c_name, method->name, method->id, gen_kind_name(method->kind));
    if (method->timeout_ms != 0) {
        gen_text_printf(text, "    .timeout_us = UINT64_C(%llu),\n", (unsigned long long)method->timeout_ms * 1000);
    }
    gen_text_printf(text,
                    "    .request = &%s__type,\n"
                    "    .reply = &%s__type,\n",
                    method->request->c_lower, method->reply->c_lower);
    if (method->handler_timeout_ms != 0) {
        gen_text_printf(text, "    .handler_timeout_us = UINT64_C(%llu),\n",
                        (unsigned long long)method->handler_timeout_ms * 1000);
    }
    if (method->idempotent) {
        gen_text_printf(text, "    .is_idempotent = true,\n");
    }
    if (gen_method_has_key(method)) {
        gen_text_printf(text, "    .key = %s__key,\n", c_name);
    }
    gen_text_printf(text, "    .handle = %s__handle,\n", c_name);
    if (gen_requests_stream(method)) {
        gen_text_printf(text,
                        "    .handle_message = %s__message,\n"
                        "    .handle_end = %s__end,\n",
                        c_name, c_name);
    }
    if (gen_replies_stream(method)) {
        gen_text_printf(text, "    .receive = %s__receive,\n", c_name);
    }
    gen_text_printf(text, "    .complete = %s__complete,\n};\n", c_name);
}

static void emit_call_body(struct gen_text *text, const struct gen_method *method, const char *reference) {
    if (method->kind == GEN_UNARY) {
        emit_call(text, (struct gen_signature){
                            "return yoke_channel_call",
                            {"channel", reference, "request", "options", "(yoke_function *)done", "user_data"},
                        });
        return;
    }
    emit_call(text, (struct gen_signature){
                        "return yoke_channel_open",
                        {"channel", reference, gen_requests_stream(method) ? "NULL" : "request", "options",
                         gen_replies_stream(method) ? "(yoke_function *)on_message" : "NULL",
                         "(yoke_function *)on_done", "user_data", gen_requests_stream(method) ? "ret_call" : "NULL"},
                    });
}

/* A body that calls and gives its output the type that it has. */
static void emit_typed_output(struct gen_text *text, struct gen_signature call, const char *output) {
    gen_text_printf(text, "    const void *message;\n");
    gen_emit_signature(text, 4, &call, ";\n");
    gen_text_printf(text,
                    "    if (result == 0) {\n"
                    "        *%s = message;\n"
                    "    }\n"
                    "    return result;\n"
                    "}\n",
                    output);
}

static void emit_sync(struct gen_text *text, const struct gen_method *method, const char *reference) {
    begin(text, gen_signature_sync(text->pool, method));
    if (method->kind == GEN_UNARY) {
        emit_typed_output(text,
                          (struct gen_signature){"int result = yoke_sync_unary",
                                                 {"channel", reference, "request", "options", "sync", "&message"}},
                          "ret_reply");
        return;
    }
    const char *request = gen_requests_stream(method) ? "NULL" : "request";
    emit_call(text,
              (struct gen_signature){"return yoke_sync_open", {"channel", reference, request, "options", "sync"}});
    if (gen_requests_stream(method)) {
        begin(text, gen_signature_write(text->pool, method));
        emit_call(text, (struct gen_signature){"return yoke_sync_write", {"sync", reference, "message"}});
    }
    if (gen_replies_stream(method)) {
        begin(text, gen_signature_next(text->pool, method));
        emit_typed_output(text, (struct gen_signature){"int result = yoke_sync_next", {"sync", reference, "&message"}},
                          "ret_message");
    } else {
        begin(text, gen_signature_close(text->pool, method));
        emit_typed_output(text, (struct gen_signature){"int result = yoke_sync_close", {"sync", reference, "&message"}},
                          "ret_reply");
    }
}

static void emit_method(struct gen_text *text, const struct gen_method *method) {
    emit_trampolines(text, method);
    emit_table(text, method);
    const char *reference = gen_format(text->pool, "&%s_method", method->c_name);
    begin(text, gen_signature_call(text->pool, method));
    emit_call_body(text, method, reference);
    if (method->kind == GEN_UNARY) {
        begin(text, gen_signature_all(text->pool, method));
        emit_call(text, (struct gen_signature){
                            "return yoke_channel_call_all",
                            {"channel", reference, "request", "options", "(yoke_function *)done", "user_data"},
                        });
    }
    if (gen_requests_stream(method)) {
        begin(text, gen_signature_send(text->pool, method));
        emit_call(text, (struct gen_signature){"return yoke_call_send", {"call", reference, "message"}});
    }
    emit_sync(text, method, reference);
    begin(text, gen_signature_reply(text->pool, method));
    emit_call(text, (struct gen_signature){gen_replies_stream(method) ? "return yoke_call_send_reply"
                                                                      : "return yoke_call_reply",
                                           {"call", reference, "reply"}});
}

static void emit_service(struct gen_text *text, const struct gen_service *service) {
    for (size_t i = 0; i < service->method_count; i++) {
        emit_method(text, &service->methods[i]);
    }
    gen_text_printf(text, "\nstatic const struct yoke_method *const %s__methods[] = {\n", service->c_name);
    for (size_t i = 0; i < service->method_count; i++) {
        gen_text_printf(text, "    &%s_method,\n", service->methods[i].c_name);
    }
    gen_text_printf(text,
                    "};\n"
                    "\n"
                    "const struct yoke_service %s_service = {\n"
                    "    .name = \"%s\",\n"
                    "    .id = 0x%08x,\n"
                    "    .methods = %s__methods,\n"
                    "    .method_count = %zu,\n"
                    "};\n",
                    service->c_name, service->element.full_name, service->id, service->c_name, service->method_count);

    begin(text, gen_signature_serve(text->pool, service));
    const char *reference = gen_format(text->pool, "&%s_service", service->c_name);
    emit_call(text, (struct gen_signature){"return yoke_server_add", {"server", reference, "handlers", "user_data"}});
}

/* ---- Events --------------------------------------------------------------------------------------------------- */

static void emit_event(struct gen_text *text, const struct gen_message *event) {
    begin(text, (struct gen_signature){
                    gen_format(text->pool, "static void %s__deliver", event->c_name),
                    {"yoke_function *handler", "const struct yoke_peer *peer", "const void *event", "void *user_data"},
                });
    gen_text_printf(text,
                    "    ((%s_handler *)handler)(peer, event, user_data);\n"
                    "}\n"
                    "\n"
                    "const struct yoke_event_type %s_event = {\n"
                    "    .id = 0x%08x,\n"
                    "    .type = &%s__type,\n"
                    "    .deliver = %s__deliver,\n"
                    "};\n",
                    event->c_name, event->c_name, event->id, event->c_lower, event->c_name);

    const char *reference = gen_format(text->pool, "&%s_event", event->c_name);
    const char *handler = "(yoke_function *)handler";
    begin(text, gen_signature_on(text->pool, event));
    emit_call(text, (struct gen_signature){"return yoke_events_on", {"events", reference, handler, "user_data"}});
    begin(text, gen_signature_off(text->pool, event));
    emit_call(text, (struct gen_signature){"return yoke_events_off", {"events", reference, handler, "user_data"}});
    begin(text, gen_signature_emit(text->pool, event));
    emit_call(text, (struct gen_signature){"return yoke_channel_emit", {"channel", reference, "event"}});
}

/* ---- Details of a status -------------------------------------------------------------------------------------- */

static void emit_detail(struct gen_text *text, const struct gen_message *detail) {
    const char *type = gen_format(text->pool, "&%s__type", detail->c_lower);
    begin(text, gen_signature_detail_add(text->pool, detail));
    emit_call(text, (struct gen_signature){"return yoke_call_add_detail", {"call", type, "detail"}});
    begin(text, gen_signature_detail_get(text->pool, detail));
    gen_text_printf(text, "    const void *detail;\n");
    gen_emit_signature(text, 4,
                       &(struct gen_signature){"int error = yoke_call_get_detail", {"call", type, "index", "&detail"}},
                       ";\n");
    gen_text_printf(text, "    if (error == 0) {\n"
                          "        *ret_detail = detail;\n"
                          "    }\n"
                          "    return error;\n"
                          "}\n");
}

char *gen_emit_source(struct gen_pool *pool, const struct gen_file *file) {
    struct gen_text text = {.pool = pool};
    gen_emit_banner(&text, file);
    gen_text_printf(&text, "#include \"%s.yoke.h\"\n", file->base);
    emit_types(&text, file);
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
    return text.bytes;
}
