/* Reading and writing one number: integers, floats, booleans, enums, decimals.
 *
 * Ownership: getters return a new reference; putters keep nothing of the value. They come in pairs,
 * see Getter and Putter of plan.h.
 * A putter that fails leaves any exception: the constructor has the twin say which field is wrong.
 */
#ifndef TLV_SCALARS_H
#define TLV_SCALARS_H

#include "message.h"
#include "numbers.h"

/* ---- integers, floats, booleans ---- */

/* Items do not change, but for the int that they keep to be given again. */
static inline SpareInt *spare_of(const Item *item)
{
    return (SpareInt *)&item->spare;
}

/* One for each common width, so that the compiler knows it. */
#define GET_INTEGER(name, size, load)                                             \
    static PyObject *name(const Item *item, Message *m, const char *p)            \
    {                                                                             \
        (void)m;                                                                  \
        return int_from_field(spare_of(item), (int64_t)load(p, size, 0));            \
    }

GET_INTEGER(get_i64, 8, load_int)
GET_INTEGER(get_i32, 4, load_int)
GET_INTEGER(get_u32, 4, load_uint)

static PyObject *get_u8(const Item *item, Message *m, const char *p)
{
    (void)m;
    return Py_NewRef(item->small_ints[(unsigned char)*p]);
}

static PyObject *get_signed(const Item *item, Message *m, const char *p)
{
    (void)m;
    return int_from_field(spare_of(item), load_int(p, item->size, item->big));
}

static PyObject *get_unsigned(const Item *item, Message *m, const char *p)
{
    (void)m;
    const uint64_t v = load_uint(p, item->size, item->big);
    return LIKELY(v >> 63 == 0) ? int_from_field(spare_of(item), (int64_t)v) : PyLong_FromUnsignedLongLong(v);
}

static PyObject *get_wide(const Item *item, Message *m, const char *p)
{
    (void)m;
    return int_from_bytes(p, item->size, item->big, item->is_signed);
}

static PyObject *get_float(const Item *item, Message *m, const char *p)
{
    (void)m;
    return PyFloat_FromDouble(load_double(p, item->size, item->big));
}

static PyObject *get_bool(const Item *item, Message *m, const char *p)
{
    (void)item, (void)m;
    return PyBool_FromLong(*p != 0);
}

static int out_of_range(void)
{
    PyErr_SetString(PyExc_OverflowError, "the integer does not fit");
    return -1;
}

/* The same for all integers; number is an int. */
static int put_int(const Item *item, PyObject *number, char *p)
{
    if (item->size > 8) {
        return int_to_bytes(number, p, item->size, item->big, item->is_signed);
    }
    int64_t v;
    if (UNLIKELY(!int_to_i64(number, &v))) {
        if (item->is_signed || item->size < 8) {
            return out_of_range();
        }
        unsigned long long u = PyLong_AsUnsignedLongLong(number);
        if (u == (unsigned long long)-1 && PyErr_Occurred()) {
            return -1;
        }
        store_uint(p, 8, item->big, u);
        return 0;
    }
    if (UNLIKELY(v < item->low || (v >= 0 && (uint64_t)v > item->high))) {
        return out_of_range();
    }
    store_uint(p, item->size, item->big, (uint64_t)v);
    return 0;
}

static int put_index(const Item *item, PyObject *value, char *p)
{
    PyObject *number = PyNumber_Index(value);
    if (number == NULL) {
        return -1;
    }
    int result = put_int(item, number, p);
    Py_DECREF(number);
    return result;
}

static int put_integer(const Item *item, PyObject *value, char *p)
{
    return LIKELY(PyLong_Check(value)) ? put_int(item, value, p) : put_index(item, value, p);
}

static int put_float(const Item *item, PyObject *value, char *p)
{
    double v = PyFloat_AsDouble(value);
    if (UNLIKELY(v == -1.0 && PyErr_Occurred())) {
        /* As struct does, whatever __float__ raised. */
        PyErr_SetString(PyExc_TypeError, "required argument is not a float");
        return -1;
    }
    return store_double(p, item->size, item->big, v);
}

static int put_bool(const Item *item, PyObject *value, char *p)
{
    (void)item;
    if (value != Py_True && value != Py_False) {
        PyErr_SetString(PyExc_TypeError, "not a bool");
        return -1;
    }
    *p = value == Py_True;
    return 0;
}

/* ---- what the codec of the twin packs: numbers, or bytes of the size of the field ---- */

static int put_packed(const Item *item, PyObject *packed, char *p)
{
    if (PyLong_Check(packed) && item->size <= 8) {
        return put_int(item, packed, p);
    }
    if (PyBytes_Check(packed) && PyBytes_GET_SIZE(packed) <= item->size) {
        Py_ssize_t size = PyBytes_GET_SIZE(packed);
        memcpy(p, PyBytes_AS_STRING(packed), (size_t)size);
        memset(p + size, 0, (size_t)(item->size - size));
        return 0;
    }
    PyErr_SetString(PyExc_TypeError, "the codec packed something else");
    return -1;
}

static int put_by_codec(const Item *item, PyObject *value, char *p)
{
    PyObject *packed = PyObject_CallMethod(item->codec, "encode", "(O)", value);
    if (packed == NULL) {
        return -1;
    }
    int result = put_packed(item, packed, p);
    Py_DECREF(packed);
    return result;
}

static PyObject *get_stored_integer(const Item *item, const char *p)
{
    if (item->size > 8) {
        return get_wide(item, NULL, p);
    }
    return item->is_signed ? get_signed(item, NULL, p) : get_unsigned(item, NULL, p);
}

/* ---- enums, decimals ---- */

static PyObject *get_enum(const Item *item, Message *m, const char *p)
{
    (void)m;
    PyObject *number = get_stored_integer(item, p);
    if (number == NULL) {
        return NULL;
    }
    PyObject *value = PyDict_GetItemWithError(item->extra, number);
    if (LIKELY(value != NULL)) {
        Py_INCREF(value);
    }
    else if (!PyErr_Occurred()) {
        value = PyObject_CallMethod(item->codec, "member", "(O)", number); /* a combined flag, or none */
    }
    Py_DECREF(number);
    return value;
}

static int put_enum(const Item *item, PyObject *value, char *p)
{
    if (LIKELY(PyLong_CheckExact(value) || (PyObject *)Py_TYPE(value) == item->members)) {
        return put_int(item, value, p);
    }
    return put_by_codec(item, value, p);
}

static PyObject *get_decimal(const Item *item, Message *m, const char *p)
{
    (void)m;
    PyObject *number = get_stored_integer(item, p);
    PyObject *text = number == NULL ? NULL : PyUnicode_FromFormat("%Se-%zd", number, item->digits);
    PyObject *value = text == NULL ? NULL : PyObject_CallOneArg(item->plan->state->decimal, text);
    Py_XDECREF(text);
    Py_XDECREF(number);
    return value;
}

#endif
