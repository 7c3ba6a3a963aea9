/* Making and freeing messages, with the freelists that make both cheap.
 *
 * Ownership: a block of a freelist is memory without a type and without an owner, linked by its
 * owner field.
 */
#ifndef TLV_MESSAGE_H
#define TLV_MESSAGE_H

#include "lending.h"

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
            owner_drop(state, owner);
            return PyErr_NoMemory();
        }
    }
    object_init(&m->ob_base, type, length);
    m->data = data;
    m->owner = owner;
    m->lent = NULL;
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
    m->lent = NULL;
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
    Message *m = (Message *)self;
    if (lent_outlives(m)) {
        return; /* who reads its bytes keeps it */
    }
    if (UNLIKELY(type->tp_finalize != NULL) &&
        (PyObject_CallFinalizerFromDealloc(self) < 0 || lent_outlives(m))) {
        return; /* __del__ kept it, or its bytes */
    }
    type = Py_TYPE(self);
    PyObject *owner = m->owner;
    Plan *plan = plan_of(type);
    if (plan == NULL || !message_keep(plan, m)) {
        PyObject_Free(m);
    }
    /* Last, since these can run other code; the type keeps the state. */
    if (owner != NULL) {
        owner_drop(plan == NULL ? NULL : plan->state, owner);
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
