/* check.h: what the generator refuses, before it writes anything. */
#ifndef GEN_CHECK_H
#define GEN_CHECK_H

#include "gen/model.h"
#include "gen/report.h"

/* Report everything that is wrong with the files to generate. */
void gen_check(const struct gen_model *model, struct gen_report *report);

#endif
