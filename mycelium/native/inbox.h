/* Inbox: of a Mailbox, what every message goes through. Its subclass in Python has all the rest.
 *
 * Putting in is an append and a look at `asleep`, in this order; why no wake-up and no message is
 * lost that way is told in mycelium/mailbox/mailbox.py. The argument needs that nothing else runs between
 * the two steps but what any thread may do between any two steps of the others: it holds here as
 * there, since each step is done with the GIL held, and an append is done before the look begins.
 *
 * Ownership: strong references to the queue, to what is accepted and to the histograms.
 */
#ifndef MYCELIUM_INBOX_H
#define MYCELIUM_INBOX_H

#include "counts.h"
#include "queue.h"

typedef struct {
    PyObject_HEAD
    ModuleState *state;          /* of the module that the type keeps alive */
    PyObject *items;             /* a Queue, or in tests what looks like one */
    PyObject *accepts;           /* dict: message class -> Cell */
    PyObject *latency;           /* has record(nanoseconds), or None */
    PyObject *handling;          /* the same, for the time that handlers take */
    Py_ssize_t capacity;
    char asleep;
    char queued;                 /* stands on the queue of a dispatcher */
    char in_turn;                /* somebody gives the owner a turn */
    char refusing, closed, started, engaged, paused;
} Inbox;

/* ---- putting in ---- */

static RARE int other_append(ModuleState *state, PyObject *items, PyObject *item)
{
    PyObject *done = PyObject_CallMethodOneArg(items, state->append, item);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static inline int inbox_append(Inbox *self, PyObject *item)
{
    return LIKELY(Py_IS_TYPE(self->items, self->state->queue_type)) ? queue_push((Queue *)self->items, item)
                                                              : other_append(self->state, self->items, item);
}

/* How many wait; -1 with an error. */
static inline Py_ssize_t inbox_count(Inbox *self)
{
    return LIKELY(Py_IS_TYPE(self->items, self->state->queue_type)) ? ((Queue *)self->items)->count
                                                              : PyObject_Size(self->items);
}

static RARE int inbox_call_wake(Inbox *self)
{
    PyObject *done = PyObject_CallMethodNoArgs((PyObject *)self, self->state->wake);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* After an append. */
static inline int inbox_wake(Inbox *self)
{
    return LIKELY(!self->asleep) ? 0 : inbox_call_wake(self);
}

static PyObject *inbox_put(PyObject *object, PyObject *item)
{
    Inbox *self = (Inbox *)object;
    if (inbox_append(self, item) < 0 || inbox_wake(self) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* pump(produced, emit, limit): see inbox_methods. What is called is anybody's code, and the caller holds it all. */
static PyObject *inbox_pump(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3 || !PyIter_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "pump() takes an iterator, a function and a number");
        return NULL;
    }
    Py_ssize_t left = PyNumber_AsSsize_t(args[2], NULL);
    if (left == -1 && PyErr_Occurred()) {
        return NULL;
    }
    PyObject *message;
    while ((message = PyIter_Next(args[0])) != NULL) {
        PyObject *done = PyObject_CallOneArg(args[1], message);
        Py_DECREF(message);
        if (done == NULL) {
            return NULL;
        }
        Py_DECREF(done);
        const Py_ssize_t waiting = inbox_count((Inbox *)object);
        if (waiting != 0 || --left <= 0) {
            return waiting < 0 ? NULL : Py_NewRef(Py_False);
        }
    }
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_True);
}

/* ---- turns ---- */

static PyObject *flag_raise(char *flag)
{
    const int was_up = *flag;
    *flag = 1;
    return PyBool_FromLong(!was_up);
}

static PyObject *inbox_enter_queue(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    return flag_raise(&((Inbox *)object)->queued);
}

static PyObject *inbox_leave_queue(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    ((Inbox *)object)->queued = 0;
    Py_RETURN_NONE;
}

static PyObject *inbox_enter_turn(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    return flag_raise(&((Inbox *)object)->in_turn);
}

static PyObject *inbox_leave_turn(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    ((Inbox *)object)->in_turn = 0;
    Py_RETURN_NONE;
}

/* ---- the object ---- */

static PyObject *inbox_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    ModuleState *state = state_of_type(type);
    Inbox *self = state == NULL ? NULL : (Inbox *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->state = state;
        self->latency = Py_NewRef(Py_None);
        self->handling = Py_NewRef(Py_None);
        self->items = PyObject_CallNoArgs((PyObject *)state->queue_type);
        self->accepts = Py_NewRef(state->nothing);
        self->capacity = (1 << 30) - 1; /* UNLIMITED of mycelium.mailbox.bounds */
        if (self->items == NULL) {
            Py_CLEAR(self);
        }
    }
    return (PyObject *)self;
}

static int inbox_traverse(PyObject *object, visitproc visit, void *arg)
{
    Inbox *self = (Inbox *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->items);
    Py_VISIT(self->accepts);
    Py_VISIT(self->latency);
    Py_VISIT(self->handling);
    return 0;
}

/* They are never NULL while anybody can ask: None in their place is as good to the collector. What is accepted is a dict
 * always, which the collector clears itself. */
static int inbox_clear(PyObject *object)
{
    Inbox *self = (Inbox *)object;
    Py_XSETREF(self->items, Py_NewRef(Py_None));
    Py_XSETREF(self->latency, Py_NewRef(Py_None));
    Py_XSETREF(self->handling, Py_NewRef(Py_None));
    return 0;
}

static void inbox_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Inbox *self = (Inbox *)object;
    PyObject_GC_UnTrack(object);
    Py_CLEAR(self->items);
    Py_CLEAR(self->accepts);
    Py_CLEAR(self->latency);
    Py_CLEAR(self->handling);
    type->tp_free(object);
    Py_DECREF(type);
}

static Py_ssize_t inbox_length(PyObject *object)
{
    return inbox_count((Inbox *)object);
}

/* Of the objects that may be exchanged, and never be NULL: the closure is where they are. */
static PyObject *inbox_get_object(PyObject *object, void *closure)
{
    return Py_NewRef(*(PyObject **)((char *)object + (Py_ssize_t)closure));
}

static int inbox_set_object(PyObject *object, PyObject *value, void *closure)
{
    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "an inbox has this always");
        return -1;
    }
    Py_SETREF(*(PyObject **)((char *)object + (Py_ssize_t)closure), Py_NewRef(value));
    return 0;
}

static int inbox_set_accepts(PyObject *object, PyObject *value, void *closure)
{
    (void)closure;
    if (value == NULL || !PyDict_CheckExact(value)) {
        PyErr_SetString(PyExc_TypeError, "accepts is a dict");
        return -1;
    }
    Py_SETREF(((Inbox *)object)->accepts, Py_NewRef(value));
    return 0;
}

static PyObject *inbox_get_accepts(PyObject *object, void *closure)
{
    (void)closure;
    return Py_NewRef(((Inbox *)object)->accepts);
}

static PyMethodDef inbox_methods[] = {
    {"put", inbox_put, METH_O, "put($self, envelope, /)\n--\n\nAppend and wake the owner. Never blocks, and has no bound."},
    {"pump", (PyCFunction)(void (*)(void))inbox_pump, METH_FASTCALL,
     "pump($self, produced, emit, limit, /)\n--\n\n"
     "Emit what a source produces, at most `limit` messages, and no more as soon as there is mail; whether that was all."},
    {"enter_queue", inbox_enter_queue, METH_NOARGS,
     "enter_queue($self, /)\n--\n\nFor who will put the owner on the queue of its dispatcher; False where it stands there."},
    {"leave_queue", inbox_leave_queue, METH_NOARGS, "leave_queue($self, /)\n--\n\nIt was taken off."},
    {"enter_turn", inbox_enter_turn, METH_NOARGS,
     "enter_turn($self, /)\n--\n\nFor who will give the owner a turn; False where somebody does."},
    {"leave_turn", inbox_leave_turn, METH_NOARGS, "leave_turn($self, /)\n--\n\nThe turn is over."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef inbox_getset[] = {
    {"accepts", inbox_get_accepts, inbox_set_accepts,
     "The cells of declared messages; those that are accepted may be put in as they are.", NULL},
    {"items", inbox_get_object, inbox_set_object, "The messages that wait.", (void *)offsetof(Inbox, items)},
    {"latency", inbox_get_object, inbox_set_object, "Takes the hand-off times of sampled messages; or None.",
     (void *)offsetof(Inbox, latency)},
    {"handling", inbox_get_object, inbox_set_object, "Takes the times that their handlers took; or None.",
     (void *)offsetof(Inbox, handling)},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef inbox_members[] = {
    {"capacity", T_PYSSIZET, offsetof(Inbox, capacity), 0, "At this many items the mailbox is full."},
    {"asleep", T_BOOL, offsetof(Inbox, asleep), 0, "The owner does not look at the queue by itself."},
    {"in_turn", T_BOOL, offsetof(Inbox, in_turn), READONLY, "Somebody gives the owner a turn."},
    {"refusing", T_BOOL, offsetof(Inbox, refusing), 0, "The owner will take no more."},
    {"closed", T_BOOL, offsetof(Inbox, closed), 0, "The owner is gone."},
    {"started", T_BOOL, offsetof(Inbox, started), 0, "The owner's loop has begun."},
    {"engaged", T_BOOL, offsetof(Inbox, engaged), 0, "The owner has work that is not mail."},
    {"paused", T_BOOL, offsetof(Inbox, paused), 0, "The owner takes nothing for now."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot inbox_slots[] = {
    {Py_tp_new, inbox_new},         {Py_tp_dealloc, inbox_dealloc}, {Py_tp_traverse, inbox_traverse},
    {Py_tp_clear, inbox_clear},     {Py_tp_methods, inbox_methods}, {Py_tp_getset, inbox_getset},
    {Py_tp_members, inbox_members}, {Py_sq_length, inbox_length},
    {Py_tp_doc, "Inbox()\n--\n\nOf a mailbox, what every message goes through."},
    {0, NULL},
};

static PyType_Spec inbox_spec = {
    .name = "mycelium._native.Inbox",
    .basicsize = sizeof(Inbox),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = inbox_slots,
};

#endif
