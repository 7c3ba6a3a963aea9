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
    PyObject *made;   /* strong: a memoryview, or a managed buffer with an export; or NULL */
} Span;

static int message_getbuffer(PyObject *self, Py_buffer *buffer, int flags);

static void span_drop(ModuleState *state, PyObject *made)
{
#if KNOWS_MEMORYVIEWS
    if (is_managed(made)) {
        managed_drop(state, made);
        return;
    }
#endif
    (void)state;
    Py_DECREF(made);
}

static inline void span_close(ModuleState *state, Span *span)
{
    if (UNLIKELY(span->made != NULL)) {
        span_drop(state, span->made);
    }
}

/* Whether these are plain bytes in one piece. A single one is, whatever its stride. */
static inline int is_flat(const Py_buffer *buffer)
{
    return buffer->ndim == 1 && buffer->itemsize == 1 &&
           (buffer->strides == NULL || buffer->strides[0] == 1 || buffer->len <= 1) &&
           buffer->suboffsets == NULL &&
           (buffer->format == NULL || (buffer->format[0] == 'B' && buffer->format[1] == '\0'));
}

static inline int memoryview_usable(PyObject *view)
{
    PyMemoryViewObject *object = (PyMemoryViewObject *)view;
    int refused = _Py_MEMORYVIEW_RELEASED;
#ifdef _Py_MEMORYVIEW_RESTRICTED
    refused |= _Py_MEMORYVIEW_RESTRICTED;
#endif
    return !(object->flags & refused) && !(object->mbuf->flags & _Py_MANAGED_BUFFER_RELEASED) &&
           is_flat(&object->view);
}

/* Whether its class, or a base of it, exports a buffer of its own. */
static inline int exports_otherwise(PyTypeObject *type)
{
    return type->tp_as_buffer->bf_getbuffer != message_getbuffer || type->tp_as_buffer->bf_releasebuffer != NULL;
}

/* A memoryview that was checked with memoryview_usable(). Views do not hold it but who keeps its bytes: its
 * user may release it while they live; and a view of a view holds what that one holds, since a chain of
 * them, however long, would be freed by as many nested calls. 0 where only the memoryview itself will do. */
static inline int span_of_memoryview(PyObject *view, Span *span)
{
    Py_buffer *buffer = PyMemoryView_GET_BUFFER(view);
    PyObject *exporter = buffer->obj;
    *span = (Span){buffer->buf, buffer->len, view, NULL};
    if (exporter != NULL && PyBytes_CheckExact(exporter)) {
        span->owner = exporter;
    }
    else if (exporter != NULL && is_message(exporter) && !exports_otherwise(Py_TYPE(exporter))) {
        span->owner = message_owner((Message *)exporter);
    }
#if KNOWS_MEMORYVIEWS
    else if (managed_type != NULL) {
        span->owner = (PyObject *)VIEW_OF(view)->mbuf;
    }
#endif
    else if (exporter != NULL && PyByteArray_CheckExact(exporter)) {
        span->owner = exporter;
    }
    return span->owner != view;
}

static inline void span_of_message(Message *m, Span *span)
{
    span->made = NULL;
    span->data = m->data;
    span->length = Py_SIZE(m);
    span->owner = message_owner(m);
}

#if KNOWS_MEMORYVIEWS
/* Flat bytes of any exporter: 1 opened, 0 for Python to look at, -1 an exception is set. */
static int span_of_exporter(ModuleState *state, PyObject *source, Span *span)
{
    PyObject *managed = managed_open(state, source);
    if (managed == NULL) {
        int told = PyErr_ExceptionMatches(PyExc_TypeError) || PyErr_ExceptionMatches(PyExc_ValueError) ||
                   PyErr_ExceptionMatches(PyExc_BufferError);
        if (told) {
            PyErr_Clear(); /* as_buffer() gets it too, and tells it */
        }
        return told ? 0 : -1;
    }
    Py_buffer *buffer = &((_PyManagedBufferObject *)managed)->master;
    if (!is_flat(buffer)) {
        managed_drop(state, managed);
        return 0;
    }
    *span = (Span){buffer->buf, buffer->len, managed, managed};
    return 1;
}
#endif

static int span_open_slow(ModuleState *state, PyObject *name, PyObject *source, Span *span)
{
    if (is_message(source) && !exports_otherwise(Py_TYPE(source))) {
        span_of_message((Message *)source, span);
        return 0;
    }
    if (PyMemoryView_Check(source)) {
        if (memoryview_usable(source) && span_of_memoryview(source, span)) {
            return 0;
        }
    }
#if KNOWS_MEMORYVIEWS
    else if (managed_type != NULL) {
        int opened = span_of_exporter(state, source, span);
        if (opened != 0) {
            return opened < 0 ? -1 : 0;
        }
    }
#endif
    PyObject *made = PyObject_CallFunctionObjArgs(state->as_buffer, source, name, NULL);
    if (made == NULL) {
        return -1;
    }
    if (!PyMemoryView_Check(made) || !memoryview_usable(made)) {
        Py_DECREF(made);
        PyErr_SetString(PyExc_SystemError, "as_buffer() gave no flat memoryview");
        return -1;
    }
    (void)span_of_memoryview(made, span);
    span->made = made;
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
        span_of_message((Message *)kept, span);
        return 0;
    }
    if (PyMemoryView_Check(kept) && memoryview_usable(kept)) {
        (void)span_of_memoryview(kept, span);
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
