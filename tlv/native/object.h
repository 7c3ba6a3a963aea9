/* The message object: owned, with its bytes inside, or a view of bytes that another object has.
 *
 * Ownership
 *   owned   owner is NULL, data points to inlined[]; one allocation.
 *   view    owner keeps the bytes where they are, and nothing else is kept:
 *             exact bytes, or an owned message: a reference suffices, they never move;
 *             a managed buffer: a reference and one export, see managed.h;
 *             exact bytearray, or memoryview: a reference and one buffer export ("pin"), which
 *             forbids to resize or release it. owner_hold() and owner_drop() are the only places
 *             that know.
 *   lent    the entry of the memoryview that shows these bytes; see lending.h.
 * Invariants
 *   ob_size is the number of bytes of the message, wherever they lie; data[0 .. ob_size) can be
 *   read as long as the object lives. Every reader checks against ob_size, not against the layout
 *   of the class: __class__ can be assigned.
 *   Each class has tp_dealloc == message_dealloc and no other class has: see is_message().
 * Messages are no objects of the collector: what they hold cannot hold them, except through a
 * buffer exporter of the user's own that refers to its own views.
 */
#ifndef TLV_OBJECT_H
#define TLV_OBJECT_H

#include "managed.h"

struct message {
    PyObject_VAR_HEAD
    const char *data;
    PyObject *owner;
    Loan *lent;            /* borrowed from the module state, or NULL */
    char inlined[];
};

#define MESSAGE_HEAD ((Py_ssize_t)offsetof(Message, inlined))

static void message_dealloc(PyObject *self);

static inline int is_message(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == message_dealloc;
}

static int owner_hold_pinned(PyObject *owner)
{
    /* The reference that the export holds is the one we keep. */
    Py_buffer pin;
    return PyObject_GetBuffer(owner, &pin, PyBUF_SIMPLE);
}

static inline int owner_needs_pin(PyObject *owner)
{
    return PyByteArray_CheckExact(owner) || PyMemoryView_Check(owner);
}

static inline int owner_hold(PyObject *owner)
{
    if (UNLIKELY(!PyBytes_CheckExact(owner))) {
#if KNOWS_MEMORYVIEWS
        if (is_managed(owner)) {
            managed_hold(owner);
            return 0;
        }
#endif
        if (owner_needs_pin(owner)) {
            return owner_hold_pinned(owner);
        }
    }
    Py_INCREF(owner);
    return 0;
}

/* state, which keeps what can be used again, may be NULL. */
static inline void owner_drop(ModuleState *state, PyObject *owner)
{
    (void)state;
    if (UNLIKELY(!PyBytes_CheckExact(owner))) {
#if KNOWS_MEMORYVIEWS
        if (is_managed(owner)) {
            managed_drop(state, owner);
            return;
        }
#endif
        if (owner_needs_pin(owner)) {
            /* Both exporters look at nothing but the object. */
            Py_buffer pin = {.obj = owner};
            PyBuffer_Release(&pin);
            return;
        }
    }
    Py_DECREF(owner);
}

/* Who keeps the bytes of a message: what a view of a part of it must hold. */
static inline PyObject *message_owner(Message *m)
{
    return m->owner != NULL ? m->owner : (PyObject *)m;
}

#endif
