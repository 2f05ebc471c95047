/*
 * check.h: what the generator refuses, before it writes anything. Each rule looks at the files to generate and reports
 * every offence; the rules do not know of one another.
 */
#ifndef GEN_CHECK_H
#define GEN_CHECK_H

#include "gen/model.h"
#include "gen/report.h"

/* All rules. */
void gen_check(const struct gen_model *model, struct gen_report *report);

/* What protobuf-c cannot turn into C: optional of proto3, groups, some defaults. */
void gen_check_support(const struct gen_model *model, struct gen_report *report);

/* Names that C refuses, that meet in C, or that are Yoke's own. */
void gen_check_names(const struct gen_model *model, struct gen_report *report);

/* Ids of methods, services and events that are zero or that two names share, in all files of the request. */
void gen_check_ids(const struct gen_model *model, struct gen_report *report);

/* Fields marked as keys that cannot be, or of which there are several. */
void gen_check_keys(const struct gen_model *model, struct gen_report *report);

/* Options with Yoke's numbers that this version does not know. */
void gen_check_options(const struct gen_model *model, struct gen_report *report);

#endif
