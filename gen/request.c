/* request.c: see request.h. The pipeline in a nutshell: descriptors, model, checks, emitters. */
#include "gen/request.h"

#include "gen/check.h"
#include "gen/complete.h"
#include "gen/emit.h"
#include "gen/model.h"
#include "gen/report.h"
#include "google/protobuf/compiler/plugin.pb-c.h"

typedef Google__Protobuf__Compiler__CodeGeneratorRequest Request;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse Response;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse__File ResponseFile;

static void add_file(struct gen_pool *pool, Response *response, const char *name, char *content) {
    ResponseFile *file = gen_alloc(pool, 1, sizeof(*file));
    google__protobuf__compiler__code_generator_response__file__init(file);
    file->name = gen_format(pool, "%s", name);
    file->content = content;
    response->file[response->n_file++] = file;
}

static void emit(const struct gen_model *model, Response *response) {
    response->file = gen_alloc(model->pool, model->file_count * 2, sizeof(ResponseFile *));
    for (size_t i = 0; i < model->file_count; i++) {
        const struct gen_file *file = &model->files[i];
        if (file->generate) {
            add_file(model->pool, response, gen_format(model->pool, "%s.yoke.h", file->base),
                     gen_emit_header(model->pool, file));
            add_file(model->pool, response, gen_format(model->pool, "%s.yoke.c", file->base),
                     gen_emit_source(model->pool, file));
        }
    }
}

/* No parameter exists yet, so one that is given is a mistake. */
static char *check_parameter(struct gen_pool *pool, const char *parameter) {
    if (!parameter || !*parameter) {
        return NULL;
    }
    return gen_format(pool, "unknown parameter \"%s\": protoc-gen-yoke takes none; remove it", parameter);
}

static const char *answer(struct gen_pool *pool, const Request *request, Response *response) {
    struct gen_model model = {.pool = pool};
    const char *trouble = gen_check_complete(pool, request);
    if (!trouble) {
        trouble = gen_model_build(&model, request);
    }
    if (trouble) {
        return trouble;
    }
    struct gen_report report = {.pool = pool};
    response->error = check_parameter(pool, request->parameter);
    if (!response->error) {
        gen_check(&model, &report);
        response->error = gen_report_text(&report);
    }
    if (!response->error) {
        emit(&model, response);
    }
    return NULL;
}

const char *gen_answer(struct gen_pool *pool, const uint8_t *request_bytes, size_t length, uint8_t **ret_response,
                       size_t *ret_length) {
    Request *request = google__protobuf__compiler__code_generator_request__unpack(NULL, length, request_bytes);
    if (!request) {
        return "standard input holds no CodeGeneratorRequest";
    }
    Response response = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
    response.has_supported_features = true;
    response.supported_features = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__FEATURE__FEATURE_PROTO3_OPTIONAL;

    const char *trouble = answer(pool, request, &response);
    if (!trouble) {
        size_t size = google__protobuf__compiler__code_generator_response__get_packed_size(&response);
        *ret_response = gen_alloc(pool, size, 1);
        *ret_length = google__protobuf__compiler__code_generator_response__pack(&response, *ret_response);
    }
    google__protobuf__compiler__code_generator_request__free_unpacked(request, NULL);
    return trouble;
}
