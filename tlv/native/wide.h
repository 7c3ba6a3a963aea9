/* Integers of more than 64 and up to 256 bits, compared and divided without making an int.
 *
 * A Wide holds one in two's complement, the lowest limb first. Owns nothing.
 */
#ifndef TLV_WIDE_H
#define TLV_WIDE_H

#include "numbers.h"

#define LIMBS 4

typedef struct {
    uint64_t limb[LIMBS];
} Wide;

static inline int wide_is_negative(const Wide *v)
{
    return v->limb[LIMBS - 1] >> 63 != 0;
}

static inline Wide wide_load(const char *p, Py_ssize_t size, int big, int is_signed)
{
    unsigned char bytes[8 * LIMBS];
    const unsigned char top = (unsigned char)p[big ? 0 : size - 1];
    Wide v;
    memset(bytes, is_signed && top & 0x80 ? 0xFF : 0, sizeof(bytes));
    for (Py_ssize_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)p[big ? size - 1 - i : i];
    }
    for (int i = 0; i < LIMBS; i++) {
        v.limb[i] = load_uint((const char *)bytes + 8 * i, 8, 0);
    }
    return v;
}

/* Whether a <= b. */
static inline int wide_is_at_most(const Wide *a, const Wide *b, int is_signed)
{
    if (is_signed && wide_is_negative(a) != wide_is_negative(b)) {
        return wide_is_negative(a);
    }
    for (int i = LIMBS - 1; i >= 0; i--) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i];
        }
    }
    return 1;
}

static inline Wide wide_minus(const Wide *a, const Wide *b)
{
    Wide v;
    uint64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        const uint64_t less = a->limb[i] - b->limb[i];
        v.limb[i] = less - borrow;
        borrow = (a->limb[i] < b->limb[i]) | (less < borrow);
    }
    return v;
}

/* Whether v is a multiple of step, which is above 0 and below 2 ** 255: a division bit by bit. */
static int wide_is_multiple(Wide v, const Wide *step, int is_signed)
{
    Wide rest = {{0}};
    if (is_signed && wide_is_negative(&v)) {
        v = wide_minus(&rest, &v);
    }
    for (int bit = 64 * LIMBS - 1; bit >= 0; bit--) {
        for (int i = LIMBS - 1; i > 0; i--) {
            rest.limb[i] = rest.limb[i] << 1 | rest.limb[i - 1] >> 63;
        }
        rest.limb[0] = rest.limb[0] << 1 | (v.limb[bit / 64] >> bit % 64 & 1);
        if (wide_is_at_most(step, &rest, 0)) {
            rest = wide_minus(&rest, step);
        }
    }
    return (rest.limb[0] | rest.limb[1] | rest.limb[2] | rest.limb[3]) == 0;
}

#endif
