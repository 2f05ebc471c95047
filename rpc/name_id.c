/* name_id.c: the ids that stand for full names on the wire. */
#include <yoke/rpc.h>

uint32_t yoke_name_id(const char *name) {
    /* FNV-1a, 32 bits: offset basis and prime. The generator computes the same. */
    uint32_t hash = 2166136261u;
    for (const unsigned char *byte = (const unsigned char *)name; *byte != '\0'; byte++) {
        hash = (hash ^ *byte) * 16777619u;
    }
    return hash;
}
