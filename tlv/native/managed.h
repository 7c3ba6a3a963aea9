/* Managed buffers: CPython's own record of a buffer that was taken, and of how many read it.
 *
 * Each memoryview registers with the managed buffer of its exporter: a reference and one more
 * export. When the last export ends the buffer is released to the exporter. Our views register the
 * same way, so that reading through a memoryview or out of a mapped file makes no object but the
 * view; and the memoryview may be released or dropped before the view.
 *
 * Ownership: a managed buffer of ours is a strong reference and one export, which managed_drop()
 * gives back. Those on the list of the module are released ones that nobody else refers to.
 *
 * The two structs stand in CPython's headers, and module_exec() looks whether they are what is
 * written here. Where they could be changed by two threads at once, or were not looked at yet, a
 * view holds a memoryview in their place.
 */
#ifndef TLV_MANAGED_H
#define TLV_MANAGED_H

#include "plan.h"

#if PY_VERSION_HEX < 0x030F0000 && !defined(Py_GIL_DISABLED) && !defined(Py_TRACE_REFS) &&                         \
    !defined(MYCELIUM_PLAIN_MEMORYVIEWS)
#define KNOWS_MEMORYVIEWS 1
#else
#define KNOWS_MEMORYVIEWS 0
#endif

#define VIEW_OF(object) ((PyMemoryViewObject *)(object))

#if KNOWS_MEMORYVIEWS

static char no_bytes[8];

/* One static type for all interpreters; NULL until a module is made, and where it was found to differ. */
static PyTypeObject *managed_type;

static inline int is_managed(PyObject *object)
{
    return Py_TYPE(object) == managed_type;
}

static inline void managed_hold(PyObject *managed)
{
    ((_PyManagedBufferObject *)managed)->exports++;
    Py_INCREF(managed);
}

/* state may be NULL: then nothing is kept. */
static void managed_drop(ModuleState *state, PyObject *managed)
{
    _PyManagedBufferObject *buffer = (_PyManagedBufferObject *)managed;
    if (--buffer->exports == 0 && !(buffer->flags & _Py_MANAGED_BUFFER_RELEASED)) {
        /* As the last memoryview of it would. */
        buffer->flags |= _Py_MANAGED_BUFFER_RELEASED;
        PyObject_GC_UnTrack(managed);
        PyBuffer_Release(&buffer->master);
    }
    if (state != NULL && state->free_managed_count < state->free_managed_max && Py_REFCNT(managed) == 1 &&
        buffer->flags == _Py_MANAGED_BUFFER_RELEASED) {
        state->free_managed[state->free_managed_count++] = managed;
        return;
    }
    Py_DECREF(managed);
}

/* A released one; a new reference. */
static PyObject *managed_take(ModuleState *state)
{
    if (LIKELY(state->free_managed_count > 0)) {
        return state->free_managed[--state->free_managed_count];
    }
    PyObject *view = PyMemoryView_FromMemory(no_bytes, 0, PyBUF_READ);
    if (view == NULL) {
        return NULL;
    }
    PyObject *managed = Py_NewRef((PyObject *)VIEW_OF(view)->mbuf);
    Py_DECREF(view);
    return managed;
}

/* The buffer of any exporter, for one reader; NULL with what the exporter raised. */
static PyObject *managed_open(ModuleState *state, PyObject *exporter)
{
    PyObject *managed = managed_take(state);
    if (managed == NULL) {
        return NULL;
    }
    _PyManagedBufferObject *buffer = (_PyManagedBufferObject *)managed;
    if (PyObject_GetBuffer(exporter, &buffer->master, PyBUF_FULL_RO) < 0) {
        buffer->master.obj = NULL;
        Py_DECREF(managed);
        return NULL;
    }
    buffer->flags &= ~_Py_MANAGED_BUFFER_RELEASED;
    buffer->exports = 1;
    PyObject_GC_Track(managed);
    return managed;
}

/* Whether a memoryview is what this file takes it for. */
static int managed_is_as_expected(PyObject *view)
{
    PyMemoryViewObject *v = VIEW_OF(view);
    _PyManagedBufferObject *buffer = v->mbuf;
    return Py_REFCNT(view) == 1 && v->flags == (_Py_MEMORYVIEW_C | _Py_MEMORYVIEW_FORTRAN) && v->exports == 0 &&
           v->hash == -1 && v->weakreflist == NULL && v->view.buf == no_bytes && v->view.len == 1 &&
           v->view.obj == NULL && v->view.shape == v->ob_array && v->view.shape[0] == 1 &&
           Py_REFCNT(buffer) == 1 && buffer->flags == 0 && buffer->exports == 1 && buffer->master.obj == NULL &&
           buffer->master.buf == no_bytes && buffer->master.shape == &buffer->master.len && buffer->master.len == 1;
}
#endif

/* Learns the type of managed buffers; without it views hold memoryviews. */
static int managed_learn(void)
{
#if KNOWS_MEMORYVIEWS
    PyObject *view = PyMemoryView_FromMemory(no_bytes, 1, PyBUF_READ);
    if (view == NULL) {
        return -1;
    }
    managed_type = managed_is_as_expected(view) ? Py_TYPE(VIEW_OF(view)->mbuf) : NULL;
    Py_DECREF(view);
#endif
    return 0;
}

static inline int knows_memoryviews(void)
{
#if KNOWS_MEMORYVIEWS
    return managed_type != NULL;
#else
    return 0;
#endif
}

static void free_managed_clear(ModuleState *state)
{
    state->free_managed_max = 0;
    while (state->free_managed_count > 0) {
        Py_DECREF(state->free_managed[--state->free_managed_count]);
    }
}

#endif
