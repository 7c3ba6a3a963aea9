/* Writing data after the fixed block: each variable field is encoded into a part, then laid out.
 *
 * Ownership: a part holds the object whose memory it is, until parts_drop().
 */
#ifndef TLV_PARTS_H
#define TLV_PARTS_H

#include "arguments.h"
#include "variable.h"

/* Encoded data of one variable field. */
typedef struct {
    PyObject *keep;   /* strong: bytes, or the str whose memory `data` is */
    const char *data;
    Py_ssize_t length; /* without the filling */
    uint32_t count;
} Part;

static int part_of_group(const Item *item, PyObject *value, Part *part)
{
    Py_ssize_t count = PySequence_Fast_GET_SIZE(value);
    PyObject **items = PySequence_Fast_ITEMS(value);
    for (Py_ssize_t i = 0; i < count; i++) {
        if ((PyObject *)Py_TYPE(items[i]) != item->extra || Py_SIZE(items[i]) != item->group_size) {
            return 1;
        }
    }
    *part = (Part){NULL, NULL, 0, (uint32_t)count};
    if (count == 0) {
        return 0;
    }
    PyObject *data = PyBytes_FromStringAndSize(NULL, 8 + count * item->group_size);
    if (data == NULL) {
        return -1;
    }
    char *p = PyBytes_AS_STRING(data);
    store_uint(p, 4, item->big, (uint64_t)item->group_size);
    store_uint(p + 4, 4, item->big, 0);
    for (Py_ssize_t i = 0; i < count; i++) {
        memcpy(p + 8 + i * item->group_size, ((Message *)items[i])->data, (size_t)item->group_size);
    }
    *part = (Part){data, p, PyBytes_GET_SIZE(data), (uint32_t)count};
    return 0;
}

static int part_of_memory(PyObject *keep, const char *data, Py_ssize_t length, Part *part)
{
    if ((uint64_t)length > VARIABLE_SIZE_MAX) {
        return 1;
    }
    *part = (Part){Py_NewRef(keep), data, length, (uint32_t)length};
    return 0;
}

/* 0 done, 1 for the twin to do, -1 an exception is set. Runs no Python code. */
static int part_fast(const Item *item, PyObject *value, Part *part)
{
    if (item->variable == GROUP) {
        int plain = PyTuple_CheckExact(value) || PyList_CheckExact(value);
        return plain && PySequence_Fast_GET_SIZE(value) <= (Py_ssize_t)GROUP_COUNT_MAX
                   ? part_of_group(item, value, part)
                   : 1;
    }
    if (item->variable == VARIABLE_BYTES && PyBytes_CheckExact(value)) {
        return part_of_memory(value, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), part);
    }
    if (item->variable == VARIABLE_TEXT && PyUnicode_CheckExact(value) && PyUnicode_IS_COMPACT_ASCII(value)) {
        return part_of_memory(value, (const char *)PyUnicode_1BYTE_DATA(value), PyUnicode_GET_LENGTH(value), part);
    }
    return 1;
}

static int part_make(const Item *item, PyObject *value, Part *part)
{
    int left = part_fast(item, value, part);
    if (left <= 0) {
        return left;
    }
    PyObject *pair = PyObject_CallMethod(item->plan->fallback, "encode", "OO", item->name, value);
    if (pair == NULL) {
        return -1;
    }
    unsigned long count = 0;
    if (PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2 && PyBytes_Check(PyTuple_GET_ITEM(pair, 1))) {
        count = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(pair, 0));
    }
    else {
        PyErr_SetString(PyExc_TypeError, "the codec packed something else");
    }
    if (!PyErr_Occurred()) {
        PyObject *data = PyTuple_GET_ITEM(pair, 1);
        *part = (Part){Py_NewRef(data), PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), (uint32_t)count};
    }
    Py_DECREF(pair);
    return PyErr_Occurred() ? -1 : 0;
}

static void parts_drop(Part *parts, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_XDECREF(parts[i].keep);
    }
    PyMem_Free(parts);
}

/* The parts of a variable message, in order; NULL with an exception set. */
static Part *parts_make(Plan *plan, PyObject *const *values, Py_ssize_t *length)
{
    Part *parts = PyMem_Calloc((size_t)plan->variable_count, sizeof(Part));
    if (parts == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    uint64_t end = (uint64_t)aligned(plan->size);
    for (Py_ssize_t i = 0; i < plan->variable_count; i++) {
        Py_ssize_t at = plan->order[i];
        int failed = part_make(&plan->items[at], values[at], &parts[i]) < 0;
        if (!failed && end > UINT32_MAX) {
            PyErr_SetString(PyExc_OverflowError, "the data begins beyond 32 bits");
            failed = 1;
        }
        if (failed) {
            misfit(plan, values);
            parts_drop(parts, plan->variable_count);
            return NULL;
        }
        end += (uint64_t)aligned(parts[i].length);
    }
    *length = (Py_ssize_t)end;
    return parts;
}

static void parts_write(Plan *plan, const Part *parts, char *p)
{
    Py_ssize_t at = aligned(plan->size);
    for (Py_ssize_t i = 0; i < plan->variable_count; i++) {
        const Item *item = &plan->items[plan->order[i]];
        const Part *part = &parts[i];
        store_uint(p + item->offset, 4, plan->big, part->count ? (uint64_t)at : 0);
        store_uint(p + item->offset + 4, 4, plan->big, part->count);
        if (part->length > 0) {
            memcpy(p + at, part->data, (size_t)part->length);
        }
        at += aligned(part->length);
    }
}

#endif
