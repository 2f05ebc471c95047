/* check.c: see check.h. */
#include "gen/check.h"

void gen_check(const struct gen_model *model, struct gen_report *report) {
    gen_check_support(model, report);
    gen_check_names(model, report);
    gen_check_ids(model, report);
    gen_check_keys(model, report);
    gen_check_options(model, report);
}
