/* The message object: owned, with its bytes inside, or a view of bytes that another object has.
 *
 * Ownership
 *   owned   owner is NULL, data points to inlined[]; one allocation.
 *   view    owner keeps the bytes where they are, and nothing else is kept:
 *             exact bytes, or an owned message: a reference suffices, they never move;
 *             exact bytearray, or memoryview: a reference and one buffer export ("pin"), which
 *             forbids to resize or release it. owner_hold() and owner_drop() are the only places
 *             that know.
 * Invariants
 *   ob_size is the number of bytes of the message, wherever they lie; data[0 .. ob_size) can be
 *   read as long as the object lives. Every reader checks against ob_size, not against the layout
 *   of the class: __class__ can be assigned.
 *   Each class has tp_dealloc == message_dealloc and no other class has: see is_message().
 * Messages are no objects of the collector: what they hold cannot hold them, except through a
 * buffer exporter of the user's own that refers to its own views.
 */
#ifndef TLV_MESSAGE_H
#define TLV_MESSAGE_H

#include "plan.h"

struct message {
    PyObject_VAR_HEAD
    const char *data;
    PyObject *owner;
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
    if (UNLIKELY(owner_needs_pin(owner))) {
        return owner_hold_pinned(owner);
    }
    Py_INCREF(owner);
    return 0;
}

static inline void owner_drop(PyObject *owner)
{
    if (UNLIKELY(owner_needs_pin(owner))) {
        /* Both exporters look at nothing but the object. */
        Py_buffer pin = {.obj = owner};
        PyBuffer_Release(&pin);
        return;
    }
    Py_DECREF(owner);
}

/* Who keeps the bytes of a message: what a view of a part of it must hold. */
static inline PyObject *message_owner(Message *m)
{
    return m->owner != NULL ? m->owner : (PyObject *)m;
}

/* A block of a freelist is memory without a type and without an owner. */

/* A view; the caller has checked that the bytes are there. */
static inline PyObject *
message_view(ModuleState *state, PyTypeObject *type, PyObject *owner, const char *data, Py_ssize_t length)
{
    Message *m;
    if (UNLIKELY(owner_hold(owner) < 0)) {
        return NULL;
    }
    if (LIKELY(state->free_views != NULL)) {
        m = state->free_views;
        state->free_views = (Message *)m->owner;
        state->free_count--;
    }
    else {
        m = PyObject_Malloc((size_t)MESSAGE_HEAD);
        if (m == NULL) {
            owner_drop(owner);
            return PyErr_NoMemory();
        }
    }
    object_init(&m->ob_base, type, length);
    m->data = data;
    m->owner = owner;
    return (PyObject *)m;
}

/* An owned message whose bytes are yet to be written. Nobody else sees it until then. */
static inline Message *message_owned(Plan *plan, PyTypeObject *type, Py_ssize_t length)
{
    Message *m = NULL;
    if (plan->free_owned != NULL && length == plan->size) {
        m = plan->free_owned;
        plan->free_owned = (Message *)m->owner;
        plan->free_count--;
    }
    else if (length <= PY_SSIZE_T_MAX - MESSAGE_HEAD) {
        m = PyObject_Malloc((size_t)(MESSAGE_HEAD + length));
    }
    if (m == NULL) {
        return (Message *)PyErr_NoMemory();
    }
    object_init(&m->ob_base, type, length);
    m->data = m->inlined;
    m->owner = NULL;
    return m;
}

static PyObject *message_copy(Plan *plan, PyTypeObject *type, const char *data, Py_ssize_t length)
{
    Message *m = message_owned(plan, type, length);
    if (m != NULL) {
        memcpy(m->inlined, data, (size_t)length);
    }
    return (PyObject *)m;
}

/* Puts the memory of a message on the list that it fits; 0 where there is no room. */
static inline int message_keep(Plan *plan, Message *m)
{
    if (m->owner != NULL) {
        ModuleState *state = plan->state;
        if (UNLIKELY(state->free_count >= state->free_max)) {
            return 0;
        }
        m->owner = (PyObject *)state->free_views;
        state->free_views = m;
        state->free_count++;
        return 1;
    }
    /* Its size and not its class says how large the block is. */
    if (Py_SIZE(m) != plan->size || Py_SIZE(m) > FREE_OWNED_BYTES || plan->free_count >= FREE_OWNED_MAX) {
        return 0;
    }
    m->owner = (PyObject *)plan->free_owned;
    plan->free_owned = m;
    plan->free_count++;
    return 1;
}

static void message_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (UNLIKELY(type->tp_finalize != NULL) && PyObject_CallFinalizerFromDealloc(self) < 0) {
        return; /* __del__ kept it */
    }
    type = Py_TYPE(self); /* which __del__ can have changed */
    Message *m = (Message *)self;
    PyObject *owner = m->owner;
    Plan *plan = plan_of(type);
    if (plan == NULL || !message_keep(plan, m)) {
        PyObject_Free(m);
    }
    /* Last, since these can run other code; the type keeps the state. */
    if (owner != NULL) {
        owner_drop(owner);
    }
    Py_DECREF(type);
}

static void free_owned_clear(Plan *plan)
{
    while (plan->free_owned != NULL) {
        Message *m = plan->free_owned;
        plan->free_owned = (Message *)m->owner;
        PyObject_Free(m);
    }
}

static void free_views_clear(ModuleState *state)
{
    state->free_max = 0;
    while (state->free_views != NULL) {
        Message *m = state->free_views;
        state->free_views = (Message *)m->owner;
        PyObject_Free(m);
    }
    state->free_count = 0;
}

static Py_ssize_t message_inline_size(Message *m)
{
    return MESSAGE_HEAD + (m->owner == NULL ? Py_SIZE(m) : 0);
}

#endif
