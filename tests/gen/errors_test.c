/*
 * errors_test.c: what the generator refuses, and the words that it uses. Where the reason is that protobuf-c's code
 * would not compile, that is shown too, so that nothing is refused which a protobuf-c of the day could do.
 */
#include "tests/gen/tool.h"
#include "tests/harness/harness.h"

#include <string.h>

#define OPTIONAL                                                                                \
    "protobuf-c has no optional of proto3; put the field in a oneof of its own, use a type of " \
    "google/protobuf/wrappers.proto, or write the file in proto2"
#define KEYWORD "which is a keyword or a macro; rename it"
#define RESERVED "which is reserved for the compiler; rename it"
#define RENAME "rename one of them"
#define NOT_FINITE "protobuf-c writes no C for a default of inf or nan; leave the default out"
#define OURS "names in C that begin with yoke_ are Yoke's own; "
#define CHOOSE "choose another field, or remove the option"
#define NO_KEY_TYPE \
    "(yoke.v1.key) is on a field whose type is neither an integer type nor bool, enum, string or bytes; " CHOOSE
#define ONE_KEY ", and a message has one key; remove one of the options"
#define NO_EXTENSION "(yoke.v1.key) is on an extension, which protobuf-c has no field for; " CHOOSE
#define NEWER "; use a protoc-gen-yoke as new as the options.proto that declares it, or remove the option"

struct row {
    const char *schema; /* in errors/, without .proto; also the name of the file in each line below */
    bool breaks;        /* without the refusal, code of protobuf-c alone would not compile */
    const char *lines[12];
};

/* In the lines, "@" stands for the schema's path. */
static const struct row rows[] = {
    {"meet_streams",
     false,
     {"@:9:3: demo.Streamer.ChatMessage: in C it and demo.Streamer.Chat (@:8:3) both get the name "
      "\"demo_streamer_chat_message\"; " RENAME,
      "@:10:3: demo.Streamer.ChatEnd: in C it and demo.Streamer.Chat (@:8:3) both get the name "
      "\"chat_end\"; " RENAME,
      "@:11:3: demo.Streamer.ChatSend: in C it and demo.Streamer.Chat (@:8:3) both get the name "
      "\"demo_streamer_chat_send\"; " RENAME,
      "@:13:3: demo.Streamer.WatchMessage: in C it and demo.Streamer.Watch (@:12:3) both get the name "
      "\"demo_streamer_watch_message\"; " RENAME}},
    {"meet_sync",
     false,
     {"@:9:3: demo.Blocker.HelloSync: in C it and demo.Blocker.Hello (@:8:3) both get the name "
      "\"demo_blocker_hello_sync\"; " RENAME,
      "@:14:3: demo.Blocker.WatchSync: in C it and demo.Blocker.Watch (@:13:3) both get the name "
      "\"demo_blocker_watch_sync\"; " RENAME,
      "@:16:3: demo.Blocker.WatchNext: in C it and demo.Blocker.Watch (@:13:3) both get the name "
      "\"demo_blocker_watch_next\"; " RENAME,
      "@:19:3: demo.Blocker.UploadSync: in C it and demo.Blocker.Upload (@:18:3) both get the name "
      "\"demo_blocker_upload_sync\"; " RENAME,
      "@:20:3: demo.Blocker.UploadWrite: in C it and demo.Blocker.Upload (@:18:3) both get the name "
      "\"demo_blocker_upload_write\"; " RENAME,
      "@:22:3: demo.Blocker.UploadClose: in C it and demo.Blocker.Upload (@:18:3) both get the name "
      "\"demo_blocker_upload_close\"; " RENAME,
      "@:24:3: demo.Blocker.ChatSync: in C it and demo.Blocker.Chat (@:23:3) both get the name "
      "\"demo_blocker_chat_sync\"; " RENAME,
      "@:25:3: demo.Blocker.ChatWrite: in C it and demo.Blocker.Chat (@:23:3) both get the name "
      "\"demo_blocker_chat_write\"; " RENAME,
      "@:26:3: demo.Blocker.ChatNext: in C it and demo.Blocker.Chat (@:23:3) both get the name "
      "\"demo_blocker_chat_next\"; " RENAME}},
    {"meet_all",
     false,
     {"@:8:3: demo.Caller.HelloAll: in C it and demo.Caller.Hello (@:7:3) both get the name "
      "\"demo_caller_hello_all\"; " RENAME}},
    {"key",
     false,
     {"@:7:3: demo.Many.numbers: (yoke.v1.key) is on a repeated field, and a key is one value; " CHOOSE,
      "@:11:3: demo.Entries.entries: (yoke.v1.key) is on a repeated field, and a key is one value; " CHOOSE,
      "@:15:3: demo.Real.ratio: " NO_KEY_TYPE, "@:19:3: demo.Whole.part: " NO_KEY_TYPE,
      "@:24:5: demo.Choice.number: (yoke.v1.key) is on a field of a oneof, which can be another one; " CHOOSE,
      "@:31:3: demo.Twice.second: (yoke.v1.key) is on demo.Twice.first (@:30:3) as well" ONE_KEY,
      "@:32:3: demo.Twice.third: " NO_KEY_TYPE,
      "@:32:3: demo.Twice.third: (yoke.v1.key) is on demo.Twice.first (@:30:3) as well" ONE_KEY,
      "@:34:18: demo.Twice.within: " NO_EXTENSION, "@:37:16: demo.outside: " NO_EXTENSION}},
    {"keyword_method",
     true,
     {"@:7:3: demo.S.Default: in C its name is \"default\", " KEYWORD,
      "@:8:3: demo.S.Errno: in C its name is \"errno\", " KEYWORD,
      "@:9:3: demo.S.Linux: in C its name is \"linux\", " KEYWORD,
      "@:10:3: demo.S.INT: in C its name is \"int\", " KEYWORD}},
    {"keyword_field",
     true,
     {"@:6:3: demo.M.restrict: in C its name is \"restrict\", " KEYWORD,
      "@:7:3: demo.M.errno: in C its name is \"errno\", " KEYWORD,
      "@:9:5: demo.M.Inner.typeof: in C its name is \"typeof\", " KEYWORD}},
    {"compiler_names",
     true,
     {"@:5:3: demo.M.__func__: in C its name is \"__func__\", " RESERVED,
      "@:9:3: demo.S.__attribute__: in C its name is \"__attribute__\", " RESERVED}},
    {"no_identifier", true, {"@:3:1: _1: in C its name is \"1\", which is no identifier; rename it"}},
    {"protobuf_c_method",
     true,
     {"@:7:3: demo.S.Init: in C it and demo.S (@:6:1) both get the name \"demo__s__init\"; " RENAME,
      "@:8:3: demo.S.Descriptor: in C it and demo.S (@:6:1) both get the name \"demo__s__descriptor\"; " RENAME,
      "@:9:3: demo.S.Base: in C it and demo.S (@:6:1) both get the name \"base\"; " RENAME,
      "@:10:3: demo.S.MethodDescriptors: in C it and demo.S (@:6:1) both get the name "
      "\"demo__s__method_descriptors\"; " RENAME}},
    {"protobuf_c_field",
     true,
     {"@:5:3: demo.M.base: in C it and demo.M (@:4:1) both get the name \"base\"; " RENAME,
      "@:7:3: demo.M.n_x: in C it and demo.M.x (@:6:3) both get the name \"n_x\"; " RENAME,
      "@:9:3: demo.M.has_y: in C it and demo.M.y (@:8:3) both get the name \"has_y\"; " RENAME,
      "@:11:3: demo.M.kind_case: in C it and demo.M.kind (@:10:3) both get the name \"kind_case\"; " RENAME,
      "@:13:3: demo.M.z: in C it and demo.M.Z (@:12:3) both get the name \"z\"; " RENAME}},
    {"protobuf_c_message",
     true,
     {"@:5:1: demo.GetUrl: in C it and demo.GetURL (@:4:1) both get the name \"DEMO__GET_URL__INIT\"; " RENAME,
      "@:8:1: demo.HelloRequest: in C it and demo.Hello_Request (@:7:1) both get the name "
      "\"Demo__HelloRequest\"; " RENAME,
      "@:13:3: demo.F.BodyCase: in C it and demo.F.body (@:11:3) both get the name \"Demo__F__BodyCase\"; " RENAME,
      "@:14:15: demo.F.Kind.NOT_SET: in C it and demo.F.kind (@:12:3) both get the name "
      "\"DEMO__F__KIND__NOT_SET\"; " RENAME,
      "@:18:1: demo.lower: in C it and demo.Lower (@:17:1) both get the name \"Demo__Lower\"; " RENAME}},
    {"empty_service",
     true,
     {"@:4:1: demo.S: protobuf-c's code for a service without methods is not ISO C; give it a method, or remove it"}},
    {"meet_methods",
     false,
     {"@:8:3: demo.Greeter.HelloReply: in C it and demo.Greeter.Hello (@:7:3) both get the name "
      "\"demo_greeter_hello_reply\"; " RENAME,
      "@:9:3: demo.Greeter.Hello_Reply: in C it and demo.Greeter.HelloReply (@:8:3) both get the name "
      "\"demo_greeter_hello_reply\"; " RENAME,
      "@:10:3: demo.Greeter.Serve: in C it and demo.Greeter (@:6:1) both get the name \"demo_greeter_serve\"; " RENAME,
      "@:11:3: demo.Greeter.Service: in C it and demo.Greeter (@:6:1) both get the name "
      "\"demo_greeter_service\"; " RENAME,
      "@:12:3: demo.Greeter.Handlers: in C it and demo.Greeter (@:6:1) both get the name "
      "\"demo_greeter_handlers\"; " RENAME,
      "@:17:3: demo.Fetcher.GetUrlInfo: in C it and demo.Fetcher.GetURLInfo (@:16:3) both get the name "
      "\"demo_fetcher_get_url_info\"; " RENAME}},
    {"meet_services",
     false,
     {"@:11:3: demo.GreeterHello.Again: in C it and demo.Greeter.HelloAgain (@:7:3) both get the name "
      "\"demo_greeter_hello_again\"; " RENAME}},
    {"meet_events",
     false,
     {"@:12:1: demo.TaskDone: in C it and demo.Task.Done (@:7:3) both get the name \"demo_task_done_event\"; " RENAME}},
    {"meet_import",
     true,
     {"@:6:1: demo.Watcher_: in C it and demo.Watcher (errors/watcher.proto:6:1) both get the name "
      "\"Demo__Watcher_Service\"; " RENAME,
      "@:10:1: demo.m: in C it and demo.M (errors/watcher.proto:4:1) both get the name \"Demo__M\"; " RENAME}},
    {"reserved_package", false, {"@:2:1: yoke.app: " OURS "choose another package"}},
    {"reserved_top_level",
     false,
     {"@:3:1: YokeThing: " OURS "rename it", "@:4:1: Yoke: " OURS "rename it", "@:5:1: yoke_call: " OURS "rename it"}},
    {"id_clash",
     false,
     {"@:10:3: demo.Ids.Mqpovbb: its method id 0x32209d1e is also that of demo.Ids/Mgycisi (@:9:3); " RENAME,
      "@:17:1: demo.Snwkkao: its service id 0xb2654148 is also that of demo.Slqobiz (@:13:1); " RENAME,
      "@:22:1: demo.Eojdjxu: its event id 0xf46b9213 is also that of demo.Ekajevi (@:21:1); " RENAME}},
    {"id_zero",
     false,
     {"@:9:3: demo.Ids.Mae1q7no: its method id is 0, which means no method; rename it",
      "@:12:1: demo.Sdwejm24: its service id is 0, which means no service; rename it",
      "@:16:1: demo.Eadxr36y: its event id is 0, which means no event; rename it"}},
    {"optional", true, {"@:6:3: demo.M.age: " OPTIONAL, "@:8:5: demo.M.Inner.m: " OPTIONAL}},
    {"group", true, {"@:5:3: demo.M.item: protobuf-c has no groups; use a message and a field of its type"}},
    {"not_finite",
     true,
     {"@:5:3: demo.M.a: " NOT_FINITE, "@:6:3: demo.M.b: " NOT_FINITE, "@:7:3: demo.M.c: " NOT_FINITE}},
    {"no_generate",
     true,
     {"@:1:1: the generated code needs protobuf-c's, which (pb_c_file).no_generate suppresses; remove that option, or "
      "do not generate from this file"}},
    {"unknown_option",
     false,
     {"@:1:1: unknown yoke option, number 51700" NEWER, "@:9:1: demo.M: unknown yoke option, number 51701" NEWER,
      "@:12:3: demo.M.f: unknown yoke option, number 51700" NEWER,
      "@:13:3: demo.M.o: unknown yoke option, number 51702" NEWER,
      "@:17:14: demo.M.extensions: unknown yoke option, number 51798" NEWER,
      "@:18:3: demo.M.E: unknown yoke option, number 51703" NEWER,
      "@:20:5: demo.M.E.V: unknown yoke option, number 51704" NEWER,
      "@:22:14: demo.M.nested_extension: unknown yoke option, number 51700" NEWER,
      "@:25:12: demo.top_extension: unknown yoke option, number 51700" NEWER,
      "@:27:1: demo.S: unknown yoke option, number 51705" NEWER,
      "@:29:3: demo.S.X: unknown yoke option, number 51799" NEWER}},
    {"unknown_event_option",
     false,
     {"@:10:1: demo.Lossy: unknown yoke option, within (yoke.v1.event)" NEWER,
      "@:14:1: demo.Vague: unknown yoke option, within (yoke.v1.detail)" NEWER}},
    {"many",
     true,
     {"@:5:3: demo.M.late: " OPTIONAL, "@:6:3: demo.M.restrict: in C its name is \"restrict\", " KEYWORD,
      "@:11:3: demo.S.Default: in C its name is \"default\", " KEYWORD}},
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const char *expected_output(struct gen_pool *pool, const struct row *row) {
    struct gen_text text = {.pool = pool};
    gen_text_printf(&text, "--yoke_out: ");
    for (size_t i = 0; i < 12 && row->lines[i]; i++) {
        for (const char *c = row->lines[i]; *c; c++) {
            if (*c == '@') {
                gen_text_printf(&text, "errors/%s.proto", row->schema);
            } else {
                gen_text_add(&text, c, 1);
            }
        }
        gen_text_add(&text, "\n", 1);
    }
    return text.bytes;
}

static void test_messages(void) {
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct gen_pool pool = {NULL};
        const char *dir = tool_make_dir(&pool);
        char *output;
        CHECK_INT(tool_run(&pool, &output, PROTOC "--yoke_out=%s errors/%s.proto", dir, rows[i].schema), 1);
        tool_check_text(rows[i].schema, tool_without_warnings(&pool, output), expected_output(&pool, &rows[i]));
        CHECK_INT(tool_run(&pool, &output, "ls %s | grep .", dir), 1);
        tool_remove_dir(&pool, dir);
        gen_pool_release(&pool);
    }
}

/* Have protoc-c write what the schemas import, into a directory of its own. */
static const char *make_imports(struct gen_pool *pool) {
    static const char *const imports[] = {"errors/watcher", "errors/unknown_option_definitions",
                                          "google/protobuf/descriptor", "yoke/v1/options"};
    const char *dir = tool_make_dir(pool);
    char *output;
    for (size_t i = 0; i < sizeof(imports) / sizeof(imports[0]); i++) {
        REQUIRE_INT(tool_run(pool, &output, PROTOC "--c_out=%s %s.proto", dir, imports[i]), 0);
    }
    return dir;
}

/* errno.h first, GNU mode and -Wpedantic, because that is how many programs are compiled. */
static int compile_pbc(struct gen_pool *pool, const char *schema, const char *imports, char **ret_output) {
    const char *dir = tool_make_dir(pool);
    int status =
        tool_run(pool, ret_output,
                 PROTOC "--c_out=%s errors/%s.proto && " YOKE_GCC
                        " -std=gnu11 -w -Wpedantic -include errno.h -I%s -I%s -fsyntax-only %s/errors/%s.pb-c.c",
                 dir, schema, dir, imports, dir, schema);
    tool_remove_dir(pool, dir);
    return status;
}

static void test_reasons(void) {
    struct gen_pool pool = {NULL};
    const char *imports = make_imports(&pool);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        char *output;
        int status = compile_pbc(&pool, rows[i].schema, imports, &output);
        if ((status != 0) != rows[i].breaks) {
            printf("%s: protoc-c or the compiler gave %d\n%s", rows[i].schema, status, output);
            CU_FAIL("not as the table says");
        }
    }
    tool_remove_dir(&pool, imports);
    gen_pool_release(&pool);
}

/* Errors are about the files to generate, not about what they import. */
static void test_imports_are_not_judged(void) {
    struct gen_pool pool = {NULL};
    const char *dir = tool_make_dir(&pool);
    char *output;
    CHECK_INT(tool_run(&pool, &output, PROTOC "--yoke_out=%s errors/id_clash_import.proto", dir), 0);
    tool_check_text("output", tool_without_warnings(&pool, output), "");
    tool_remove_dir(&pool, dir);
    gen_pool_release(&pool);
}

static void test_parameter(void) {
    struct gen_pool pool = {NULL};
    char *output;
    CHECK_INT(tool_run(&pool, &output, PROTOC "--yoke_out=codec=json:/nowhere bare.proto"), 1);
    tool_check_text("output", output,
                    "--yoke_out: unknown parameter \"codec=json\": protoc-gen-yoke takes none; remove it\n");
    gen_pool_release(&pool);
}

/* Not a matter of schemas: the plugin protocol wants these on standard error, with an exit code. */
static void test_broken_request(void) {
    struct gen_pool pool = {NULL};
    char *output;
    CHECK_INT(tool_run(&pool, &output, "printf garbage | " YOKE_PLUGIN), 1);
    CHECK_STR(output, "protoc-gen-yoke: standard input holds no CodeGeneratorRequest\n");
    /* file_to_generate = "x", and no proto_file */
    CHECK_INT(tool_run(&pool, &output, "printf '\\012\\001x' | " YOKE_PLUGIN), 1);
    CHECK_STR(output, "protoc-gen-yoke: the request does not describe x\n");
    CHECK_INT(tool_run(&pool, &output, YOKE_PLUGIN " < /dev/null"), 0);
    CHECK_INT(tool_run(&pool, &output, "cat errors/many.proto | " YOKE_PLUGIN " > /dev/full"), 1);
    gen_pool_release(&pool);
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        {.name = "each refusal in its words", .run = test_messages},
        {.name = "each refusal has a reason", .run = test_reasons, .timeout_ms = 300000},
        {.name = "imports are not judged", .run = test_imports_are_not_judged},
        {.name = "an unknown parameter", .run = test_parameter},
        {.name = "a broken request", .run = test_broken_request},
        {0},
    };
    static const struct test_suite suites[] = {{.name = "errors", .cases = cases}, {0}};
    return test_main(argc, argv, suites);
}
