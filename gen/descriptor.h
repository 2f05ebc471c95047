/* descriptor.h: short names for descriptor.proto's messages, and its field numbers, which source paths are made of. */
#ifndef GEN_DESCRIPTOR_H
#define GEN_DESCRIPTOR_H

#include "google/protobuf/descriptor.pb-c.h"

typedef Google__Protobuf__EnumDescriptorProto Enum;
typedef Google__Protobuf__FieldDescriptorProto Field;

enum gen_path_step {
    FILE_PACKAGE = 2,
    FILE_MESSAGE_TYPE = 4,
    FILE_ENUM_TYPE = 5,
    FILE_SERVICE = 6,
    FILE_EXTENSION = 7,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED_TYPE = 3,
    MESSAGE_ENUM_TYPE = 4,
    MESSAGE_EXTENSION_RANGE = 5,
    MESSAGE_EXTENSION = 6,
    MESSAGE_ONEOF_DECL = 8,
    ENUM_VALUE = 2,
    SERVICE_METHOD = 2
};

#endif
