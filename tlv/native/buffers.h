/* Bytes of others: reading from any buffer, and writing into a writable one.
 *
 * Ownership: a Span borrows. Its owner is either the source itself, which the caller holds, or
 * what `made` holds; span_close() drops that. Between span_open() and the creation of a view no
 * Python code may run.
 */
#ifndef TLV_BUFFERS_H
#define TLV_BUFFERS_H

#include "message.h"

typedef struct {
    const char *data;
    Py_ssize_t length;
    PyObject *owner;  /* fit for owner_hold() */
    PyObject *made;   /* strong, or NULL */
} Span;

static inline void span_close(Span *span)
{
    Py_XDECREF(span->made);
}

/* Whether these are plain bytes in one piece. A single one is, whatever its stride. */
static inline int is_flat(const Py_buffer *buffer)
{
    return buffer->ndim == 1 && buffer->itemsize == 1 &&
           (buffer->strides == NULL || buffer->strides[0] == 1 || buffer->len <= 1) &&
           buffer->suboffsets == NULL &&
           (buffer->format == NULL || (buffer->format[0] == 'B' && buffer->format[1] == '\0'));
}

/* A memoryview that the module made itself, or that was checked with memoryview_usable(). */
static inline void span_of_memoryview(PyObject *view, Span *span)
{
    Py_buffer *buffer = PyMemoryView_GET_BUFFER(view);
    span->data = buffer->buf;
    span->length = buffer->len;
    span->owner = view;
}

static inline int memoryview_usable(PyObject *view)
{
    PyMemoryViewObject *object = (PyMemoryViewObject *)view;
    return !(object->flags & _Py_MEMORYVIEW_RELEASED) && !(object->mbuf->flags & _Py_MANAGED_BUFFER_RELEASED) &&
           is_flat(&object->view);
}

/* Who keeps the bytes that a memoryview shows, where that is no matter of this memoryview: its user may release it
 * while our views live. And a view of a view holds what that one holds: a chain of them, however long, would be freed
 * by as many nested calls. */
static PyObject *memoryview_exporter(PyObject *view)
{
    PyObject *exporter = PyMemoryView_GET_BASE(view);
    if (exporter == NULL) {
        return NULL;
    }
    if (is_message(exporter)) {
        return message_owner((Message *)exporter);
    }
    return PyBytes_CheckExact(exporter) || PyByteArray_CheckExact(exporter) ? exporter : NULL;
}

static void span_of_message(Message *m, Span *span)
{
    span->data = m->data;
    span->length = Py_SIZE(m);
    span->owner = message_owner(m);
}

static int span_open_slow(ModuleState *state, PyObject *name, PyObject *source, Span *span)
{
    if (is_message(source)) {
        span_of_message((Message *)source, span);
        return 0;
    }
    PyObject *view = source;
    PyObject *exporter = PyMemoryView_Check(source) && memoryview_usable(source) ? memoryview_exporter(source) : NULL;
    if (exporter == NULL) {
        view = span->made = PyObject_CallFunctionObjArgs(state->as_buffer, source, name, NULL);
        if (view == NULL) {
            return -1;
        }
        if (!PyMemoryView_Check(view) || !memoryview_usable(view)) {
            Py_CLEAR(span->made);
            PyErr_SetString(PyExc_SystemError, "as_buffer() gave no flat memoryview");
            return -1;
        }
        exporter = memoryview_exporter(view);
    }
    span_of_memoryview(view, span);
    if (exporter != NULL) {
        span->owner = exporter;
    }
    return 0;
}

/* The bytes of any source; `name` is the message that errors tell. */
static inline int span_open(ModuleState *state, PyObject *name, PyObject *source, Span *span)
{
    span->made = NULL;
    span->owner = source;
    if (LIKELY(PyBytes_CheckExact(source))) {
        span->data = PyBytes_AS_STRING(source);
        span->length = PyBytes_GET_SIZE(source);
        return 0;
    }
    if (PyByteArray_CheckExact(source)) {
        span->data = PyByteArray_AS_STRING(source);
        span->length = PyByteArray_GET_SIZE(source);
        return 0;
    }
    return span_open_slow(state, name, source, span);
}

/* The buffer that library code kept from before: bytes, a memoryview of its own, or a message. */
static inline int span_of_kept(ModuleState *state, PyObject *name, PyObject *kept, Span *span)
{
    if (is_message(kept)) {
        span->made = NULL;
        span_of_message((Message *)kept, span);
        return 0;
    }
    if (PyMemoryView_Check(kept) && memoryview_usable(kept)) {
        span->made = NULL;
        span_of_memoryview(kept, span);
        return 0;
    }
    return span_open(state, name, kept, span);
}

/* Copies into a writable buffer; returns the number of bytes, or NULL with an exception set.
 * No Python code runs between the check of the target and the copy, except when it is exported. */
static PyObject *write_bytes(Plan *plan, const char *data, Py_ssize_t length, PyObject *target, PyObject *at)
{
    PyObject *number = PyNumber_Index(at);
    if (number == NULL) {
        return NULL;
    }
    Py_ssize_t offset = PyLong_AsSsize_t(number);
    Py_DECREF(number);
    if (offset == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        offset = -1; /* beyond any buffer: refused below, by the twin, with its true value */
    }
    Py_buffer buffer;
    if (PyObject_GetBuffer(target, &buffer, PyBUF_WRITABLE) < 0) {
        PyErr_Clear();
    }
    else if (offset < 0 || buffer.len < length || offset > buffer.len - length) {
        PyBuffer_Release(&buffer);
    }
    else {
        memmove((char *)buffer.buf + offset, data, (size_t)length);
        PyBuffer_Release(&buffer);
        return PyLong_FromSsize_t(length);
    }
    /* Too small, read-only, no buffer at all, or one of a kind that only Python makes flat. */
    PyObject *copy = PyBytes_FromStringAndSize(data, length);
    if (copy == NULL) {
        return NULL;
    }
    PyObject *written = PyObject_CallMethod(plan->fallback, "write_bytes", "OOO", copy, target, at);
    Py_DECREF(copy);
    return written;
}

static int message_getbuffer(PyObject *self, Py_buffer *buffer, int flags)
{
    return PyBuffer_FillInfo(buffer, self, (void *)((Message *)self)->data, Py_SIZE(self), 1, flags);
}

#endif
