/* Run: what a turn of an actor takes out of its mailbox. `begin` takes the next item and finds its
 * handler; iterating then gives that message and those of the same class that follow it, one by one.
 *
 * The loop that calls the handler is Python, in Handling._drain: from there the interpreter goes into
 * a handler written in Python without leaving itself, which a call from C costs it. Everything around
 * that call is here: taking out, unwrapping, telling the class, counting. A message is counted as
 * handled when the next one is asked for, so right after its handler has returned; where it raised,
 * by `fail`. What has not been handled then is still in the queue.
 *
 * A told message whose handler takes the sender is given to it in its Sent.
 *
 * Ownership: strong references to the inbox, the message in hand, its Sent, its class and its Cell.
 */
#ifndef MYCELIUM_RUN_H
#define MYCELIUM_RUN_H

#include "inbox.h"

typedef struct {
    PyObject_HEAD
    Inbox *inbox;
    PyObject *message;           /* in hand, or NULL */
    PyObject *envelope;          /* the Sent in which it goes to its handler, or NULL */
    PyObject *cell;              /* of the class in hand; NULL where its messages have no handler */
    PyTypeObject *current;       /* that class, or NULL */
    long long taken_at;          /* when the message in hand was taken, if it is a sampled one, or 0 */
    Py_ssize_t budget;
    Py_ssize_t taken;
    char given;                  /* whether the message in hand has gone to its handler */
} Run;

static int record(ModuleState *state, PyObject *histogram, long long passed)
{
    PyObject *value = PyLong_FromLongLong(passed);
    PyObject *done = value == NULL ? NULL : PyObject_CallMethodOneArg(histogram, state->record, value);
    Py_XDECREF(value);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* The next item, whose reference is the caller's; NULL where there is none, or with an error. */
static RARE PyObject *other_shift(ModuleState *state, PyObject *items)
{
    PyObject *item = PyObject_CallMethodNoArgs(items, state->popleft);
    if (item == NULL && PyErr_ExceptionMatches(PyExc_IndexError)) {
        PyErr_Clear();
    }
    return item;
}

static inline PyObject *run_shift(Run *self)
{
    Inbox *inbox = self->inbox;
    PyObject *item = LIKELY(Py_IS_TYPE(inbox->items, inbox->state->queue_type))
                         ? queue_shift((Queue *)inbox->items)
                         : other_shift(inbox->state, inbox->items);
    self->taken += item != NULL;
    return item;
}

/* The message in a Keyed or a Sampled item, in whose place it comes. */
static PyObject *run_unwrap(Run *self, PyObject *item)
{
    Inbox *inbox = self->inbox;
    ModuleState *state = inbox->state;
    self->taken_at = 0;
    if (UNLIKELY((PyObject *)Py_TYPE(item) == state->keyed)) {
        Py_SETREF(item, PyObject_CallMethodNoArgs(item, state->take));
    }
    if (item != NULL && Py_IS_TYPE(item, state->sampled_type)) {
        const Sampled *sampled = (Sampled *)item;
        self->taken_at = now_ns(state);
        if ((self->taken_at == -1 && PyErr_Occurred()) ||
            (inbox->latency != Py_None && record(state, inbox->latency, self->taken_at - sampled->sent_at) < 0)) {
            Py_DECREF(item);
            return NULL;
        }
        Py_SETREF(item, Py_NewRef(sampled->message));
    }
    return item;
}

/* begin(table): the handler of the next message; None where that has none, or where it is over. */
static PyObject *run_begin(PyObject *object, PyObject *table)
{
    Run *self = (Run *)object;
    if (!PyDict_CheckExact(table)) {
        PyErr_SetString(PyExc_TypeError, "a table is a dict");
        return NULL;
    }
    self->given = 0;
    Py_CLEAR(self->message);
    Py_CLEAR(self->envelope);
    Py_CLEAR(self->cell);
    PyObject *item = self->taken < self->budget ? run_shift(self) : NULL;
    item = item == NULL ? NULL : run_unwrap(self, item);
    if (item == NULL) {
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    Py_XSETREF(self->message, item);
    PyObject *told = Py_XNewRef(told_in(self->inbox->state, item));
    PyTypeObject *kind = (PyTypeObject *)Py_NewRef((PyObject *)Py_TYPE(told == NULL ? item : told));
    PyObject *cell = PyDict_GetItemWithError(table, (PyObject *)kind); /* a metaclass may hash in Python */
    const int is_cell = cell != NULL && Py_IS_TYPE(cell, self->inbox->state->cell_type);
    PyObject *handle = is_cell ? Py_XNewRef(((Cell *)cell)->handle) : NULL; /* before what is let go may run Python */
    if (handle == NULL) {
        if (cell != NULL && !is_cell) {
            PyErr_SetString(PyExc_TypeError, "a table has a Cell for each message");
        }
        Py_XDECREF(told);
        Py_DECREF(kind);
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    Py_XSETREF(self->cell, Py_NewRef(cell));
    if (told != NULL && self->message == item) { /* else it has begun anew meanwhile */
        self->message = told;
        Py_XSETREF(self->envelope, item);
    }
    else {
        Py_XDECREF(told);
    }
    Py_XSETREF(self->current, kind);
    return handle;
}

/* After the handler of a sampled message. */
static RARE int run_note_time(Run *self)
{
    ModuleState *state = self->inbox->state;
    const long long taken_at = self->taken_at;
    self->taken_at = 0;
    if (self->inbox->handling == Py_None) {
        return 0;
    }
    const long long now = now_ns(state);
    return (now == -1 && PyErr_Occurred()) ? -1 : record(state, self->inbox->handling, now - taken_at);
}

/* The next one of a run of messages that lie in their Sent. */
static RARE PyObject *run_next_sent(Run *self)
{
    Inbox *inbox = self->inbox;
    PyObject *done = self->message, *left = self->envelope, *item = NULL, *told = NULL;
    if (self->taken < self->budget && Py_IS_TYPE(inbox->items, inbox->state->queue_type)) {
        Queue *queue = (Queue *)inbox->items;
        told = queue->count > 0 ? told_in(inbox->state, queue->ring[queue->head]) : NULL;
        if (told != NULL && Py_TYPE(told) == self->current) {
            item = queue_shift(queue);
            self->taken++;
        }
    }
    self->message = item == NULL ? NULL : Py_NewRef(told);
    self->envelope = Py_XNewRef(item);
    Py_DECREF(left); /* these may run Python */
    Py_DECREF(done);
    return item;
}

static PyObject *run_next(PyObject *object)
{
    Run *self = (Run *)object;
    if (UNLIKELY(self->cell == NULL || self->message == NULL)) {
        return NULL;
    }
    if (!self->given) {
        self->given = 1;
        return Py_NewRef(self->envelope == NULL ? self->message : self->envelope);
    }
    ((Cell *)self->cell)->handled++;
    if (UNLIKELY(self->taken_at != 0)) {
        const int noted = run_note_time(self);
        if (noted < 0 || self->message == NULL) { /* what records is Python, and may have begun anew */
            Py_CLEAR(self->message);
            return NULL;
        }
    }
    if (UNLIKELY(self->envelope != NULL)) {
        return run_next_sent(self);
    }
    Inbox *inbox = self->inbox;
    PyObject *done = self->message, *item = NULL;
    if (LIKELY(self->taken < self->budget && Py_IS_TYPE(inbox->items, inbox->state->queue_type))) {
        Queue *queue = (Queue *)inbox->items;
        if (LIKELY(queue->count > 0 && Py_TYPE(queue->ring[queue->head]) == self->current)) {
            item = queue_shift(queue);
            self->taken++;
        }
    }
    self->message = Py_XNewRef(item); /* queue_shift() gave one to return, too */
    Py_DECREF(done); /* may run Python, which may take the message out of our hand */
    return item;
}

/* fail(): counts a message whose handler raised; the message in hand, or None. */
static PyObject *run_fail(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    Run *self = (Run *)object;
    if (self->cell != NULL && self->message != NULL) {
        ((Cell *)self->cell)->failed++;
        ((Cell *)self->cell)->handled++;
    }
    Py_CLEAR(self->cell);
    return Py_NewRef(self->message == NULL ? Py_None : self->message);
}

/* ---- the object ---- */

static PyObject *run_vectorcall(PyObject *callable, PyObject *const *args, size_t flagged, PyObject *names)
{
    PyTypeObject *type = (PyTypeObject *)callable;
    ModuleState *state = state_of_type(type);
    if (state == NULL) {
        return NULL;
    }
    if (PyVectorcall_NARGS(flagged) != 2 || names != NULL || !PyObject_TypeCheck(args[0], state->inbox_type)) {
        PyErr_SetString(PyExc_TypeError, "Run() takes a mailbox and a number");
        return NULL;
    }
    const Py_ssize_t budget = PyNumber_AsSsize_t(args[1], NULL);
    Run *self = budget == -1 && PyErr_Occurred() ? NULL : (Run *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->inbox = (Inbox *)Py_NewRef(args[0]);
        self->budget = budget;
    }
    return (PyObject *)self;
}

static PyObject *run_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "Run() takes no keyword arguments");
        return NULL;
    }
    return run_vectorcall((PyObject *)type, ((PyTupleObject *)args)->ob_item, (size_t)PyTuple_GET_SIZE(args), NULL);
}

static int run_traverse(PyObject *object, visitproc visit, void *arg)
{
    Run *self = (Run *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->inbox);
    Py_VISIT(self->message);
    Py_VISIT(self->envelope);
    Py_VISIT(self->cell);
    Py_VISIT(self->current);
    return 0;
}

static void run_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Run *self = (Run *)object;
    PyObject_GC_UnTrack(object);
    Py_CLEAR(self->inbox);
    Py_CLEAR(self->message);
    Py_CLEAR(self->envelope);
    Py_CLEAR(self->cell);
    Py_CLEAR(self->current);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *run_sampled(PyObject *object, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((Run *)object)->taken_at != 0);
}

static PyMethodDef run_methods[] = {
    {"begin", run_begin, METH_O,
     "begin($self, table, /)\n--\n\nThe handler of the next message; None where that has none, or where it is over."},
    {"fail", run_fail, METH_NOARGS,
     "fail($self, /)\n--\n\nCount the message in hand as one whose handler raised; that message, or None."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef run_getset[] = {
    {"sampled", run_sampled, NULL, "Whether the time of the message in hand is taken.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef run_members[] = {
    {"message", T_OBJECT, offsetof(Run, message), READONLY, "The message in hand, or None."},
    {"envelope", T_OBJECT, offsetof(Run, envelope), READONLY, "The Sent in which it goes to its handler, or None."},
    {"taken", T_PYSSIZET, offsetof(Run, taken), READONLY, "How many items it has taken."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot run_slots[] = {
    {Py_tp_new, run_new},           {Py_tp_dealloc, run_dealloc},   {Py_tp_traverse, run_traverse}, {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, run_next},     {Py_tp_methods, run_methods},   {Py_tp_members, run_members},
    {Py_tp_getset, run_getset},
    {Py_tp_doc, "Run(mailbox, budget, /)\n--\n\nWhat a turn of an actor takes out of its mailbox."},
    {0, NULL},
};

static PyType_Spec run_spec = {
    .name = "mycelium._native.Run",
    .basicsize = sizeof(Run),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = run_slots,
};

#endif
