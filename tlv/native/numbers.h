/* Numbers at any address, in either byte order. No function here owns or keeps anything.
 *
 * load_* never fail; store_* return -1 with an exception set and then have written nothing.
 * Addresses need no alignment: everything goes through memcpy, which compiles to one instruction.
 */
#ifndef TLV_NUMBERS_H
#define TLV_NUMBERS_H

#include "state.h"

#if PY_BIG_ENDIAN
#define FOREIGN(big) (!(big))
#else
#define FOREIGN(big) (big)
#endif

static inline uint16_t swap16(uint16_t v) { return (uint16_t)(v << 8 | v >> 8); }
static inline uint32_t swap32(uint32_t v)
{
    return v << 24 | (v & 0xFF00u) << 8 | (v >> 8 & 0xFF00u) | v >> 24;
}
static inline uint64_t swap64(uint64_t v)
{
    return (uint64_t)swap32((uint32_t)v) << 32 | swap32((uint32_t)(v >> 32));
}

/* An unsigned integer of 1 to 8 bytes. */
static inline uint64_t load_uint(const char *p, Py_ssize_t size, int big)
{
    uint16_t v2;
    uint32_t v4;
    uint64_t v8;
    switch (size) {
    case 1:
        return (unsigned char)*p;
    case 2:
        memcpy(&v2, p, 2);
        return FOREIGN(big) ? swap16(v2) : v2;
    case 4:
        memcpy(&v4, p, 4);
        return FOREIGN(big) ? swap32(v4) : v4;
    case 8:
        memcpy(&v8, p, 8);
        return FOREIGN(big) ? swap64(v8) : v8;
    default:
        v8 = 0;
        for (Py_ssize_t i = 0; i < size; i++) {
            v8 = v8 << 8 | (unsigned char)p[big ? i : size - 1 - i];
        }
        return v8;
    }
}

/* The same, its highest bit taken for the sign. */
static inline int64_t load_int(const char *p, Py_ssize_t size, int big)
{
    uint64_t v = load_uint(p, size, big);
    if (size < 8 && v >> (8 * size - 1)) {
        v |= ~(uint64_t)0 << (8 * size);
    }
    return (int64_t)v;
}

/* The lowest size bytes of v. */
static inline void store_uint(char *p, Py_ssize_t size, int big, uint64_t v)
{
    uint16_t v2;
    uint32_t v4;
    switch (size) {
    case 1:
        *p = (char)v;
        return;
    case 2:
        v2 = FOREIGN(big) ? swap16((uint16_t)v) : (uint16_t)v;
        memcpy(p, &v2, 2);
        return;
    case 4:
        v4 = FOREIGN(big) ? swap32((uint32_t)v) : (uint32_t)v;
        memcpy(p, &v4, 4);
        return;
    case 8:
        v = FOREIGN(big) ? swap64(v) : v;
        memcpy(p, &v, 8);
        return;
    default:
        for (Py_ssize_t i = 0; i < size; i++, v >>= 8) {
            p[big ? size - 1 - i : i] = (char)v;
        }
    }
}

/* Read once, also where another process writes meanwhile: what was checked is what is used. */
static inline uint32_t load_u32_once(const char *p, int big)
{
    volatile uint32_t once;
    memcpy((void *)&once, p, 4);
    uint32_t v = once;
    return FOREIGN(big) ? swap32(v) : v;
}

static inline PyObject *int_from_bytes(const char *p, Py_ssize_t size, int big, int is_signed)
{
#if PY_VERSION_HEX >= 0x030E0000
    int flags = big ? Py_ASNATIVEBYTES_BIG_ENDIAN : Py_ASNATIVEBYTES_LITTLE_ENDIAN;
    return is_signed ? PyLong_FromNativeBytes(p, (size_t)size, flags)
                     : PyLong_FromUnsignedNativeBytes(p, (size_t)size, flags);
#else
    return _PyLong_FromByteArray((const unsigned char *)p, (size_t)size, !big, is_signed);
#endif
}

/* number must be an int; an OverflowError where it does not fit. */
static inline int int_to_bytes(PyObject *number, char *p, Py_ssize_t size, int big, int is_signed)
{
    char made[32];
    if (size > (Py_ssize_t)sizeof(made)) {
        PyErr_SetString(PyExc_SystemError, "an integer of more than 256 bits");
        return -1;
    }
#if PY_VERSION_HEX >= 0x030E0000
    int flags = big ? Py_ASNATIVEBYTES_BIG_ENDIAN : Py_ASNATIVEBYTES_LITTLE_ENDIAN;
    if (!is_signed) {
        flags |= Py_ASNATIVEBYTES_UNSIGNED_BUFFER | Py_ASNATIVEBYTES_REJECT_NEGATIVE;
    }
    Py_ssize_t needed = PyLong_AsNativeBytes(number, made, size, flags);
    if (needed > size) {
        PyErr_SetString(PyExc_OverflowError, "int too big to convert");
    }
    if (needed < 0 || needed > size) {
        return -1;
    }
#elif PY_VERSION_HEX >= 0x030D0000
    if (_PyLong_AsByteArray((PyLongObject *)number, (unsigned char *)made, (size_t)size, !big, is_signed, 1) < 0) {
        return -1;
    }
#else
    if (_PyLong_AsByteArray((PyLongObject *)number, (unsigned char *)made, (size_t)size, !big, is_signed) < 0) {
        return -1;
    }
#endif
    memcpy(p, made, (size_t)size);
    return 0;
}

/* The int that a field gave last, kept to be given again. Most ints that are read from a message are
 * dropped before the next one is: then nobody else has a reference, and its digits are written over,
 * which saves freeing it and making another. Only where an int looks as it does on Python 3.11, where
 * the GIL guards it too. */
typedef struct {
    PyObject *made; /* strong, or NULL */
    int digits;     /* for how many there is room */
} SpareInt;

#if PY_VERSION_HEX < 0x030C0000 && PYLONG_BITS_IN_DIGIT == 30 && !defined(Py_REF_DEBUG) && !defined(Py_TRACE_REFS)

#define SMALL_INT 256 /* CPython has most ints of this size */

static PyObject *int_from_field_anew(SpareInt *spare, int64_t v);

static inline PyObject *int_from_field(SpareInt *spare, int64_t v)
{
    const uint64_t size = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
    const int digits = size >> 2 * PyLong_SHIFT == 0 ? 2 : 3;
    PyLongObject *number = (PyLongObject *)spare->made;
    if (UNLIKELY(number == NULL || Py_REFCNT(number) != 1 || spare->digits != digits || size <= SMALL_INT)) {
        return int_from_field_anew(spare, v);
    }
    Py_ssize_t count = 1 + (size >> PyLong_SHIFT != 0);
    number->ob_digit[0] = (digit)(size & PyLong_MASK);
    number->ob_digit[1] = (digit)(size >> PyLong_SHIFT & PyLong_MASK);
    if (digits == 3) {
        number->ob_digit[2] = (digit)(size >> 2 * PyLong_SHIFT);
        count = 3;
    }
    Py_SET_SIZE(number, v < 0 ? -count : count);
    return Py_NewRef((PyObject *)number);
}

/* The rest of it: small ints, and another spare one where somebody has kept that, or it is of another length. */
static Py_NO_INLINE PyObject *int_from_field_anew(SpareInt *spare, int64_t v)
{
    if (v >= -SMALL_INT && v <= SMALL_INT) {
        return PyLong_FromLong((long)v);
    }
    const uint64_t size = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
    const int digits = size >> 2 * PyLong_SHIFT == 0 ? 2 : 3;
    PyLongObject *made = PyObject_Malloc(offsetof(PyLongObject, ob_digit) + (size_t)digits * sizeof(digit));
    if (made == NULL) {
        return PyErr_NoMemory();
    }
    object_init(&made->ob_base, &PyLong_Type, digits);
    Py_XSETREF(spare->made, (PyObject *)made);
    spare->digits = digits;
    return int_from_field(spare, v);
}

#else

static inline PyObject *int_from_field(SpareInt *spare, int64_t v)
{
    (void)spare;
    return PyLong_FromLongLong((long long)v);
}

#endif

/* An int as 64 bits; 0 where it is not that small. On Python 3.11 two digits hold most of them. */
static inline int int_to_i64(PyObject *number, int64_t *v)
{
#if PY_VERSION_HEX < 0x030C0000 && PYLONG_BITS_IN_DIGIT == 30
    const PyLongObject *n = (const PyLongObject *)number;
    const Py_ssize_t size = Py_SIZE(n);
    if (LIKELY(size >= -2 && size <= 2)) {
        const Py_ssize_t count = size < 0 ? -size : size;
        int64_t value = count > 0 ? (int64_t)n->ob_digit[0] : 0;
        value |= count > 1 ? (int64_t)n->ob_digit[1] << PyLong_SHIFT : 0;
        *v = size < 0 ? -value : value;
        return 1;
    }
#endif
    int overflow;
    *v = PyLong_AsLongLongAndOverflow(number, &overflow);
    return overflow == 0;
}

static inline double load_double(const char *p, Py_ssize_t size, int big)
{
    if (size == 8) {
        uint64_t bits = load_uint(p, 8, big);
        double v;
        memcpy(&v, &bits, 8);
        return v;
    }
    uint32_t bits = (uint32_t)load_uint(p, 4, big);
    float v;
    memcpy(&v, &bits, 4);
    return (double)v;
}

/* An OverflowError where a finite number is too large for 32 bits. */
static inline int store_double(char *p, Py_ssize_t size, int big, double v)
{
    if (size == 4) {
        return PyFloat_Pack4(v, p, !big);
    }
    uint64_t bits;
    memcpy(&bits, &v, 8);
    store_uint(p, 8, big, bits);
    return 0;
}

#endif
