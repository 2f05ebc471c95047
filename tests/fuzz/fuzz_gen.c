/*
 * fuzz_gen.c: the generator, from the bytes of a CodeGeneratorRequest to those of the response. It runs on schemas that
 * protoc has checked, so this is about its own robustness: it answers or says what is wrong, and its answer decodes.
 */
#include "fuzz.h"

#include "gen/request.h"
#include "google/protobuf/compiler/plugin.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gen_pool pool = {0};
    uint8_t *bytes = NULL;
    size_t length = 0;
    const char *trouble = gen_answer(&pool, data, size, &bytes, &length);
    if (trouble != NULL) {
        FUZZ_CHECK(*trouble != '\0');
    } else {
        Google__Protobuf__Compiler__CodeGeneratorResponse *response =
            google__protobuf__compiler__code_generator_response__unpack(NULL, length, bytes);
        FUZZ_CHECK(response != NULL);
        FUZZ_CHECK(response->error == NULL || response->n_file == 0);
        for (size_t i = 0; i < response->n_file; i++) {
            FUZZ_CHECK(response->file[i]->name != NULL && response->file[i]->content != NULL);
        }
        google__protobuf__compiler__code_generator_response__free_unpacked(response, NULL);
    }
    gen_pool_release(&pool);
    return 0;
}
