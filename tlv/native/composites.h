/* Fields made of other fields: nested messages, arrays, values that may be missing.
 *
 * Ownership: a nested message is a view that holds the owner of the bytes, not the outer message.
 * Elements of arrays and what None stands for belong to the item.
 */
#ifndef TLV_COMPOSITES_H
#define TLV_COMPOSITES_H

#include "texts.h"

/* ---- nested messages and arrays ---- */

static PyObject *get_nested(const Item *item, Message *m, const char *p)
{
    return message_view(item->plan->state, (PyTypeObject *)item->extra, message_owner(m), p, item->size);
}

static int put_nested(const Item *item, PyObject *value, char *p)
{
    if (UNLIKELY((PyObject *)Py_TYPE(value) != item->extra || Py_SIZE(value) != item->size)) {
        PyErr_SetString(PyExc_TypeError, "not the nested message");
        return -1;
    }
    memcpy(p, ((Message *)value)->data, (size_t)item->size);
    return 0;
}

/* Elements can run code of the user's (an enum's _missing_), which can give the message another class: the plan is
 * held meanwhile. */
static PyObject *get_array(const Item *item, Message *m, const char *p)
{
    PyObject *plan = Py_NewRef((PyObject *)item->plan);
    PyObject *values = PyTuple_New(item->count);
    for (Py_ssize_t i = 0; values != NULL && i < item->count; i++) {
        PyObject *value = item->element->get(item->element, m, p + i * item->element->size);
        if (value == NULL) {
            Py_CLEAR(values);
        }
        else {
            PyTuple_SET_ITEM(values, i, value);
        }
    }
    if (values == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        (void)text_refused(item, p, item->size);
    }
    Py_DECREF(plan);
    return values;
}

/* values is a tuple: a list would be at the mercy of the conversions. */
static int put_array_items(const Item *item, PyObject *values, char *p)
{
    if (PyTuple_GET_SIZE(values) != item->count) {
        PyErr_SetString(PyExc_ValueError, "another number of elements");
        return -1;
    }
    for (Py_ssize_t i = 0; i < item->count; i++) {
        if (item->element->put(item->element, PyTuple_GET_ITEM(values, i), p + i * item->element->size) < 0) {
            return -1;
        }
    }
    return 0;
}

static int put_array(const Item *item, PyObject *value, char *p)
{
    if (PyTuple_CheckExact(value) || PyList_CheckExact(value)) {
        PyObject *values = PySequence_Tuple(value);
        int result = values == NULL ? -1 : put_array_items(item, values, p);
        Py_XDECREF(values);
        if (result == 0 || !PyErr_ExceptionMatches(PyExc_Exception)) {
            return result;
        }
        PyErr_Clear(); /* the twin raises it again, with the name of the field */
    }
    PyObject *packed = item->name == NULL
                           ? PyObject_CallMethod(item->codec, "encode", "(O)", value)
                           : PyObject_CallMethod(item->plan->fallback, "encode", "OO", item->name, value);
    if (packed == NULL) {
        return -1;
    }
    int result = put_packed(item, packed, p);
    Py_DECREF(packed);
    return result;
}

/* ---- optional values ---- */

static const char *null_of(const Item *item)
{
    return item->null_long != NULL ? item->null_long : item->null_bytes;
}

static int is_null(const Item *item, const char *p)
{
    if (item->is_float) {
        double v = load_double(p, item->size, item->big);
        return item->is_null_nan ? v != v : v == item->null_number;
    }
    return memcmp(p, null_of(item), (size_t)item->size) == 0;
}

static PyObject *get_optional(const Item *item, Message *m, const char *p)
{
    if (is_null(item, p)) {
        Py_RETURN_NONE;
    }
    return item->get_inner(item, m, p);
}

static int put_optional(const Item *item, PyObject *value, char *p)
{
    if (value == Py_None) {
        memcpy(p, null_of(item), (size_t)item->size);
        return 0;
    }
    if (item->put_inner(item, value, p) < 0) {
        return -1;
    }
    if (is_null(item, p)) {
        PyErr_SetString(PyExc_ValueError, "this value is the declared null");
        return -1;
    }
    return 0;
}

#endif
