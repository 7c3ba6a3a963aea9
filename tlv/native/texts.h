/* Reading and writing bytes and text of a fixed size.
 *
 * Ownership: getters return a new object that holds a copy; putters keep nothing of the value.
 */
#ifndef TLV_TEXTS_H
#define TLV_TEXTS_H

#include "scalars.h"

static PyObject *get_bytes(const Item *item, Message *m, const char *p)
{
    (void)m;
    return PyBytes_FromStringAndSize(p, item->size);
}

static int put_bytes(const Item *item, PyObject *value, char *p)
{
    if (LIKELY(PyBytes_CheckExact(value) && PyBytes_GET_SIZE(value) == item->size)) {
        memcpy(p, PyBytes_AS_STRING(value), (size_t)item->size);
        return 0;
    }
    return put_by_codec(item, value, p);
}

/* The twin's error about text that is not UTF-8, in place of the one that is set. */
static PyObject *text_refused(const Item *item, const char *p, Py_ssize_t size)
{
    PyObject *type, *cause, *trace;
    if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError) || item->name == NULL) {
        return NULL;
    }
    PyErr_Fetch(&type, &cause, &trace);
    PyErr_NormalizeException(&type, &cause, &trace);
    plan_raise(item->plan, "text_refused", Py_BuildValue("(Oy#O)", item->name, p, size, cause));
    Py_XDECREF(type);
    Py_XDECREF(cause);
    Py_XDECREF(trace);
    return NULL;
}

static Py_ssize_t text_length(const char *p, Py_ssize_t size)
{
    while (size > 0 && p[size - 1] == '\0') {
        size--;
    }
    return size;
}

static PyObject *get_text(const Item *item, Message *m, const char *p)
{
    (void)m;
    PyObject *text = PyUnicode_DecodeUTF8(p, text_length(p, item->size), NULL);
    return LIKELY(text != NULL) ? text : text_refused(item, p, item->size);
}

static int put_text(const Item *item, PyObject *value, char *p)
{
    if (PyUnicode_CheckExact(value) && PyUnicode_IS_COMPACT_ASCII(value)) {
        Py_ssize_t length = PyUnicode_GET_LENGTH(value);
        const char *text = (const char *)PyUnicode_1BYTE_DATA(value);
        if (length <= item->size && memchr(text, 0, (size_t)length) == NULL) {
            memcpy(p, text, (size_t)length);
            memset(p + length, 0, (size_t)(item->size - length));
            return 0;
        }
    }
    return put_by_codec(item, value, p);
}

#endif
