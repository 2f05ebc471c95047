/* check.c: see check.h. One function for each rule; the rules do not know of one another. */
#include "gen/check.h"

#include <string.h>

static void check_streaming(const struct gen_file *file, struct gen_report *report) {
    for (size_t i = 0; i < file->service_count; i++) {
        for (size_t j = 0; j < file->services[i].method_count; j++) {
            const struct gen_method *method = &file->services[i].methods[j];
            if (method->kind != GEN_UNARY) {
                gen_report_add(report, &method->element,
                               "streaming methods are not supported yet; make it unary (remove \"stream\")");
            }
        }
    }
}

void gen_check(const struct gen_model *model, struct gen_report *report) {
    for (size_t i = 0; i < model->file_count; i++) {
        if (model->files[i].generate) {
            check_streaming(&model->files[i], report);
        }
    }
}
