#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef MYCELIUM_SUPPORT
#define MYCELIUM_SUPPORT

/* Bytes that lie inside a message; text is UTF-8 without an end sign. */
typedef struct {
    const uint8_t *data;
    size_t size;
} mycelium_bytes;

/* An integer of more than 64 bits, extended by its sign to 256; limb[0] has the lowest bits. */
typedef struct {
    uint64_t limb[4];
} mycelium_wide;

/* The items of a group; those of a newer sender may be longer than this header knows. */
typedef struct {
    const uint8_t *items;
    size_t count;
    size_t step;
} mycelium_group;

static inline uint64_t mycelium_uint(const uint8_t *at, size_t size, bool big) {
    uint8_t raw[8] = {0};
    uint64_t value = 0;
    memcpy(raw, at, size);
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)raw[big ? size - 1 - i : i] << (8 * i);
    return value;
}

static inline int64_t mycelium_int(const uint8_t *at, size_t size, bool big) {
    uint64_t value = mycelium_uint(at, size, big);
    uint64_t sign = (uint64_t)1 << (8 * size - 1);
    if (value & sign)
        return -(int64_t)(~value & (sign - 1)) - 1;
    return (int64_t)value;
}

static inline mycelium_wide mycelium_wide_int(const uint8_t *at, size_t size, bool is_signed, bool big) {
    uint8_t raw[32];
    mycelium_wide value;
    uint8_t top = at[big ? 0 : size - 1];
    memset(raw, is_signed && (top & 0x80) ? 0xff : 0, sizeof raw);
    for (size_t i = 0; i < size; i++)
        raw[i] = at[big ? size - 1 - i : i];
    for (size_t i = 0; i < 4; i++)
        value.limb[i] = mycelium_uint(raw + 8 * i, 8, false);
    return value;
}

static inline float mycelium_f32(const uint8_t *at, bool big) {
    uint32_t raw = (uint32_t)mycelium_uint(at, 4, big);
    float value;
    memcpy(&value, &raw, sizeof value);
    return value;
}

static inline double mycelium_f64(const uint8_t *at, bool big) {
    uint64_t raw = mycelium_uint(at, 8, big);
    double value;
    memcpy(&value, &raw, sizeof value);
    return value;
}

static inline mycelium_bytes mycelium_text(const uint8_t *at, size_t size) {
    mycelium_bytes text = {at, size};
    while (text.size > 0 && at[text.size - 1] == 0)
        text.size--;
    return text;
}

/* Whether the data of the field at `field` lies inside the message; then where. An empty one has no data. */
static inline bool mycelium_read_bytes(const uint8_t *message, size_t size, size_t field, bool big, mycelium_bytes *bytes) {
    uint64_t offset = mycelium_uint(message + field, 4, big), count = mycelium_uint(message + field + 4, 4, big);
    bytes->data = message;
    bytes->size = 0;
    if (count == 0)
        return true;
    if (offset + count > size)
        return false;
    bytes->data = message + offset;
    bytes->size = (size_t)count;
    return true;
}

static inline bool mycelium_read_group(const uint8_t *message, size_t size, size_t field, size_t item_size, bool big, mycelium_group *group) {
    uint64_t offset = mycelium_uint(message + field, 4, big), count = mycelium_uint(message + field + 4, 4, big), step;
    group->items = message;
    group->count = 0;
    group->step = item_size;
    if (count == 0)
        return true;
    if (count > 65535 || offset + 8 > size)
        return false;
    step = mycelium_uint(message + offset, 4, big);
    if (step < item_size || offset + 8 + count * step > size)
        return false;
    group->items = message + offset + 8;
    group->count = (size_t)count;
    group->step = (size_t)step;
    return true;
}

/* The item of that number, which has to be below group->count; read it with the accessors of its layout. */
static inline const uint8_t *mycelium_item(const mycelium_group *group, size_t index) {
    return group->items + index * group->step;
}

#endif /* MYCELIUM_SUPPORT */
